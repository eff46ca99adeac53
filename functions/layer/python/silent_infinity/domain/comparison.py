"""Two variants beside each other: how far each metric differs, and how far chance alone goes.

Rates: the two-proportion z test with the pooled rate, and Newcombe's interval of the difference. Means:
Welch's t test, which does not take the variances for equal. What cannot be computed is left out and the note
says why; no figure is ever NaN or infinite.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from silent_infinity.domain.distributions import (
    normal_quantile,
    normal_two_sided,
    student_quantile,
    student_two_sided,
)
from silent_infinity.domain.variant_sums import MEAN, RATE, Sums

CONFIDENCE = 0.95
ENOUGH_UNITS = 500
"""Units of each variant below which a difference says little, whatever its p (variants memo, section 4)."""

FEW = 5
"""Expected successes or failures below which the normal is a poor likeness of the binomial (W. G. Cochran,
Some Methods for Strengthening the Common χ² Tests, Biometrics 10, 1954)."""

ROUNDING = 1e-9
"""Share of the sum of squares below which the spread of values is lost in its rounding. The lake adds
doubles: over a million units the sum is off by 1e-10 of itself at worst, and values this close (0.003 % of
the mean) are the same."""

MIXED = "mixed"
Z_TEST = "two-proportion-z"
WELCH = "welch-t"
NO_TEST = "none"

NOTES = {
    "": "",
    "no-figures": "Only one of the two has figures.",
    "mixed-kinds": "The metric is not a rate on all days of both, nor a mean: it cannot be compared.",
    "impossible-sums": "The sums contradict each other: the rollup of these days is wrong.",
    "too-few-units": "Fewer than two units on a side: there is no spread to compare with.",
    "no-variation": "All values are the same on both sides: there is no spread to compare with.",
    "small-counts": "Fewer than five successes or failures are expected: the p value is rough.",
}
"""What `MetricComparison.note` means, for people."""

LOOKED_AT_EVERY_NIGHT = (
    "These p values hold for one look at a time range that was fixed beforehand. Whoever looks every night"
    " and stops at the first p below 0.05 is wrong far more often than once in twenty times: a promotion is"
    " decided by the sequential test of the promotion workflow, never by this table."
)


@dataclass(frozen=True, slots=True)
class Side:
    """What one variant shows: units, and their mean or rate (None without units)."""

    n: int
    value: float | None


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric of `a` and `b`. `difference` is b - a, and lies between `low` and `high` with CONFIDENCE.

    `kind` is RATE, MEAN, or MIXED if it is not the same everywhere; `test` is Z_TEST, WELCH or NO_TEST;
    `statistic` is z or t, `df` the degrees of freedom of t, `p` two-sided. `note` is a key of NOTES, empty if
    there is nothing to say. For rates near 0 or 1 interval and p may disagree about 0: they approximate
    differently.
    """

    metric: str
    kind: str
    a: Side
    b: Side
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    test: str = NO_TEST
    statistic: float | None = None
    df: float | None = None
    p: float | None = None
    note: str = ""

    @property
    def enough_units(self) -> bool:
        """Whether both sides have ENOUGH_UNITS."""
        return min(self.a.n, self.b.n) >= ENOUGH_UNITS


def compare(a: Mapping[str, Sums], b: Mapping[str, Sums]) -> tuple[MetricComparison, ...]:
    """Compare every metric that either side has, in the order of their names."""
    return tuple(_metric(metric, a.get(metric), b.get(metric)) for metric in sorted({*a, *b}))


def _metric(metric: str, a: Sums | None, b: Sums | None) -> MetricComparison:
    kinds = {side.kind for side in (a, b) if side}
    kind = RATE if kinds == {RATE} else MEAN if kinds == {MEAN} else MIXED
    base = MetricComparison(metric, kind, _side(a), _side(b))
    if a is None or b is None or not a.n or not b.n:
        return replace(base, note="no-figures")
    if kind == MIXED:
        return replace(base, note="mixed-kinds")
    if not (possible(a) and possible(b)):
        return replace(base, a=Side(a.n, None), b=Side(b.n, None), note="impossible-sums")
    return _rates(base, a, b) if kind == RATE else _means(base, a, b)


def _side(sums: Sums | None) -> Side:
    if sums is None:
        return Side(0, None)
    average = sums.average
    return Side(sums.n, average if average is not None and math.isfinite(average) else None)


def possible(sums: Sums) -> bool:
    """Whether such sums can come from any values at all. There must be units."""
    if sums.n < 0 or not (math.isfinite(sums.total) and math.isfinite(sums.squares)):
        return False
    if sums.kind == RATE:
        return 0 <= sums.total <= sums.n
    return sums.squares >= 0 and _spread(sums) >= -ROUNDING * sums.squares


def _rates(base: MetricComparison, a: Sums, b: Sums) -> MetricComparison:
    """The z test pools the rates, as its hypothesis says that they are one; the interval is method 10 of
    R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17 (1998): made of the Wilson intervals of both, it stays within -1 and 1 and has a width where a
    rate is 0 or 1.
    """
    rate_a, rate_b = a.total / a.n, b.total / b.n
    low_a, high_a = _wilson(a)
    low_b, high_b = _wilson(b)
    difference = rate_b - rate_a
    base = replace(
        base,
        difference=difference,
        low=difference - math.hypot(rate_b - low_b, high_a - rate_a),
        high=difference + math.hypot(high_b - rate_b, rate_a - low_a),
    )
    units = a.n + b.n
    successes = a.total + b.total
    failures = units - successes
    if not successes or not failures:
        return replace(base, note="no-variation")
    error = math.sqrt((successes / units) * (failures / units) * (1 / a.n + 1 / b.n))
    z = difference / error
    expected = min(successes, failures) * min(a.n, b.n) / units
    return replace(
        base,
        test=Z_TEST,
        statistic=z,
        p=normal_two_sided(z),
        note="small-counts" if expected < FEW else "",
    )


def _wilson(sums: Sums) -> tuple[float, float]:
    """E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927)."""
    z = _Z
    n, rate = sums.n, sums.total / sums.n
    centre = rate + z * z / (2 * n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # The bounds of 0 and 1 are 0 and 1 themselves; rounding would put them beside.
    return (
        min(max((centre - half) / scale, 0.0), rate),
        max(min((centre + half) / scale, 1.0), rate),
    )


def _means(base: MetricComparison, a: Sums, b: Sums) -> MetricComparison:
    """B. L. Welch, The generalization of Student's problem when several different population variances are
    involved, Biometrika 34 (1947); degrees of freedom by F. E. Satterthwaite, Biometrics Bulletin 2 (1946).
    """
    difference = b.total / b.n - a.total / a.n
    base = replace(base, difference=difference)
    if min(a.n, b.n) < 2:
        return replace(base, note="too-few-units")
    error_a, error_b = variance(a) / a.n, variance(b) / b.n
    error = math.sqrt(error_a + error_b)
    if not error or not math.isfinite(difference / error):
        return replace(base, note="no-variation")
    share = error_a / (error_a + error_b)
    # As shares: the squares of small variances would vanish.
    df = 1 / (share**2 / (a.n - 1) + (1 - share) ** 2 / (b.n - 1))
    t = difference / error
    half = student_quantile(1 - CONFIDENCE, df) * error
    return replace(
        base,
        low=difference - half,
        high=difference + half,
        test=WELCH,
        statistic=t,
        df=df,
        p=student_two_sided(t, df),
    )


def variance(sums: Sums) -> float:
    """Return the variance of the units' values, unbiased.

    A spread that is lost in the rounding of the sum of squares is none.
    """
    spread = _spread(sums)
    return spread / (sums.n - 1) if spread > ROUNDING * sums.squares else 0.0


def _spread(sums: Sums) -> float:
    # In this order a large total does not overflow.
    return sums.squares - sums.total * (sums.total / sums.n)


_Z = normal_quantile(1 - CONFIDENCE)
