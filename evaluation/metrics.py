"""Rates with intervals, ranking, calibration and times: pure arithmetic, no texts."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Z_95: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: both sides together leave 5 %."""

CALIBRATION_BINS: Final = 10
ROC_POINTS: Final = 200
DIGITS: Final = 6

_QUANTILES: Final = {"min": 0, "p25": 25, "p50": 50, "p75": 75, "p90": 90, "p99": 99, "max": 100}


def wilson(count: int, of: int, z: float = Z_95) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    It stays within 0-1 and says something sensible at 0 and at `of`, where the usual interval is empty.

    Raises:
        ValueError: there are no trials, or more hits than trials.
    """
    if not 0 <= count <= of or of == 0:
        raise ValueError(f"{count} of {of} is no proportion")
    share = count / of
    scale = 1 + z * z / of
    centre = (share + z * z / (2 * of)) / scale
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / scale
    # Rounding must not push a bound across the share that it bounds.
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` hits among `of` trials."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """The proportion; None where nothing was tried."""
        return self.count / self.of if self.of else None

    def to_json(self) -> dict[str, Any]:
        """Return value, 95 % interval, count and trials; nulls where nothing was tried."""
        low, high = wilson(self.count, self.of) if self.of else (None, None)
        return {
            "value": rounded(self.value),
            "low": rounded(low),
            "high": rounded(high),
            "count": self.count,
            "of": self.of,
        }


def rounded(value: float | None) -> float | None:
    """Return the figure as summaries write it."""
    return None if value is None else round(value, DIGITS)


@dataclass(frozen=True, slots=True)
class Auc:
    """The area under the ROC curve with its 95 % interval; the interval is None where it cannot be known."""

    value: float
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the three figures."""
        return {"value": rounded(self.value), "low": rounded(self.low), "high": rounded(self.high)}


def auc(positives: Sequence[float], negatives: Sequence[float]) -> Auc | None:
    """Return how often a positive scores above a negative, a tie counting half; None without both.

    The variance is DeLong's (DeLong et al. 1988, doi:10.2307/2531595) by mid-ranks (Sun and Xu 2014,
    doi:10.1109/LSP.2014.2337313), in O(n log n). The interval is made on the logit, where it cannot leave
    0-1; perfect separation and single examples have no variance, so no interval is claimed for them.
    """
    m, n = len(positives), len(negatives)
    if not m or not n:
        return None
    together = _midranks([*positives, *negatives])
    above = [(all_rank - own) / n for all_rank, own in zip(together[:m], _midranks(positives), strict=True)]
    below = [
        1 - (all_rank - own) / m for all_rank, own in zip(together[m:], _midranks(negatives), strict=True)
    ]
    value = math.fsum(above) / m
    if m == 1 or n == 1 or not 0 < value < 1:
        return Auc(value, None, None)
    variance = _variance(above) / m + _variance(below) / n
    if variance <= 0:
        return Auc(value, None, None)
    centre = math.log(value / (1 - value))
    half = Z_95 * math.sqrt(variance) / (value * (1 - value))
    return Auc(value, _logistic(centre - half), _logistic(centre + half))


def roc(positives: Sequence[float], negatives: Sequence[float]) -> list[list[float]]:
    """Return points `[false alarm rate, sensitivity, threshold]` from (0, 0) to (1, 1).

    A point holds for "score at least the threshold"; the first has none and repeats the second's. Of more
    than `ROC_POINTS`, evenly many are left out.
    """
    if not positives or not negatives:
        return []
    marked = sorted([(score, 1) for score in positives] + [(score, 0) for score in negatives], reverse=True)
    points: list[list[float]] = [[0.0, 0.0, marked[0][0]]]
    hits = alarms = 0
    for place, (score, positive) in enumerate(marked):
        hits += positive
        alarms += 1 - positive
        last_of_its_score = place + 1 == len(marked) or marked[place + 1][0] != score
        if last_of_its_score:
            points.append([alarms / len(negatives), hits / len(positives), score])
    if len(points) > ROC_POINTS:
        step = (len(points) - 1) / (ROC_POINTS - 1)
        points = [points[round(step * place)] for place in range(ROC_POINTS)]
    return [[round(value, DIGITS) for value in point] for point in points]


def calibration(
    scores: Sequence[float], outcomes: Sequence[bool], bins: int = CALIBRATION_BINS
) -> dict[str, Any]:
    """Return how far scores are probabilities: `{"ece", "brier", "bins": [...]}`; nulls without examples.

    ECE: the mean distance of score and rate over bins of equal width, weighted by their examples (Naeini
    et al. 2015). Brier: the mean squared distance of score and outcome (Brier 1950). Bins include their
    lower edge; the last one includes 1.

    Raises:
        ValueError: a score is not in 0-1.
    """
    members: list[list[int]] = [[] for _ in range(bins)]
    for place, score in enumerate(scores):
        if not 0 <= score <= 1:
            raise ValueError("a score is between 0 and 1")
        members[min(int(score * bins), bins - 1)].append(place)
    rows = []
    error = 0.0
    for number, places in enumerate(members):
        rate = Rate(sum(outcomes[place] for place in places), len(places))
        mean = math.fsum(scores[place] for place in places) / len(places) if places else None
        if mean is not None and rate.value is not None:
            error += len(places) / len(scores) * abs(mean - rate.value)
        edges = {"from": rounded(number / bins), "to": rounded((number + 1) / bins)}
        rows.append({**edges, "mean_score": rounded(mean), **rate.to_json()})
    brier = math.fsum((score - outcome) ** 2 for score, outcome in zip(scores, outcomes, strict=True))
    return {
        "ece": rounded(error) if scores else None,
        "brier": rounded(brier / len(scores)) if scores else None,
        "bins": rows,
    }


def histogram(scores: Sequence[float], bins: int = 20) -> list[int]:
    """Return how many scores (0-1) fall into each of `bins` parts of equal width."""
    counts = [0] * bins
    for score in scores:
        counts[min(int(score * bins), bins - 1)] += 1
    return counts


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the smallest sample that at least `percent` (0-100) of all do not exceed (nearest rank).

    Raises:
        ValueError: there are no samples.
    """
    if not samples:
        raise ValueError("a percentile needs samples")
    return _nearest_rank(sorted(samples), percent)


@dataclass(slots=True)
class Times:
    """Durations in milliseconds, eight bytes each."""

    samples: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, milliseconds: float) -> None:
        """Note one duration."""
        self.samples.append(milliseconds)

    def clear(self) -> None:
        """Forget all durations."""
        del self.samples[:]

    def to_json(self) -> dict[str, Any]:
        """Return `{"n", "mean", "min", "p25", …, "max"}` in milliseconds; nulls without samples."""
        ordered = sorted(self.samples)
        if not ordered:
            return {"n": 0, "mean": None, **dict.fromkeys(_QUANTILES)}
        figures = {name: rounded(_nearest_rank(ordered, percent)) for name, percent in _QUANTILES.items()}
        return {"n": len(ordered), "mean": rounded(math.fsum(ordered) / len(ordered)), **figures}


def _nearest_rank(ordered: Sequence[float], percent: float) -> float:
    return ordered[max(1, math.ceil(percent / 100 * len(ordered))) - 1]


def _midranks(values: Sequence[float]) -> list[float]:
    """Return each value's rank from 1, tied values sharing the middle of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + 1 + end) / 2
        start = end
    return ranks


def _variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _logistic(x: float) -> float:
    # Written for either sign, so that neither overflows.
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
