"""Histograms that merge by addition, and the quantiles that they hold.

The bins of latencies are those of DDSketch (C. Masson, J. E. Rim, H. K. Lee, DDSketch: a fast and
fully-mergeable quantile sketch with relative-error guarantees, PVLDB 12, 2019): bin `i` holds what lies above
γ^(i-1) and up to γ^i. Any quantile is then at most ACCURACY of itself off, whichever days and variants were
merged. The mean of daily quantiles, or the quantile of daily means, has no such bound.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ACCURACY = 0.02
"""How far a quantile may be off, as a share of itself. `sql/gold_histograms.sql` has the same figure."""

GAMMA = (1 + ACCURACY) / (1 - ACCURACY)


def bin_of(value: float) -> int:
    """Return the bin of a value that is not negative. What is below 1 is in bin 0."""
    return max(math.ceil(math.log(value) / math.log(GAMMA)), 0) if value > 1 else 0


def value_of(number: int) -> float:
    """Return the value that stands for a bin: as far from its upper end as from its lower, in proportion."""
    return 2 * GAMMA**number / (GAMMA + 1)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many values lie in each bin. Bins that hold nothing are not listed."""

    bins: Mapping[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(self.bins.values())

    def bin_at(self, share: float) -> int | None:
        """Return the bin of the value whose rank is `share` × (count - 1), rounded down; None without values.

        Raises:
            ValueError: `share` is not between 0 and 1.
        """
        if not 0 <= share <= 1:
            raise ValueError("a quantile lies between 0 and 1")
        rank = math.floor(share * (self.count - 1))
        seen = 0
        for number in sorted(self.bins):
            seen += self.bins[number]
            if seen > rank:
                return number
        return None

    def quantile(self, share: float) -> float | None:
        """Return the quantile of a histogram with DDSketch's bins, in the unit of its values."""
        number = self.bin_at(share)
        return None if number is None else value_of(number)

    def share_above(self, limit: float) -> float | None:
        """Return the share of the values that lie above a limit (to the bin); None without values."""
        above = sum(n for number, n in self.bins.items() if value_of(number) > limit)
        return above / self.count if self.count else None

    def to_text(self) -> str:
        """Return the histogram as text: `bin:count`, in order, with blanks in between."""
        return " ".join(f"{number}:{self.bins[number]}" for number in sorted(self.bins))

    @classmethod
    def from_text(cls, text: str) -> "Histogram":
        """Read what `to_text` wrote, or the lake.

        Raises:
            ValueError: it is no such text.
        """
        pairs = (part.partition(":") for part in text.split())
        return added(cls({int(number): int(count)}) for number, _, count in pairs)


def added(histograms: Iterable[Histogram]) -> Histogram:
    """Return the histogram of all values together."""
    bins: Counter[int] = Counter()
    for histogram in histograms:
        bins.update(histogram.bins)
    return Histogram({number: count for number, count in bins.items() if count})
