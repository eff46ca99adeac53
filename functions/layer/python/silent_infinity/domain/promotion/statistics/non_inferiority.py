"""Is it shown to be good enough, shown to be worse than that, or neither yet?"""

import math
from dataclasses import dataclass

from silent_infinity.domain.lake.metrics import HIGHER, LOWER
from silent_infinity.domain.promotion.evidence import Verdict
from silent_infinity.domain.promotion.statistics.estimates import Estimate
from silent_infinity.domain.promotion.statistics.sequential import (
    TUNED_AT,
    always_valid_p_above,
    always_valid_p_below,
    confidence_sequence,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was shown of an estimate beside a limit.

    PASSED: it is on the good side of the limit. FAILED: it is on the bad side, which is a regression.
    NOT_ENOUGH_DATA: the limit is within `low` to `high`. Each bound by itself holds with 1 - α at all looks
    together, both with `confidence` = 1 - 2α. `p_good` is small where the good side is shown, `p_bad` where
    the bad side is.
    """

    verdict: Verdict
    low: float
    high: float
    confidence: float
    p_good: float
    p_bad: float


def beside_limit(
    estimate: Estimate, limit: float, better: str, *, alpha: float = 0.025, tuned_at: float = TUNED_AT
) -> Judged:
    """Hold an estimate (a level, or a difference) against a limit, at any look.

    Args:
        estimate: what is known at this look.
        limit: in the metric's unit.
        better: HIGHER or LOWER of `domain/lake/metrics.py`.
        alpha: the probability of PASSED if it is on the bad side, and of FAILED if it is on the good one,
            each over all looks.
        tuned_at: see `confidence_sequence`.

    Raises:
        ValueError: alpha is not between 0 and ½, the limit is no number, or `better` is neither.
    """
    if not 0 < alpha < 0.5 or not math.isfinite(limit) or better not in {HIGHER, LOWER}:
        raise ValueError("a gate needs an alpha between 0 and ½, a limit, and a direction")
    above = always_valid_p_above(estimate, limit, tuned_at=tuned_at)
    below = always_valid_p_below(estimate, limit, tuned_at=tuned_at)
    p_good, p_bad = (above, below) if better == HIGHER else (below, above)
    bounds = confidence_sequence(estimate, alpha, each_side=True, tuned_at=tuned_at)
    return Judged(_verdict(p_good, p_bad, alpha), bounds.low, bounds.high, 1 - 2 * alpha, p_good, p_bad)


def non_inferiority(
    difference: Estimate, margin: float, better: str, *, alpha: float = 0.025, tuned_at: float = TUNED_AT
) -> Judged:
    """Is the arm worse than production by less than a margin? With a margin of 0: is it better?

    Args:
        difference: arm minus production.
        margin: how much worse is borne, in the metric's unit, at least 0, whichever way the metric is better.
        better: HIGHER or LOWER of `domain/lake/metrics.py`.
        alpha: the probability of passing an arm that is worse by the margin, and of failing one that is not,
            each over all looks.
        tuned_at: see `confidence_sequence`.

    Raises:
        ValueError: the margin is below 0, or as `beside_limit`.
    """
    if not margin >= 0:
        raise ValueError("a margin is 0 or more")
    limit = margin if better == LOWER else -margin
    return beside_limit(difference, limit, better, alpha=alpha, tuned_at=tuned_at)


def _verdict(p_good: float, p_bad: float, alpha: float) -> Verdict:
    if p_good <= alpha:
        return Verdict.PASSED
    return Verdict.FAILED if p_bad <= alpha else Verdict.NOT_ENOUGH_DATA
