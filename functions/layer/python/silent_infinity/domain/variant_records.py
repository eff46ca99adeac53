"""A variant as operators see it: what the turn reads, and how it came to be so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.variants import Variant


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


@dataclass(frozen=True, slots=True)
class VariantRecord:
    """A row of the registry.

    The first fields are those of `Variant`. `version` counts the changes of the row and is what `If-Match`
    names. `audit_count` and `audit_head` are the length of the variant's audit chain and its last hash.
    `predecessor_id` is the production variant whose place this one took, and goes back to if it is rolled
    back. `promotion_id` names the open promotion, if there is one. Times are ISO 8601, UTC.
    """

    category: str
    variant_id: str
    status: str
    description: str = ""
    rollout_percent: float = 0
    ranges: tuple[tuple[int, int], ...] = ()
    target_cohort: str = "all"
    config: dict[str, Any] = field(default_factory=dict)
    seed: str = "v1"
    pool_rank: int = 0
    pass_criteria: dict[str, Any] = field(default_factory=dict)
    created_at: str = ""
    created_by: str = ""
    last_modified: str = ""
    last_modified_by: str = ""
    parent_variant_id: str | None = None
    predecessor_id: str | None = None
    promotion_id: str | None = None
    version: int = 1
    audit_count: int = 0
    audit_head: str = ""
    pending: Pending | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Category and id."""
        return self.category, self.variant_id


VARIANT_FIELDS = tuple(Variant.__dataclass_fields__)
"""The attributes that the turn reads."""


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
