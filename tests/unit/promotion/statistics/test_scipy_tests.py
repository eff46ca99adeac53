"""The classical tests of SciPy: what must hold of any counts (tests/contract compares their figures)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.adapters.statistics.scipy_tests import ScipyTests
from silent_infinity.domain.variant_sums import MEAN, RATE, Sums

answers = st.dictionaries(st.integers(0, 10), st.integers(0, 200), min_size=1).filter(
    lambda found: sum(found.values()) >= 2
)
TESTS = ScipyTests()


@given(answers, answers)
def test_whose_answers_are_higher_is_seen_from_both_sides(arm: dict[int, int], other: dict[int, int]) -> None:
    """One side's gain is the other's loss, with the same certainty."""
    there, back = TESTS.rank_sum(arm, other), TESTS.rank_sum(other, arm)

    assert (1 - back.high, 1 - back.estimate, 1 - back.low) == pytest.approx(
        (there.low, there.estimate, there.high), abs=1e-9
    )
    assert 0 <= there.low <= there.estimate <= there.high <= 1


@given(answers, answers)
def test_the_effect_is_that_of_all_pairs(arm: dict[int, int], other: dict[int, int]) -> None:
    """P(X > Y) + ½ P(X = Y), counted pair by pair."""
    pairs = sum(
        n * m * (1.0 if x > y else 0.5 if x == y else 0.0) for x, n in arm.items() for y, m in other.items()
    )

    assert TESTS.rank_sum(arm, other).estimate == pytest.approx(
        pairs / (sum(arm.values()) * sum(other.values()))
    )


@given(answers)
def test_the_same_answers_are_half(arm: dict[int, int]) -> None:
    """Nothing differs, and nothing is said to."""
    found = TESTS.rank_sum(arm, arm)

    assert found.estimate == pytest.approx(0.5)
    assert found.p is None or found.p == pytest.approx(1)


@given(
    st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.001, 0.4)
)
def test_exact_bounds_hold_the_rate(counted: tuple[int, int], alpha: float) -> None:
    """And are mirrored for what did not happen."""
    events, trials = counted
    upper = TESTS.binomial_upper(events, trials, alpha)

    assert TESTS.binomial_lower(events, trials, alpha) <= events / trials <= upper
    assert 1 - TESTS.binomial_lower(trials - events, trials, alpha) == pytest.approx(upper)


@given(
    st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
)
def test_two_proportions_stay_within_what_is_possible(arm: tuple[int, int], other: tuple[int, int]) -> None:
    """Newcombe's interval of a difference never leaves -1 to 1, and holds it."""
    found = TESTS.two_proportions(Sums(RATE, arm[1], arm[0]), Sums(RATE, other[1], other[0]))

    assert found.low + 1e-12 >= -1
    assert found.high <= 1 + 1e-12
    assert found.low - 1e-12 <= found.estimate <= found.high + 1e-12
    assert (found.p is None) == (arm[0] + other[0] in (0, arm[1] + other[1]))


def test_where_nothing_varies_there_is_no_p() -> None:
    """Not a p of 0, and not NaN."""
    same, other = Sums(MEAN, 10, 30.0, 90.0), Sums(MEAN, 10, 40.0, 160.0)

    assert TESTS.welch(same, same).p is None
    assert (TESTS.welch(same, other).estimate, TESTS.welch(same, other).p) == (-1.0, None)
    assert TESTS.rank_sum({9: 5}, {9: 7}).p is None
    assert TESTS.rank_sum({9: 5}, {3: 7}).estimate == 1.0


def test_without_trials_a_bound_says_nothing() -> None:
    """0 of 0 is not a rate of 0."""
    assert (TESTS.binomial_lower(0, 0), TESTS.binomial_upper(0, 0)) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("arm", "production"),
    [
        (Sums(RATE, 10, 5.0), Sums(MEAN, 10, 5.0, 4.0)),
        (Sums(MEAN, 1, 5.0, 25.0), Sums(MEAN, 10, 5.0, 4.0)),
        (Sums(MEAN, 10, math.nan, 4.0), Sums(MEAN, 10, 5.0, 4.0)),
        (Sums(MEAN, 10, 5.0, -1.0), Sums(MEAN, 10, 5.0, 4.0)),
    ],
)
def test_sums_that_are_none_are_refused(arm: Sums, production: Sums) -> None:
    """The rollup of these days is wrong, or it is another kind of metric."""
    with pytest.raises(ValueError, match="no sums"):
        TESTS.welch(arm, production)
    with pytest.raises(ValueError, match="no sums"):
        TESTS.welch(production, arm)


def test_counts_that_are_none_are_refused() -> None:
    """As is one answer alone."""
    with pytest.raises(ValueError, match="no sums"):
        TESTS.two_proportions(Sums(RATE, 10, 11.0), Sums(RATE, 10, 5.0))
    with pytest.raises(ValueError, match="rank-sum"):
        TESTS.rank_sum({9: 1}, {3: 7})
    with pytest.raises(ValueError, match="rank-sum"):
        TESTS.rank_sum({9: 5, 1: -1}, {3: 7})
    with pytest.raises(ValueError, match="rank-sum"):
        TESTS.rank_sum({}, {3: 7})
    with pytest.raises(ValueError, match="events"):
        TESTS.binomial_upper(5, 4)
