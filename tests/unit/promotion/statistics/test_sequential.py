"""Intervals and p values that hold at any look: vectors, and what must hold of any estimate."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from silent_infinity.domain.promotion.statistics.estimates import Estimate
from silent_infinity.domain.promotion.statistics.sequential import (
    TUNED_AT,
    always_valid_p,
    always_valid_p_above,
    always_valid_p_below,
    confidence_sequence,
)
from tests.support.vectors import description, load_vectors

estimates = st.builds(
    Estimate,
    value=st.floats(-1e4, 1e4),
    variance=st.floats(1e-8, 1e8),
    size=st.floats(2, 1e7),
)
alphas = st.floats(1e-4, 0.4)


@pytest.mark.parametrize("case", load_vectors("statistics_sequential.json"), ids=description)
def test_closed_forms_are_the_integrals_that_they_stand_for(case: dict[str, Any]) -> None:
    """The expected figures come from integrating the mixture over all alternatives numerically."""
    estimate = Estimate(case["value"], case["variance"], case["size"])
    bounds = confidence_sequence(estimate, case["alpha"])
    each = confidence_sequence(estimate, case["alpha"], each_side=True)
    found = {
        "low": bounds.low,
        "high": bounds.high,
        "each_low": each.low,
        "each_high": each.high,
        "p": always_valid_p(estimate),
        "p_above": always_valid_p_above(estimate),
        "p_below": always_valid_p_below(estimate),
    }

    assert found == pytest.approx(case["expected"], rel=1e-7)


@given(estimates, alphas)
def test_the_interval_holds_the_estimate_in_its_middle(estimate: Estimate, alpha: float) -> None:
    """A person reads it as estimate, give or take."""
    bounds = confidence_sequence(estimate, alpha)

    assert bounds.low < estimate.value < bounds.high
    assert bounds.high - estimate.value == pytest.approx(estimate.value - bounds.low, rel=1e-6)


@given(estimates, alphas, st.floats(-8, 8))
def test_p_is_alpha_or_less_just_where_the_interval_ends(
    estimate: Estimate, alpha: float, errors: float
) -> None:
    """Interval, verdict and p value stand beside each other on one page and must not disagree."""
    value = estimate.value + errors * math.sqrt(estimate.variance)
    both = confidence_sequence(estimate, alpha)
    each = confidence_sequence(estimate, alpha, each_side=True)
    room = 1e-6 * math.sqrt(estimate.variance)
    assume(all(abs(value - end) > room for end in (both.low, both.high, each.low, each.high)))

    assert (always_valid_p(estimate, value) <= alpha) == (not both.low <= value <= both.high)
    assert (always_valid_p_above(estimate, value) <= alpha) == (value < each.low)
    assert (always_valid_p_below(estimate, value) <= alpha) == (value > each.high)


@given(estimates, st.floats(-100, 100))
def test_swapping_the_arms_turns_the_sign_and_nothing_else(estimate: Estimate, value: float) -> None:
    """Which of two arms is called the first one is of no account."""
    swapped = replace(estimate, value=-estimate.value)
    bounds, other = confidence_sequence(estimate), confidence_sequence(swapped)

    assert (other.low, other.high) == (-bounds.high, -bounds.low)
    assert always_valid_p(swapped, -value) == always_valid_p(estimate, value)
    assert always_valid_p_above(swapped, -value) == always_valid_p_below(estimate, value)


@given(estimates, st.floats(1e-3, 1e3))
def test_dollars_or_cents_are_the_same(estimate: Estimate, scale: float) -> None:
    """The mixture is made in standard errors: what a metric is counted in must not decide about it."""
    scaled = replace(estimate, value=estimate.value * scale, variance=estimate.variance * scale**2)
    bounds, other = confidence_sequence(estimate), confidence_sequence(scaled)

    assert (other.low, other.high) == pytest.approx((bounds.low * scale, bounds.high * scale), rel=1e-6)
    assert always_valid_p(scaled) == pytest.approx(always_valid_p(estimate), rel=1e-6, abs=1e-300)


@given(estimates, st.floats(1.01, 100), alphas)
def test_more_units_make_it_narrower(estimate: Estimate, more: float, alpha: float) -> None:
    """With as much of a spread. Otherwise waiting could make an answer worse."""
    later = replace(estimate, variance=estimate.variance / more, size=estimate.size * more)
    for each_side in (False, True):
        bounds = confidence_sequence(estimate, alpha, each_side=each_side)
        narrower = confidence_sequence(later, alpha, each_side=each_side)

        assert narrower.high - narrower.low < bounds.high - bounds.low


@given(estimates, alphas)
def test_one_side_alone_is_sharper_than_both_and_no_sharper_than_a_doubled_alpha(
    estimate: Estimate, alpha: float
) -> None:
    """A one-sided question costs half: neither more, which would be waste, nor less, which would be wrong."""
    each = confidence_sequence(estimate, alpha, each_side=True).low
    sharpest = confidence_sequence(estimate, min(2 * alpha, 0.99)).low
    room = 1e-9 * math.sqrt(estimate.variance)

    assert confidence_sequence(estimate, alpha).low < each
    assert each <= sharpest + 0.05 * math.sqrt(estimate.variance) + room


@given(st.floats(2, 1e6), alphas)
def test_it_is_always_wider_than_what_is_looked_at_once(size: float, alpha: float) -> None:
    """Looking every night has a price. An interval that did not pay it would be wrong."""
    half = confidence_sequence(Estimate(0.0, 1.0, size), alpha).high

    assert math.erfc(half / math.sqrt(2)) < alpha


def test_it_is_tightest_where_most_decisions_fall() -> None:
    """In comparison to an interval for one look, whose half is 1.96 standard errors at any size."""
    sizes = (100, 300, TUNED_AT, 3000, 10_000)
    widths = {size: confidence_sequence(Estimate(0.0, 1.0, size)).high for size in sizes}

    assert min(widths, key=widths.__getitem__) == TUNED_AT
    assert widths[TUNED_AT] == pytest.approx(3.02, abs=0.05)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_an_alpha_that_is_none_is_refused(alpha: float) -> None:
    """A gate with a wrong figure must not decide."""
    with pytest.raises(ValueError, match="alpha"):
        confidence_sequence(Estimate(0.0, 1.0, 10), alpha)
