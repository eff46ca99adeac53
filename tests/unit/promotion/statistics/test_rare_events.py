"""Events that are rare on both sides: are there so many times as many on the arm?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.promotion.statistics.rare_events import not_as_frequent_p

EVENTS, UNITS, RATIO = st.integers(0, 300), st.integers(300, 50_000), st.floats(1.1, 10)


def test_it_is_the_ratio_of_the_two_likelihoods() -> None:
    """Worked by hand: 10 of 110 events on an arm with a tenth of the units, beside twice the rate."""
    equal, twice = 0.1, 2 / 11
    factor = (equal / twice) ** 10 * ((1 - equal) / (1 - twice)) ** 100

    assert not_as_frequent_p((10, 1_000), (100, 9_000), 2.0) == pytest.approx(1 / factor)


def test_nothing_seen_shows_nothing() -> None:
    """No crisis on either side may be luck of few units: it is no proof of a rate."""
    assert not_as_frequent_p((0, 10_000), (0, 90_000), 2.0) == 1


@given(EVENTS, UNITS, EVENTS, UNITS, RATIO)
def test_an_event_more_on_the_arm_never_makes_it_look_better(
    x: int, n: int, y: int, m: int, ratio: float
) -> None:
    """Otherwise a crisis could help an arm to be promoted."""
    x = min(x, n - 1)
    before, after = (not_as_frequent_p((events, n), (y, m), ratio) for events in (x, x + 1))

    assert 0 <= before <= after * (1 + 1e-9)
    assert after <= 1


@pytest.mark.parametrize(("arm", "production"), [(170, 170), (170, 1_530)])
@pytest.mark.parametrize("rate", [0.004, 0.02])
def test_twice_the_rate_is_ruled_out_by_chance_in_one_promotion_of_forty(
    arm: int, production: int, rate: float
) -> None:
    """Over sixty nights of looking, and with each unit an own draw rather than the ideal of the paper."""
    random, nights, many = np.random.default_rng(41), 60, 2_000
    x = random.binomial(arm, 2 * rate, (many, nights)).cumsum(axis=1)
    y = random.binomial(production, rate, (many, nights)).cumsum(axis=1)
    n, m = (side * np.arange(1, nights + 1) for side in (arm, production))
    wrong = sum(
        any(
            not_as_frequent_p((int(x[i, t]), int(n[t])), (int(y[i, t]), int(m[t])), 2.0) <= 0.025
            for t in range(2, nights)
        )
        for i in range(many)
    )

    assert 0 < wrong / many <= 0.025


@pytest.mark.parametrize(
    ("arm", "production", "ratio"),
    [((-1, 5), (0, 5), 2.0), ((6, 5), (0, 5), 2.0), ((0, 0), (0, 5), 2.0), ((0, 5), (0, 5), 1.0),
     ((0, 5), (0, 5), math.nan)],
)  # fmt: skip
def test_counts_that_cannot_be_are_refused(
    arm: tuple[int, int], production: tuple[int, int], ratio: float
) -> None:
    """A rollup that went wrong must not be judged."""
    with pytest.raises(ValueError, match=r"events lie|a ratio is"):
        not_as_frequent_p(arm, production, ratio)
