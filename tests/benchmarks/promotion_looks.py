"""Experiments that never were: what every night would have shown, drawn with a seed, and what is made of it.

The nights are those of a promotion: it is looked at after the third, then after every one, until the
thirtieth. What judges them is the code that judges promotions.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from silent_infinity.domain.promotion.statistics.estimates import Estimate, difference
from silent_infinity.domain.promotion.statistics.holm import holm
from silent_infinity.domain.promotion.statistics.sample_ratio import sample_ratio_p
from silent_infinity.domain.promotion.statistics.sequential import (
    always_valid_p,
    always_valid_p_above,
    always_valid_p_below,
)
from silent_infinity.domain.variant_sums import MEAN, RATE, Sums

NIGHTS, FIRST_LOOK = 30, 3
Floats = NDArray[np.float64]
Decides = Callable[[Estimate], bool]
Values = Callable[[np.random.Generator, tuple[int, int]], Floats]
"""Draws values of units: repetitions by units."""


@dataclass(frozen=True)
class Traffic:
    """Units of a night. An arm has a few more than 500 at the first look."""

    arm: int = 170
    production: int = 170

    def n(self, night: int) -> tuple[int, int]:
        """Return the units of both after some nights."""
        return night * self.arm, night * self.production


EVEN = Traffic()
CANARY = Traffic(170, 9 * 170)
"""Ten percent of the traffic, beside ninety."""


@dataclass(frozen=True)
class Drawn:
    """Running totals (and squares) of both arms: repetitions by nights."""

    kind: str
    traffic: Traffic
    arm: Floats
    production: Floats
    arm_squares: Floats
    production_squares: Floats

    def looks(self, repetition: int) -> Iterator[tuple[int, Sums, Sums]]:
        """Return the night, the arm's sums and production's, at each look of a repetition."""
        for night in range(FIRST_LOOK, NIGHTS + 1):
            at = repetition, night - 1
            n_arm, n_production = self.traffic.n(night)
            yield (
                night,
                Sums(self.kind, n_arm, float(self.arm[at]), float(self.arm_squares[at])),
                Sums(self.kind, n_production, float(self.production[at]), float(self.production_squares[at])),
            )

    def estimates(self, repetition: int) -> Iterator[tuple[int, Estimate]]:
        """Return the night, and the arm minus production, at each look of a repetition."""
        for night, arm, production in self.looks(repetition):
            yield night, difference(arm, production)


def of_rates(
    random: np.random.Generator, traffic: Traffic, arm: float, production: float, repetitions: int
) -> Drawn:
    """Draw units that succeed with the probabilities given."""
    shape = repetitions, NIGHTS
    none = np.zeros(shape)
    arm_totals, totals = (
        random.binomial(n, rate, shape).cumsum(axis=1).astype(float)
        for n, rate in ((traffic.arm, arm), (traffic.production, production))
    )
    return Drawn(RATE, traffic, arm_totals, totals, none, none)


def of_values(
    random: np.random.Generator, traffic: Traffic, arm: Values, production: Values, repetitions: int
) -> Drawn:
    """Draw units with values."""
    sums = []
    for n, values in ((traffic.arm, arm), (traffic.production, production)):
        nights = np.empty((2, repetitions, NIGHTS))
        for night in range(NIGHTS):
            drawn = values(random, (repetitions, n))
            nights[:, :, night] = drawn.sum(axis=1), np.square(drawn).sum(axis=1)
        sums.append(nights.cumsum(axis=2))
    (arm_totals, arm_squares), (totals, squares) = sums
    return Drawn(MEAN, traffic, arm_totals, totals, arm_squares, squares)


def lognormal(sigma: float, mean: float = 1.0) -> Values:
    """Return what draws skewed values: costs and latencies are of this kind."""
    return lambda random, shape: mean * random.lognormal(-sigma * sigma / 2, sigma, shape)


@dataclass(frozen=True)
class Decisions:
    """The night on which each repetition was decided, 0 if on none."""

    nights: tuple[int, ...]

    @property
    def share(self) -> float:
        """The share that was decided at all."""
        return sum(night > 0 for night in self.nights) / len(self.nights)

    def night_of(self, share: float) -> int:
        """Return the night by which a share was decided; 0 if it never was."""
        decided = sorted(night for night in self.nights if night)
        place = math.ceil(share * len(self.nights))
        return decided[place - 1] if place <= len(decided) else 0

    @property
    def mean_nights(self) -> float:
        """How long it took on average, those that were never decided counting as all nights."""
        return sum(night or NIGHTS for night in self.nights) / len(self.nights)


def simulate_looks(drawn: Drawn, decides: Decides) -> Decisions:
    """Look every night of every repetition, until something decides."""
    return Decisions(
        tuple(
            next((night for night, estimate in drawn.estimates(repetition) if decides(estimate)), 0)
            for repetition in range(len(drawn.arm))
        )
    )


def differs(from_: float = 0.0) -> Decides:
    """Return what says whether the interval of 95 % leaves a value out."""
    return lambda estimate: always_valid_p(estimate, from_) <= 0.05


def is_above(limit: float) -> Decides:
    """Return what says whether it is shown to lie above a limit, at the .025 of one side."""
    return lambda estimate: always_valid_p_above(estimate, limit) <= 0.025


def is_below(limit: float) -> Decides:
    """Return what says whether it is shown to lie below a limit, at the .025 of one side."""
    return lambda estimate: always_valid_p_below(estimate, limit) <= 0.025


def plainly_differs(estimate: Estimate) -> bool:
    """Whether a z test that is made for one look finds a difference, at .05."""
    return estimate.value**2 > 1.959964**2 * estimate.variance


def mismatches(
    random: np.random.Generator, shares: Sequence[float], real: Sequence[float], units: int, repetitions: int
) -> tuple[Decisions, Decisions]:
    """Look at the division of the units every night, at .001: by ours, and by a chi-square of every night."""
    counted = random.multinomial(units, real, (repetitions, NIGHTS)).cumsum(axis=1)
    expected = counted.sum(axis=2, keepdims=True) * np.array(shares) / sum(shares)
    plain = ((counted - expected) ** 2 / expected).sum(axis=2) > stats.chi2.isf(0.001, len(shares) - 1)
    found = [
        next((night for night, counts in enumerate(nights, 1) if sample_ratio_p(counts, shares) < 0.001), 0)
        for nights in counted.tolist()
    ]
    plainly = np.where(plain.any(axis=1), plain.argmax(axis=1) + 1, 0)
    return Decisions(tuple(found)), Decisions(tuple(plainly.tolist()))


def families(random: np.random.Generator, metrics: int, alike: float, repetitions: int) -> Decisions:
    """Look at several rates that hang together (a correlation of `alike`), none of which differs, by Holm."""
    shape = repetitions, EVEN.arm, metrics
    totals = np.zeros((2, NIGHTS, repetitions, metrics))
    for side in range(2):
        for night in range(NIGHTS):
            common = random.standard_normal((repetitions, EVEN.arm, 1))
            own = random.standard_normal(shape)
            totals[side, night] = (alike**0.5 * common + (1 - alike) ** 0.5 * own > 0).sum(axis=1)
    totals = totals.cumsum(axis=1)

    def decided(repetition: int, night: int) -> bool:
        n = night * EVEN.arm
        arm, production = (totals[side, night - 1, repetition] for side in range(2))
        p = {
            str(metric): always_valid_p(difference(Sums(RATE, n, float(x)), Sums(RATE, n, float(y))))
            for metric, (x, y) in enumerate(zip(arm, production, strict=True))
        }
        return min(holm(p).values()) <= 0.05

    return Decisions(
        tuple(
            next((night for night in range(FIRST_LOOK, NIGHTS + 1) if decided(repetition, night)), 0)
            for repetition in range(repetitions)
        )
    )
