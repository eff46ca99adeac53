"""What the lake computed of a variant: sums over units, by metric and day."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

MEAN = "mean"
RATE = "rate"


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

    @property
    def average(self) -> float | None:
        """The mean, or the rate; None without units."""
        return self.total / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class DayOfVariant:
    """One UTC day of one variant: metric to sums."""

    category: str
    variant_id: str
    day: date
    metrics: Mapping[str, Sums]


def merged(days: Iterable[DayOfVariant]) -> Mapping[str, Sums]:
    """Return the sums of several days of a variant, by metric.

    This takes the units of different days for different units. A session that goes on past midnight, or a
    user who comes back, is counted once a day, so that over many days `n` is too large and p values are a
    little too small; the unit table of the lake has the exact sums. A metric whose kind changed in between
    has the kinds of both, joined by `+`, and cannot be compared.
    """
    found: dict[str, list[Sums]] = {}
    for day in days:
        for metric, sums in day.metrics.items():
            found.setdefault(metric, []).append(sums)
    return {metric: _added(parts) for metric, parts in sorted(found.items())}


def _added(parts: list[Sums]) -> Sums:
    return Sums(
        kind="+".join(sorted({part.kind for part in parts})),
        n=sum(part.n for part in parts),
        total=math.fsum(part.total for part in parts),
        squares=math.fsum(part.squares for part in parts),
    )
