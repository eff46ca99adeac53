"""Good enough, worse than that, or neither yet."""

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from silent_infinity.domain.lake.metrics import HIGHER, LOWER
from silent_infinity.domain.promotion.evidence import Verdict
from silent_infinity.domain.promotion.statistics.estimates import Estimate, difference
from silent_infinity.domain.promotion.statistics.non_inferiority import beside_limit, non_inferiority
from silent_infinity.domain.variant_sums import RATE, Sums

estimates = st.builds(
    Estimate, value=st.floats(-100, 100), variance=st.floats(1e-6, 1e4), size=st.floats(2, 1e6)
)
margins = st.floats(0, 100)


def completion(arm: int, production: int, n: int) -> Estimate:
    """Return how many more of n went on, for as many units on both sides."""
    return difference(Sums(RATE, n, float(arm)), Sums(RATE, n, float(production)))


@pytest.mark.parametrize(
    ("arm", "n", "better", "margin", "expected"),
    [
        pytest.param(3500, 5000, HIGHER, 0.05, Verdict.PASSED, id="as good, a drop of 5 points is borne"),
        pytest.param(350, 500, HIGHER, 0.05, Verdict.NOT_ENOUGH_DATA, id="as good, too few units"),
        pytest.param(3250, 5000, HIGHER, 0.05, Verdict.NOT_ENOUGH_DATA, id="worse by the margin"),
        pytest.param(2900, 5000, HIGHER, 0.05, Verdict.FAILED, id="worse by twelve points"),
        pytest.param(2900, 5000, LOWER, 0.05, Verdict.PASSED, id="lower by twelve, which is better"),
        pytest.param(3820, 5000, LOWER, 0.05, Verdict.NOT_ENOUGH_DATA, id="higher by six, which is worse"),
        pytest.param(4100, 5000, LOWER, 0.05, Verdict.FAILED, id="higher by twelve, which is worse"),
        pytest.param(3500, 5000, HIGHER, 0.0, Verdict.NOT_ENOUGH_DATA, id="better? it is the same"),
        pytest.param(3750, 5000, HIGHER, 0.0, Verdict.PASSED, id="better? by five points"),
        pytest.param(3250, 5000, HIGHER, 0.0, Verdict.FAILED, id="better? it is worse"),
    ],
)
def test_verdicts(arm: int, n: int, better: str, margin: float, expected: Verdict) -> None:
    """What a person is told, of an arm beside 70 %. A wrong direction would promote what harms."""
    judged = non_inferiority(completion(arm, n * 7 // 10, n), margin, better)

    assert judged.verdict == expected
    assert judged.confidence == 0.95


@given(estimates, margins, st.sampled_from((HIGHER, LOWER)), st.floats(0.001, 0.2))
def test_the_verdict_is_where_the_interval_lies(
    estimate: Estimate, margin: float, better: str, alpha: float
) -> None:
    """Beyond the margin on the good side, beyond it on the bad side, or over it."""
    judged = non_inferiority(estimate, margin, better, alpha=alpha)
    limit = margin if better == LOWER else -margin
    room = 1e-6 * math.sqrt(estimate.variance)
    assume(min(abs(judged.low - limit), abs(judged.high - limit)) > room)
    above, below = judged.low > limit, judged.high < limit

    assert (judged.verdict is Verdict.PASSED) == (above if better == HIGHER else below)
    assert (judged.verdict is Verdict.FAILED) == (below if better == HIGHER else above)
    assert judged.low < estimate.value < judged.high or judged.verdict is Verdict.NOT_ENOUGH_DATA


@given(estimates, margins, st.floats(0, 100))
def test_a_wider_margin_never_makes_it_worse(estimate: Estimate, margin: float, more: float) -> None:
    """What passes a strict gate passes a lax one; what fails a lax one fails a strict one."""
    order = [Verdict.FAILED, Verdict.NOT_ENOUGH_DATA, Verdict.PASSED]
    strict = non_inferiority(estimate, margin, HIGHER).verdict
    lax = non_inferiority(estimate, margin + more, HIGHER).verdict

    assert order.index(lax) >= order.index(strict)


@given(estimates, margins)
def test_which_way_is_better_is_a_matter_of_the_sign(estimate: Estimate, margin: float) -> None:
    """Costs and completions are judged by one rule, seen from two sides."""
    mirrored = replace(estimate, value=-estimate.value)
    higher, lower = non_inferiority(estimate, margin, HIGHER), non_inferiority(mirrored, margin, LOWER)

    assert (lower.verdict, lower.low, lower.high) == (higher.verdict, -higher.high, -higher.low)
    assert (lower.p_good, lower.p_bad) == (higher.p_good, higher.p_bad)


def test_a_level_is_held_against_a_ceiling() -> None:
    """A cost of 5 cents a session, give or take one, beside a ceiling of 8."""
    cost = Estimate(0.05, 0.003**2, 800)

    assert beside_limit(cost, 0.08, LOWER).verdict is Verdict.PASSED
    assert beside_limit(cost, 0.055, LOWER).verdict is Verdict.NOT_ENOUGH_DATA
    assert beside_limit(cost, 0.03, LOWER).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("margin", "better", "alpha"),
    [
        (-0.01, HIGHER, 0.025),
        (math.nan, HIGHER, 0.025),
        (math.inf, HIGHER, 0.025),
        (0.05, "none", 0.025),
        (0.05, HIGHER, 0.5),
        (0.05, HIGHER, 0.0),
    ],
)
def test_a_gate_that_is_none_is_refused(margin: float, better: str, alpha: float) -> None:
    """A metric of which no way is better cannot be worse."""
    with pytest.raises(ValueError, match=r"margin|gate"):
        non_inferiority(Estimate(0.0, 1.0, 1000), margin, better, alpha=alpha)
