"""The division of the traffic, and the rate of one variant: exact at any look."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from silent_infinity.domain.promotion.statistics.sample_ratio import rate_sequence, sample_ratio_p

divided = st.integers(2, 5).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 5000), min_size=n, max_size=n),
        st.lists(st.floats(0.5, 100), min_size=n, max_size=n),
    )
)


@pytest.mark.parametrize(
    ("counted", "shares", "stops"),
    [
        pytest.param([500, 4500], [10, 90], False, id="just as it should be"),
        pytest.param([530, 4470], [10, 90], False, id="within chance"),
        pytest.param([360, 4640], [10, 90], True, id="a quarter of the arm's units is lost"),
        pytest.param([680, 4320], [10, 90], True, id="the arm has more than its share"),
        pytest.param([0, 0], [10, 90], False, id="nobody was there"),
        pytest.param([4700, 5300], [50, 50], True, id="half and half it is not"),
        pytest.param([250, 2375, 2375], [5, 47.5, 47.5], False, id="a pool of two beside the arm"),
        pytest.param([250, 2100, 2650], [5, 47.5, 47.5], True, id="the pool does not divide evenly"),
    ],
)
def test_a_mismatch_stops(counted: list[int], shares: list[float], stops: bool) -> None:
    """Figures of an arm that loses units on the way are worth nothing, however good they look."""
    assert (sample_ratio_p(counted, shares) < 0.001) == stops


@given(divided, st.floats(1, 1e5))
def test_it_is_a_martingale(given_: tuple[list[int], list[float]], concentration: float) -> None:
    """Whatever has been counted: with shares as they should be, one more unit leaves the evidence, 1 / p,
    where it is on average. That is all that looking at any time rests on.
    """
    counted, shares = given_
    now = sample_ratio_p(counted, shares, concentration=concentration)
    after = [
        sample_ratio_p(
            [count + (place == one) for place, count in enumerate(counted)],
            shares,
            concentration=concentration,
        )
        for one in range(len(shares))
    ]
    assume(min(now, *after) > 1e-250 and max(now, *after) < 1)
    expected = sum(share / sum(shares) / p for share, p in zip(shares, after, strict=True))

    assert 1 / now == pytest.approx(expected, rel=1e-6)


@given(divided)
def test_the_order_of_variants_is_of_no_account(given_: tuple[list[int], list[float]]) -> None:
    """Nor is the scale of the shares."""
    counted, shares = given_
    p = sample_ratio_p(counted, shares)

    assert sample_ratio_p(counted[::-1], [7 * share for share in shares[::-1]]) == pytest.approx(
        p, rel=1e-6, abs=1e-300
    )


@pytest.mark.parametrize(("share", "concentration"), [(0.5, 1000.0), (0.1, 1000.0), (0.1, 20.0)])
def test_it_is_hardly_ever_wrong_at_any_unit(share: float, concentration: float) -> None:
    """Looked at after every single unit up to 400, and computed for all ways in which units can come: the
    probability that p is ever .05 or less is .05 at most.
    """
    wrong, probability = 0.0, {0: 1.0}
    for n in range(1, 401):
        after: dict[int, float] = {}
        for successes, mass in probability.items():
            after[successes] = after.get(successes, 0.0) + mass * (1 - share)
            after[successes + 1] = after.get(successes + 1, 0.0) + mass * share
        stopped = {
            successes
            for successes in after
            if sample_ratio_p((successes, n - successes), (share, 1 - share), concentration=concentration)
            <= 0.05
        }
        wrong += sum(after[successes] for successes in stopped)
        probability = {
            successes: mass for successes, mass in after.items() if successes not in stopped and mass > 1e-12
        }

    assert 0 < wrong <= 0.05


@pytest.mark.parametrize("rate", [0.001, 0.5, 0.995])
def test_the_sequence_of_a_rate_hardly_ever_misses_it(rate: float) -> None:
    """Exactly, as above: also near 0 and 1, where answers in the right form and misses are."""
    wrong, probability = 0.0, {0: 1.0}
    for n in range(1, 201):
        after: dict[int, float] = {}
        for successes, mass in probability.items():
            after[successes] = after.get(successes, 0.0) + mass * (1 - rate)
            after[successes + 1] = after.get(successes + 1, 0.0) + mass * rate
        probability = {}
        for successes, mass in after.items():
            if mass < 1e-12:
                continue
            bounds = rate_sequence(successes, n, 0.05)
            if bounds.low <= rate <= bounds.high:
                probability[successes] = mass
            else:
                wrong += mass

    assert wrong <= 0.05


@given(
    st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(1e-4, 0.5)
)
def test_the_sequence_of_a_rate_lies_around_it(counted: tuple[int, int], alpha: float) -> None:
    """Within 0 and 1, which the normal's does not, and mirrored for the failures."""
    successes, trials = counted
    bounds = rate_sequence(successes, trials, alpha)
    mirrored = rate_sequence(trials - successes, trials, alpha)

    assert 0 <= bounds.low <= successes / trials <= bounds.high <= 1
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((bounds.low, bounds.high), abs=1e-9)


def test_without_trials_a_rate_may_be_anything() -> None:
    """Nothing is known of nothing."""
    bounds = rate_sequence(0, 0)

    assert (bounds.low, bounds.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("counted", "shares"),
    [([5], [1.0]), ([5, 5], [1.0]), ([5, 5], [1.0, 0.0]), ([-1, 5], [0.5, 0.5]), ([5, 5], [0.5, math.nan])],
)
def test_a_division_that_is_none_is_refused(counted: list[int], shares: list[float]) -> None:
    """An arm without traffic has no ratio."""
    with pytest.raises(ValueError, match="sample ratios"):
        sample_ratio_p(counted, shares)


@pytest.mark.parametrize(
    ("successes", "trials", "alpha"), [(5, 4, 0.05), (-1, 4, 0.05), (1, 4, 0.0), (1, 4, 1.0)]
)
def test_a_rate_that_is_none_is_refused(successes: int, trials: int, alpha: float) -> None:
    """More successes than trials are a fault of the figures."""
    with pytest.raises(ValueError, match="rate"):
        rate_sequence(successes, trials, alpha)
