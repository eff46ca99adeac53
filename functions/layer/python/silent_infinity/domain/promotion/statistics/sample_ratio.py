"""Do the units divide as the traffic does? And: an exact sequence for one rate. At any look.

M. Lindon, A. Malek, Anytime-Valid Inference For Multinomial Count Data (NeurIPS 2022; arXiv 2011.03567): the
shares of the alternative are drawn from a Dirichlet distribution, and the Bayes factor against the shares θ
that should be,

    O = Γ(Σα) / Γ(Σα + n) · ∏ Γ(αᵢ + xᵢ) / Γ(αᵢ) / ∏ θᵢ^xᵢ

is a martingale that starts at 1: it is 1/p or more at any time with a probability of p at most. Nothing in it
is asymptotic. A chi-square test of every night would be wrong far more often than its p says.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from silent_infinity.domain.promotion.statistics.sequential import Bounds

CONCENTRATION: Final = 1_000.0
"""Σα of the sample ratio: how near the alternative is to the shares expected, as that many units would show
it. `./run bench promotion` shows what that finds."""

_HALVINGS = 200


def sample_ratio_p(
    counted: Sequence[int], shares: Sequence[float], *, concentration: float = CONCENTRATION
) -> float:
    """Return the p of "units divide as `shares`": at any look it is α or less with at most that probability.

    Args:
        counted: exposed units, by variant.
        shares: of the traffic, above 0, in the same order. They are scaled to add up to 1.
        concentration: how sure the alternative is that shares are near those expected.

    Raises:
        ValueError: fewer than two variants, unlike lengths, a share that is not above 0, a count below 0.
    """
    positive = all(0 < share < math.inf for share in shares)
    if len(counted) != len(shares) or len(shares) < 2 or not positive or min(counted) < 0:
        raise ValueError("sample ratios need counts and positive shares of two variants or more")
    whole = math.fsum(shares)
    expected = [share / whole for share in shares]
    log_factor = _log_factor(counted, [concentration * share for share in expected], expected)
    return math.exp(min(0.0, -log_factor))


def rate_sequence(successes: int, trials: int, alpha: float = 0.05) -> Bounds:
    """Return an interval for a rate that holds exactly, at all looks together, with 1 - alpha.

    For levels near 0 or 1 (answers in the right form, misses), where the normal is a poor likeness. All rates
    are as likely in the alternative (α of 1 and 1).

    Raises:
        ValueError: successes do not lie between 0 and trials, or alpha not between 0 and 1.
    """
    if not 0 <= successes <= trials or not 0 < alpha < 1:
        raise ValueError("a rate needs successes of that many trials, and an alpha between 0 and 1")
    counted = (successes, trials - successes)

    def plausible(rate: float) -> bool:
        return _log_factor(counted, (1.0, 1.0), (rate, 1 - rate)) < -math.log(alpha)

    if not trials:
        return Bounds(0.0, 1.0)
    observed = successes / trials
    return Bounds(
        _edge(plausible, observed, 0.0) if successes else 0.0,
        _edge(plausible, observed, 1.0) if successes < trials else 1.0,
    )


def _log_factor(counted: Sequence[int], prior: Sequence[float], expected: Sequence[float]) -> float:
    total = math.fsum(prior)
    parts = [math.lgamma(total) - math.lgamma(total + sum(counted))]
    for count, alpha, share in zip(counted, prior, expected, strict=True):
        parts.append(math.lgamma(alpha + count) - math.lgamma(alpha))
        if count:
            parts.append(-count * math.log(share) if share > 0 else math.inf)
    return math.fsum(parts)


def _edge(plausible: Callable[[float], bool], inside: float, outside: float) -> float:
    """The rate between an inner and an outer one from which on they are no longer plausible."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if middle in (inside, outside):
            break
        inside, outside = (middle, outside) if plausible(middle) else (inside, middle)
    return outside
