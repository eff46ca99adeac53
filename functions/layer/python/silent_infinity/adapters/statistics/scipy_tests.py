"""Classical tests by SciPy, from sums and counts."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from silent_infinity.domain.comparison import possible, variance
from silent_infinity.domain.variant_sums import MEAN, RATE, Sums
from silent_infinity.ports.classical_tests import OneLook

_Floats = NDArray[np.float64]

LEAST = 2
"""Values of a side below which it has no spread."""


class ScipyTests:
    """A `ClassicalTests`."""

    def welch(self, arm: Sums, production: Sums, alpha: float = 0.05) -> OneLook:
        for side in (arm, production):
            _check(side, MEAN, LEAST)
        difference = arm.total / arm.n - production.total / production.n
        errors = [variance(side) / side.n for side in (arm, production)]
        if not sum(errors):
            return OneLook(difference, difference, difference, None)
        done = stats.ttest_ind_from_stats(
            *(arm.total / arm.n, math.sqrt(variance(arm)), arm.n),
            *(production.total / production.n, math.sqrt(variance(production)), production.n),
            equal_var=False,
        )
        degrees = sum(errors) ** 2 / (errors[0] ** 2 / (arm.n - 1) + errors[1] ** 2 / (production.n - 1))
        half = float(stats.t.isf(alpha / 2, degrees)) * math.sqrt(sum(errors))
        return OneLook(difference, difference - half, difference + half, float(done.pvalue))

    def two_proportions(self, arm: Sums, production: Sums, alpha: float = 0.05) -> OneLook:
        for side in (arm, production):
            _check(side, RATE, 1)
        successes = np.array([round(arm.total), round(production.total)])
        trials = np.array([arm.n, production.n])
        rates = successes / trials
        wilson = [
            stats.binomtest(int(x), int(n)).proportion_ci(1 - alpha, method="wilson")
            for x, n in zip(successes, trials, strict=True)
        ]
        difference = float(rates[0] - rates[1])
        low = difference - math.hypot(rates[0] - wilson[0].low, wilson[1].high - rates[1])
        high = difference + math.hypot(wilson[0].high - rates[0], rates[1] - wilson[1].low)
        if successes.sum() in (0, trials.sum()):
            return OneLook(difference, low, high, None)
        # Without Yates' correction chi-square of the table is the square of the pooled z.
        table = np.array([successes, trials - successes])
        return OneLook(difference, low, high, float(stats.chi2_contingency(table, correction=False).pvalue))

    def binomial_upper(self, events: int, trials: int, alpha: float = 0.05) -> float:
        return _exact(events, trials, alpha)[1]

    def binomial_lower(self, events: int, trials: int, alpha: float = 0.05) -> float:
        return _exact(events, trials, alpha)[0]

    def rank_sum(self, arm: Mapping[int, int], production: Mapping[int, int], alpha: float = 0.05) -> OneLook:
        """The effect, variance and degrees of freedom are those of E. Brunner, U. Munzel, The Nonparametric
        Behrens-Fisher Problem (Biometrical Journal 42, 2000): from each value's rank among all less its rank
        in its own sample, ties at their middle. The spreads of the two need not be alike.
        """
        values = sorted({*arm, *production})
        x, y = (_counts(side, values) for side in (arm, production))
        if min(x.sum(), y.sum()) < LEAST or min(x.min(), y.min()) < 0:
            raise ValueError("a rank-sum needs two values of each side, and no negative counts")
        # The share of the other side that lies below a value, ties by half: its placement.
        of_x, of_y = _below(y), _below(x)
        effect = float((x * of_x).sum() / x.sum())
        errors = [_placement_variance(of_x, x) / x.sum(), _placement_variance(of_y, y) / y.sum()]
        if not sum(errors):
            return OneLook(effect, effect, effect, None)
        degrees = sum(errors) ** 2 / (errors[0] ** 2 / (x.sum() - 1) + errors[1] ** 2 / (y.sum() - 1))
        error = math.sqrt(sum(errors))
        half = float(stats.t.isf(alpha / 2, degrees)) * error
        p = float(2 * stats.t.sf(abs(effect - 0.5) / error, degrees))
        return OneLook(effect, max(0.0, effect - half), min(1.0, effect + half), p)


def _check(sums: Sums, kind: str, least: int) -> None:
    if sums.kind != kind or sums.n < least or not possible(sums):
        raise ValueError(f"these are no sums of a {kind} over {least} units or more")


def _exact(events: int, trials: int, alpha: float) -> tuple[float, float]:
    """Both bounds, each by itself at `alpha`."""
    if not 0 <= events <= trials:
        raise ValueError("events lie between 0 and trials")
    if not trials:
        return 0.0, 1.0
    found = stats.binomtest(events, trials).proportion_ci(1 - 2 * alpha, method="exact")
    return float(found.low), float(found.high)


def _counts(side: Mapping[int, int], values: Sequence[int]) -> _Floats:
    return np.array([side.get(value, 0) for value in values], dtype=float)


def _below(counts: _Floats) -> _Floats:
    below: _Floats = (counts.cumsum() - counts / 2) / counts.sum()
    return below


def _placement_variance(placements: _Floats, counts: _Floats) -> float:
    mean = (placements * counts).sum() / counts.sum()
    return float(((placements - mean) ** 2 * counts).sum() / (counts.sum() - 1))
