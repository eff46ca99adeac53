"""Figures: percentiles of samples, and what a benchmark says about them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

NANOSECONDS_PER_MS = 1e6
NANOSECONDS_PER_US = 1e3


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the smallest sample that at least `percent` (0-100) of all samples do not exceed (nearest rank).

    Nearest rank invents no value between two samples, so that a p99 is a time that something really took.

    Raises:
        ValueError: there are no samples, or `percent` is out of range.
    """
    if not samples:
        raise ValueError("a percentile needs samples")
    if not 0 <= percent <= 100:
        raise ValueError("a percentile is between 0 and 100")
    rank = max(1, math.ceil(percent / 100 * len(samples)))
    return sorted(samples)[rank - 1]


def median(samples: Sequence[float]) -> float:
    """Return the 50th percentile (see `percentile`)."""
    return percentile(samples, 50)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of a benchmark.

    `value` and `floor` have the same `unit`. `most` is the largest `value` that the budget allows,
    `most_times_floor` the largest multiple of the floor; a row without either is there to be read.
    `more_is_better` turns the ratio round (throughput), so that a ratio is always how much worse we are.
    """

    what: str
    value: float
    unit: str
    floor: float | None = None
    most: float | None = None
    most_times_floor: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times the floor this costs; None without a floor."""
        if not self.floor or not self.value:
            return None
        return self.floor / self.value if self.more_is_better else self.value / self.floor

    @property
    def met(self) -> bool | None:
        """Whether the budget is kept; None without a budget."""
        verdicts = []
        if self.most is not None:
            verdicts.append(self.value <= self.most)
        if self.most_times_floor is not None and self.ratio is not None:
            verdicts.append(self.ratio <= self.most_times_floor)
        return all(verdicts) if verdicts else None

    @property
    def budget(self) -> str:
        """The budget as it is shown; empty without one."""
        parts = []
        if self.most is not None:
            parts.append(f"≤ {number(self.most)} {self.unit}")
        if self.most_times_floor is not None:
            parts.append(f"≤ {number(self.most_times_floor)} ×")
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a benchmark found.

    `floor` says what the floors of its rows are, `notes` how it was measured. `failures` are wrong results (a
    lost turn event, an answer 500), never slow ones.
    """

    title: str
    floor: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def number(value: float) -> str:
    """Return a figure with three significant digits and no exponent; whole numbers from 100 on."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
