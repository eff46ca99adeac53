"""What the lake computed of each variant, for those who compare them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over units (sessions or users, never turns) of one metric.

    For a mean: `n` units, the `total` of their values and the total of the squares. For a rate: `n` trials
    and `total` successes, and no squares.
    """

    kind: str
    n: int
    total: float
    squares: float = 0.0


@dataclass(frozen=True, slots=True)
class DayOfVariant:
    """One UTC day of one variant: metric to sums."""

    category: str
    variant_id: str
    day: date
    metrics: Mapping[str, Sums]


class VariantMetrics(Protocol):
    """Reads and replaces days. Every method may raise StoreUnavailableError."""

    def days(self, category: str, variant_id: str, first: date, last: date) -> Sequence[DayOfVariant]:
        """Return the days from `first` to `last`, both included, that there are figures for, in order."""
        ...

    def put(self, day: DayOfVariant) -> None:
        """Write a day, in the place of what was there: a day that is computed again gives the same rows."""
        ...
