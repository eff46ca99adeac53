"""What rows of the registry mean at a moment: pending changes that are due count, whoever reads them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from silent_infinity.domain.payload import PayloadError, from_payload
from silent_infinity.domain.pending import Pending, row_in_force
from silent_infinity.domain.variant_categories import RETIRED
from silent_infinity.domain.variants import Variant, is_sound

_MALFORMED = (PayloadError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class InForce:
    """The variants that are not retired, the number of rows that could not be read as they should be, and
    when the next pending change is due (None: nothing waits).
    """

    variants: Sequence[Variant]
    broken: int = 0
    next_change: datetime | None = None


def in_force(rows: Iterable[Mapping[str, Any]], now: datetime) -> InForce:
    """Return what holds at `now`. A row that is malformed does not take the others with it.

    A row whose pending change cannot be read holds as it stands: nobody knows what was meant, and what is
    served today is better than nothing.
    """
    variants: list[Variant] = []
    waiting: list[datetime] = []
    broken = 0
    for row in rows:
        try:
            current = row_in_force(row, now)
            if current.get("pending"):
                waiting.append(_due(from_payload(Pending, current["pending"])))
        except _MALFORMED:
            current = row
            broken += 1
        try:
            variant = from_payload(Variant, current)
        except _MALFORMED:
            broken += 1
            continue
        if not is_sound(variant):
            broken += 1
        elif variant.status != RETIRED:
            variants.append(variant)
    return InForce(tuple(variants), broken, min(waiting, default=None))


def _due(pending: Pending) -> datetime:
    return datetime.fromisoformat(pending.effective_at)
