"""Intervals and p values that hold at whatever time one looks, however often one has looked before.

The asymptotic confidence sequence of I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas,
Time-uniform central limit theory and asymptotic confidence sequences (Annals of Statistics 52, 2024; arXiv
2103.06476; equations as in its version 7), theorem 2.2. It is Robbins' normal mixture (S. R. Howard, A.
Ramdas, J. McAuliffe, J. Sekhon, Time-uniform, nonparametric, nonasymptotic confidence sequences, Annals of
Statistics 49, 2021, section 3), with the variance estimated. For an estimate z standard errors from a value,
the mixture of likelihood ratios of all other values, with weights from a normal distribution around it, is

    M = (1 + r)^-½ · exp(½ z² r / (1 + r))                                   r = ρ² · size

and M is 1/α or more at any time with a probability of at most α if the value is the true one (Ville's
inequality). 1/M is therefore a p value for any time: the mixture sequential probability ratio test of R.
Johari, P. Koomen, L. Pekelis, D. Walsh, Always Valid Inference (Operations Research 70, 2022), whose
section 4 chooses such a mixture. The values with M < 1/α are the interval:

    half² = 2 · variance · (1 + 1/r) · ln(√(1 + r) / α)                      (equation 9; p: equation 155)

One-sided, the weights are a half-normal distribution's on the one side (Howard et al. 2021, proposition 6):

    M = 2 (1 + r)^-½ · exp(½ z² r / (1 + r)) · Φ(z · √(r / (1 + r)))

ρ says at which size the interval is narrowest, in comparison to one that is looked at once. It is the same
for all α, so that p ≤ α if and only if the value lies outside of the interval of 1 - α.

The guarantee is asymptotic in the first look: the fewer units there are at the first look, and the more
skewed their values, the less of it is left. `./run bench promotion` measures it from 500 units on.
"""

import math
from dataclasses import dataclass
from typing import Final

from silent_infinity.domain.promotion.statistics.estimates import Estimate

TUNED_ALPHA: Final = 0.05
TUNED_AT: Final = 1_000.0
"""The `size` at which the interval is tuned: two arms of 2,000 units, or one of 1,100 beside 10,000. An arm
has 500 at the first look, and a difference of five points is found with 2,000 to 4,000."""

_HALVINGS = 200


@dataclass(frozen=True, slots=True)
class Bounds:
    """Both ends of an interval, in the metric's unit."""

    low: float
    high: float


def rho_squared(tuned_at: float = TUNED_AT) -> float:
    """Return ρ² for intervals that are tight at a size: (-2 ln α + ln(1 - 2 ln α)) / size, at
    α = TUNED_ALPHA (Waudby-Smith et al., equation 161).
    """
    log = -2 * math.log(TUNED_ALPHA)
    return (log + math.log(1 + log)) / tuned_at


def confidence_sequence(
    estimate: Estimate, alpha: float = 0.05, *, each_side: bool = False, tuned_at: float = TUNED_AT
) -> Bounds:
    """Return an interval that holds the true value at all looks together, with a probability of 1 - alpha.

    Args:
        estimate: what is known at this look.
        alpha: between 0 and 1.
        each_side: each bound by itself misses with a probability of alpha (both together of 2 · alpha):
            for who asks on one side.
        tuned_at: the `size` at which the interval is to be narrowest. Not to be chosen after a look.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between 0 and 1")
    r = rho_squared(tuned_at) * estimate.size
    z = _one_sided_boundary(r, alpha) if each_side else _boundary(r, alpha)
    half = z * math.sqrt(estimate.variance)
    return Bounds(estimate.value - half, estimate.value + half)


def always_valid_p(estimate: Estimate, value: float = 0.0, *, tuned_at: float = TUNED_AT) -> float:
    """Return the two-sided p of `value`: at any time it is α or less with a probability of α at most."""
    r = rho_squared(tuned_at) * estimate.size
    return _p(_log_mixture(_errors(estimate, value), r))


def always_valid_p_above(estimate: Estimate, value: float = 0.0, *, tuned_at: float = TUNED_AT) -> float:
    """Return the p of "the true value is `value` or less": small where it is shown to lie above."""
    r = rho_squared(tuned_at) * estimate.size
    return _p(_log_one_sided_mixture(_errors(estimate, value), r))


def always_valid_p_below(estimate: Estimate, value: float = 0.0, *, tuned_at: float = TUNED_AT) -> float:
    """Return the p of "the true value is `value` or more": small where it is shown to lie below."""
    r = rho_squared(tuned_at) * estimate.size
    return _p(_log_one_sided_mixture(-_errors(estimate, value), r))


def _errors(estimate: Estimate, value: float) -> float:
    return (estimate.value - value) / math.sqrt(estimate.variance)


def _p(log_mixture: float) -> float:
    return math.exp(min(0.0, -log_mixture))


def _log_mixture(z: float, r: float) -> float:
    return (z * z * r / (1 + r) - math.log1p(r)) / 2


def _log_one_sided_mixture(z: float, r: float) -> float:
    side = math.erfc(-z * math.sqrt(r / (1 + r) / 2))  # twice the normal's distribution function
    # Far on the other side the function is 0: nothing speaks for this one.
    return _log_mixture(z, r) + math.log(side) if side else -math.inf


def _boundary(r: float, alpha: float) -> float:
    return math.sqrt(2 * (1 + 1 / r) * (math.log1p(r) / 2 - math.log(alpha)))


def _one_sided_boundary(r: float, alpha: float) -> float:
    """The z at which the one-sided mixture is 1/α. It rises with z, and at the two-sided boundary of α it
    is more than 1/α already.
    """
    low, high = -1.0, _boundary(r, alpha)
    while _log_one_sided_mixture(low, r) > -math.log(alpha):
        low *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if _log_one_sided_mixture(middle, r) >= -math.log(alpha) else (middle, high)
    return high
