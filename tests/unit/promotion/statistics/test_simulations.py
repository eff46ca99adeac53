"""Thirty nights of promotions that never were: how often statistics are wrong, how soon they are right.

At a size that fits here; `./run bench promotion` has more experiments, more kinds of figures and the peers.
"""

import numpy as np
import pytest

from tests.benchmarks.promotion_gates import (
    NOT_PASSED,
    PROMOTED,
    RATES,
    TAKEN_BACK,
    Setting,
    Truth,
    simulate_promotions,
)
from tests.benchmarks.promotion_looks import (
    CANARY,
    EVEN,
    NIGHTS,
    Drawn,
    Traffic,
    differs,
    families,
    is_above,
    is_below,
    lognormal,
    mismatches,
    of_rates,
    of_values,
    plainly_differs,
    simulate_looks,
)

MANY, SOME = 1_000, 300


def rates(seed: int, traffic: Traffic, arm: float, production: float) -> Drawn:
    """Draw rates with a seed."""
    return of_rates(np.random.default_rng(seed), traffic, arm, production, MANY)


@pytest.mark.parametrize("traffic", [EVEN, CANARY], ids=["even arms", "ten percent beside ninety"])
@pytest.mark.parametrize("rate", [0.7, 0.01], ids=["completion", "a rare event"])
def test_where_nothing_differs_thirty_looks_say_so(traffic: Traffic, rate: float) -> None:
    """At most one promotion in twenty may be decided by chance, however often it is looked at."""
    assert simulate_looks(rates(1, traffic, rate, rate), differs()).share <= 0.05


def test_a_plain_test_of_every_night_would_be_wrong_far_more_often() -> None:
    """That is the disease. It also shows that the simulation can find it."""
    plain = simulate_looks(rates(2, EVEN, 0.7, 0.7), plainly_differs)

    assert plain.share > 0.2


@pytest.mark.parametrize("sigma", [0.8, 1.2, 1.6], ids=["latency", "cost", "wild cost"])
def test_a_small_arm_of_skewed_values_is_not_shown_to_be_cheaper(sigma: float) -> None:
    """With the variance of the arm alone the wildest fails: a small arm often lacks its few large values, and
    looks cheaper and surer at once.
    """
    values = lognormal(sigma)
    drawn = of_values(np.random.default_rng(3), CANARY, values, values, SOME)

    assert simulate_looks(drawn, is_below(0.0)).share <= 0.025
    assert simulate_looks(drawn, is_above(0.0)).share <= 0.025


@pytest.mark.parametrize("traffic", [EVEN, CANARY], ids=["even arms", "ten percent beside ninety"])
def test_what_is_worse_by_the_margin_does_not_pass(traffic: Traffic) -> None:
    """Nor is it shown to be worse than that: at the margin both are wrong."""
    drawn = rates(4, traffic, 0.65, 0.70)

    assert simulate_looks(drawn, is_above(-0.05)).share <= 0.025
    assert simulate_looks(drawn, is_below(-0.05)).share <= 0.025


def test_a_family_of_metrics_is_hardly_ever_wrong_in_any() -> None:
    """Six secondary metrics of the same units, none of which differs."""
    assert families(np.random.default_rng(5), 6, 0.5, SOME // 2).share <= 0.05


@pytest.mark.parametrize(
    ("shares", "units"), [((0.5, 0.5), 340), ((0.1, 0.9), 1700)], ids=["half and half", "a canary"]
)
def test_a_right_division_of_the_traffic_is_hardly_ever_doubted(
    shares: tuple[float, float], units: int
) -> None:
    """One false alarm in a thousand promotions at most; a chi-square of every night has more."""
    ours, plain = mismatches(np.random.default_rng(6), shares, shares, units, 3 * MANY)

    assert ours.share <= 0.001
    assert plain.share > 0.003


def test_a_lost_tenth_of_the_arm_is_found() -> None:
    """An arm whose units go missing on the way must not wait for thirty nights."""
    ours, _ = mismatches(np.random.default_rng(7), (0.1, 0.9), (0.09 / 0.99, 0.9 / 0.99), 1700, SOME)

    assert ours.share > 0.95
    assert ours.mean_nights < 15


def test_five_points_are_found_in_a_third_of_the_time() -> None:
    """Of a test that is planned for thirty nights and looked at once; and hardly ever missed."""
    found = simulate_looks(rates(8, EVEN, 0.75, 0.70), differs())

    assert found.share > 0.95
    assert found.mean_nights < NIGHTS / 2.5


def test_what_is_as_good_passes_with_a_margin_of_five_points() -> None:
    """A guardrail that never passed would stop every promotion."""
    passed = simulate_looks(rates(9, EVEN, 0.70, 0.70), is_above(-0.05))

    assert passed.share > 0.95
    assert passed.mean_nights < NIGHTS / 2.5


def test_an_arm_with_twice_the_crises_is_not_promoted_however_much_better_it_is() -> None:
    """Within a margin of one point it was, in seven of ten, while the nightly test had not seen it yet."""
    worse = Truth({"completion": 0.05, "crisis_flag": RATES["crisis_flag"]})
    ends = simulate_promotions(np.random.default_rng(7), Setting("GHOST_CHAR_STYLE", CANARY), worse, 24)

    assert ends.share(PROMOTED) <= 0.05
    assert ends.share(TAKEN_BACK) > 0.2


def test_an_arm_that_is_better_is_promoted_by_all_gates_together() -> None:
    """Gates that nothing passes would be passed by, by whoever is tired of them."""
    better = Truth({"completion": 0.05})
    often = Setting("GHOST_CHAR_STYLE", CANARY, {"crisis_flag": 0.01})
    ends = simulate_promotions(np.random.default_rng(8), often, better, 20)

    assert ends.share(PROMOTED) >= 0.8
    assert ends.share(TAKEN_BACK) == 0


def test_an_arm_that_differs_in_nothing_is_not_taken_back_for_what_production_costs() -> None:
    """Where both were over the bound, three of ten harmless arms were, for a cent that was chance."""
    dear = Setting("GHOST_CHAR_STYLE", CANARY, cost=0.1)
    ends = simulate_promotions(np.random.default_rng(9), dear, Truth(), 30)

    assert ends.share(TAKEN_BACK) <= 0.04
    assert ends.share(PROMOTED) == 0
    assert ends.by_gate(NOT_PASSED)["cost_per_session"] > 0
