"""What was measured, as a number with a variance: a level, or how far the arm is from production.

Every unit (a session or a user) counts once; turns hang together within it and never count as independent.
"""

import math
from dataclasses import dataclass

from silent_infinity.domain.comparison import possible
from silent_infinity.domain.comparison import variance as unit_variance
from silent_infinity.domain.variant_sums import MEAN, RATE, Pairs, Sums


class NotComparableError(ValueError):
    """Nothing can be said. `note` is a key of `comparison.NOTES`, which says why for people."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate in the metric's unit, and the variance of the estimate in that unit's square.

    `size` is how many units of one sample are worth as much: n for a level, n·m / (n + m) for a difference of
    arms of n and m units. It counts the information that has come in: with a fixed division of the traffic
    the variance falls as 1 / size.
    """

    value: float
    variance: float
    size: float


def level(sums: Sums) -> Estimate:
    """Return the mean, or the rate, of one variant's units.

    Raises:
        NotComparableError: too few units, sums that contradict each other, or no spread.
    """
    return _spread_out(_of_units(sums))


def difference(arm: Sums, production: Sums) -> Estimate:
    """Return the arm's mean or rate minus production's.

    Raises:
        NotComparableError: kinds differ, or as `level`.
    """
    if arm.kind != production.kind:
        raise NotComparableError("mixed-kinds")
    return _apart(_of_units(arm), _of_units(production))


def effective_count(pairs: Pairs) -> float:
    """Return how many independent turns a variant's turns are worth at the very least.

    Turns of one unit are alike. Were they all the same, N turns in units of m turns would be worth
    N² / Σm² of them (L. Kish, Survey Sampling, 1965, chapter 8: the design effect at a correlation of 1).
    Whoever counts that many, of a histogram of turns for one, is careful and never too sure.
    """
    return pairs.denominator**2 / pairs.denominator_squares if pairs.denominator_squares else 0.0


def _apart(a: Estimate, b: Estimate) -> Estimate:
    """No side's units are taken to spread less than the units of both together do.

    A small arm of skewed values (costs, rare events) often lacks its few large ones: its mean and its spread
    are then too small together, and it would be shown to be lower far too often. Production has enough units
    to know better. Where an arm does spread less, the interval is a little wider than it need be.
    """
    spreads = a.variance * a.size, b.variance * b.size
    together = (spreads[0] * a.size + spreads[1] * b.size) / (a.size + b.size)
    variance = max(spreads[0], together) / a.size + max(spreads[1], together) / b.size
    return _spread_out(Estimate(a.value - b.value, variance, a.size * b.size / (a.size + b.size)))


def _spread_out(estimate: Estimate) -> Estimate:
    # A square of something tiny may vanish: without a spread there is nothing to hold the estimate against.
    if not estimate.variance > 0 or not math.isfinite(estimate.value**2 / estimate.variance):
        raise NotComparableError("no-variation")
    return estimate


def _of_units(sums: Sums) -> Estimate:
    if sums.kind not in (MEAN, RATE):
        raise NotComparableError("mixed-kinds")
    _check(sums)
    value = sums.total / sums.n
    spread = _rate_variance(sums) if sums.kind == RATE else unit_variance(sums)
    return Estimate(value, spread / sums.n, sums.n)


def _rate_variance(sums: Sums) -> float:
    """The variance of a trial, with one success and one failure more than there were, so that no trial going
    wrong is not taken for proof that none ever will (A. Agresti, B. Caffo, The American Statistician 54,
    2000).
    """
    rate = (sums.total + 1) / (sums.n + 2)
    return rate * (1 - rate)


def _check(sums: Sums) -> None:
    if sums.n < 2:
        raise NotComparableError("too-few-units")
    if not possible(sums):
        raise NotComparableError("impossible-sums")
