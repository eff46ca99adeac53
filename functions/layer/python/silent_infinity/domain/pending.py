"""A change of a variant that waits for its cooldown to end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from silent_infinity.domain.payload import from_payload


@dataclass(frozen=True, slots=True)
class Pending:
    """A change of a critical category that waits for its cooldown to end.

    From `effective_at` (ISO 8601, UTC) on, `changes` (attributes of the row and their new values) are in
    force without anybody doing anything. The variants that one request changes share its `change_id`.
    """

    change_id: str
    action: str
    requested_at: str
    requested_by: str
    effective_at: str
    changes: dict[str, Any] = field(default_factory=dict)

    def is_due(self, now: datetime) -> bool:
        """Whether the cooldown is over."""
        return datetime.fromisoformat(self.effective_at) <= now


def row_in_force(row: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Return the row as it holds at `now`: with its pending change, once that is due.

    Raises:
        PayloadError: the pending change is malformed.
    """
    waiting = row.get("pending")
    if not waiting:
        return row
    pending = from_payload(Pending, waiting)
    return {**row, **pending.changes, "pending": None} if pending.is_due(now) else row
