"""What the lake computed of a variant: sums over units, by metric and day."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date

from silent_infinity.domain.lake.histograms import Histogram, added

MEAN = "mean"
RATE = "rate"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Sums over the units' numerators and denominators, of those whose denominator is above 0.

    They give the mean of a ratio over turns with the variance that units of unlike size cause (the delta
    method: A. Deng, U. Knoblich, J. Lu, Applying the Delta Method in Metric Analytics, KDD 2018).
    """

    numerator: float
    denominator: float
    numerator_squares: float
    denominator_squares: float
    cross: float


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over units (sessions or users, never turns) of one metric.

    For a mean: `n` units, the `total` of their values and the total of the squares. For a rate: `n` trials
    and `total` successes, and no squares. `pairs` is None where days are older than it.
    """

    kind: str
    n: int
    total: float
    squares: float = 0.0
    pairs: Pairs | None = None

    @property
    def average(self) -> float | None:
        """The mean, or the rate; None without units."""
        return self.total / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of what a variant had.

    `units` are all that were exposed, whatever became of them: what sample ratios are checked with.
    `mixed_units` had a turn with another variant of the category as well. `crisis_turns` are not exposed.
    """

    units: int = 0
    sessions: int = 0
    users: int = 0
    turns: int = 0
    exposed_turns: int = 0
    crisis_turns: int = 0
    mixed_units: int = 0


@dataclass(frozen=True, slots=True)
class DayOfVariant:
    """One UTC day of one variant: metric to sums, and to the histogram of some.

    `counts` is None, and there is no histogram, where the day is older than them.
    """

    category: str
    variant_id: str
    day: date
    metrics: Mapping[str, Sums]
    counts: Counts | None = None
    histograms: Mapping[str, Histogram] = field(default_factory=dict)


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
    return {metric: together(parts) for metric, parts in sorted(found.items())}


def merged_counts(days: Iterable[DayOfVariant]) -> Counts:
    """Return the counts of several days. Units are taken for others on each day, as `merged` does."""
    found = [day.counts for day in days if day.counts]
    return Counts(*(sum(getattr(each, one.name) for each in found) for one in fields(Counts)))


def merged_histograms(days: Iterable[DayOfVariant]) -> Mapping[str, Histogram]:
    """Return the histograms of several days, by metric. They hold turns, so that no unit counts twice."""
    found: dict[str, list[Histogram]] = {}
    for day in days:
        for metric, histogram in day.histograms.items():
            found.setdefault(metric, []).append(histogram)
    return {metric: added(parts) for metric, parts in sorted(found.items())}


def together(parts: Iterable[Sums]) -> Sums:
    """Return the sums of one metric over all units. There must be at least one part."""
    parts = list(parts)
    pairs = [part.pairs for part in parts if part.pairs]
    return Sums(
        kind="+".join(sorted({part.kind for part in parts})),
        n=sum(part.n for part in parts),
        total=math.fsum(part.total for part in parts),
        squares=math.fsum(part.squares for part in parts),
        pairs=_added(pairs) if len(pairs) == len(parts) else None,
    )


def _added(pairs: list[Pairs]) -> Pairs:
    return Pairs(*(math.fsum(getattr(each, one.name) for each in pairs) for one in fields(Pairs)))
