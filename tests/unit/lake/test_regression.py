"""Arms that harm are found within days, and harmless ones are left alone for a month of nights."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from silent_infinity.domain.lake.published import Figures
from silent_infinity.domain.lake.regression import (
    RatioRules,
    RegressionRules,
    crisis_regression,
    ratio_mismatch,
)
from silent_infinity.domain.lake.running_arms import RunningArm
from silent_infinity.domain.lake.slos import rules
from silent_infinity.domain.variant_sums import Sums

ARM = RunningArm(
    category="LLM_MODEL",
    variant_id="new",
    since="2026-11-02",
    production=("old",),
    version=4,
    share=0.1,
    production_share=0.9,
    shares_since="2026-11-02",
)
CRISIS = rules().crisis_regression
RATIO = rules().sample_ratio
SIMULATIONS = 2000
NIGHTS = 30


def figures(new: tuple[int, int], old: tuple[int, int]) -> Mapping[str, Figures]:
    """Return what is known of an arm and of production: flagged units of all units."""
    return {
        name: Figures({"crisis_flag": Sums("rate", n, flagged)})
        for name, (flagged, n) in (("new", new), ("old", old))
    }


def taken_back(new: tuple[int, int], old: tuple[int, int], limits: RegressionRules = CRISIS) -> bool:
    """Whether an arm with these figures is taken back."""
    return crisis_regression(ARM, figures(new, old), limits) is not None


def nights_taken_back(
    random: np.random.Generator, of_new: float, of_old: float, limits: RegressionRules = CRISIS
) -> list[int]:
    """Return the night on which each of many simulated arms is taken back; 0 for those that never are.

    Every night brings about 100 sessions to the arm and 900 to production, on days of unlike size.
    """
    found = []
    for _ in range(SIMULATIONS):
        sizes = random.integers(40, 160, NIGHTS)
        new = np.cumsum(sizes), np.cumsum(random.binomial(sizes, of_new))
        old = np.cumsum(9 * sizes), np.cumsum(random.binomial(9 * sizes, of_old))
        nights = (
            night + 1
            for night in range(NIGHTS)
            if taken_back(
                (int(new[1][night]), int(new[0][night])), (int(old[1][night]), int(old[0][night])), limits
            )
        )
        found.append(next(nights, 0))
    return found


def test_at_most_one_harmless_arm_in_a_hundred_is_taken_back_in_thirty_nights() -> None:
    """Looked at every night, a test that holds for one look would take back one in ten (the next test)."""
    random = np.random.default_rng(20261121)
    nights = nights_taken_back(random, 0.03, 0.03)

    assert sum(night > 0 for night in nights) <= stats.binom.ppf(0.999, SIMULATIONS, 0.01)


def test_a_test_for_one_look_would_take_back_far_more() -> None:
    """The simulation sees the trap that the bound per night is there for."""
    random = np.random.default_rng(20261121)
    careless = RegressionRules("crisis_flag", 0.05, 1, CRISIS.least_units, CRISIS.least_flagged)
    nights = nights_taken_back(random, 0.03, 0.03, careless)

    assert sum(night > 0 for night in nights) > 0.08 * SIMULATIONS


def test_an_arm_that_doubles_crises_is_taken_back_within_a_fortnight() -> None:
    """Nine times in ten, at three crises in a hundred sessions and 100 sessions a night."""
    random = np.random.default_rng(20261122)
    nights = nights_taken_back(random, 0.06, 0.03)

    assert sum(0 < night <= 14 for night in nights) > 0.9 * SIMULATIONS


def test_the_verdict_names_the_numbers() -> None:
    """People read them at three in the morning."""
    found = crisis_regression(ARM, figures((40, 500), (120, 4500)), CRISIS)

    assert found is not None
    assert (found.flagged, found.units, found.production_flagged, found.production_units) == (
        40, 500, 120, 4500,
    )  # fmt: skip
    expected = stats.fisher_exact([[40, 460], [120, 4380]], alternative="greater").pvalue
    assert found.p == pytest.approx(expected)
    assert found.p < CRISIS.alpha


@pytest.mark.parametrize(
    ("new", "old"),
    [
        pytest.param((4, 100), (0, 5000), id="four crises, which a single person may bring about"),
        pytest.param((19, 19), (0, 5000), id="fewer units than are wanted"),
        pytest.param((400, 500), (0, 19), id="nothing to speak of to hold it against"),
        pytest.param((13, 500), (120, 4500), id="the same rate"),
        pytest.param((0, 5000), (900, 4500), id="fewer crises"),
        pytest.param((20, 500), (120, 4500), id="more crises, as chance brings about"),
    ],
)
def test_an_arm_stays_where_too_little_is_known(new: tuple[int, int], old: tuple[int, int]) -> None:
    """To take it back is cheap, but an arm that never stays is never measured."""
    assert not taken_back(new, old)


@pytest.mark.parametrize(
    "known",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"new": figures((40, 500), (0, 1))["new"]}, id="no production"),
        pytest.param({"old": figures((0, 1), (120, 4500))["old"]}, id="no arm"),
        pytest.param({"new": Figures(), "old": Figures()}, id="no such metric"),
        pytest.param(
            {**figures((0, 1), (12, 4500)), "new": Figures({"crisis_flag": Sums("mean", 500, 40)})},
            id="a mean",
        ),
        pytest.param(figures((501, 500), (120, 4500)), id="more crises than units"),
    ],
)
def test_no_figures_are_no_verdict(known: Mapping[str, Figures]) -> None:
    """A new arm has none; impossible ones are the rollup's fault, and not the arm's."""
    assert crisis_regression(ARM, known, CRISIS) is None


@given(
    new=st.integers(0, 300),
    old=st.integers(0, 300),
    units=st.tuples(st.integers(300, 3000), st.integers(300, 9000)),
)
def test_only_a_higher_rate_is_a_regression(new: int, old: int, units: tuple[int, int]) -> None:
    """An arm under which fewer people come to a crisis is never taken back for it."""
    found = crisis_regression(ARM, figures((new, units[0]), (old, units[1])), CRISIS)

    assert found is None or new / units[0] > old / units[1]


def test_a_pool_is_held_against_as_one() -> None:
    """Its variants share production in equal parts."""
    pool = {**figures((40, 500), (60, 2250)), "older": Figures({"crisis_flag": Sums("rate", 2250, 60)})}
    arm = replace(ARM, production=("old", "older"))
    found = crisis_regression(arm, pool, CRISIS)

    assert found is not None
    assert (found.production_flagged, found.production_units) == (120, 4500)


def test_units_that_divide_as_the_traffic_are_no_mismatch() -> None:
    """One in ten to the arm, as its share is."""
    assert ratio_mismatch(ARM, {"new": 1003, "old": 8997, "another arm": 5000}, RATIO) is None


def test_units_that_are_lost_are_found() -> None:
    """One in seven of the arm's units leaves no record: its figures are of those that do."""
    found = ratio_mismatch(ARM, {"new": 860, "old": 9000}, RATIO)

    assert found is not None
    assert found.p == pytest.approx(stats.chisquare([860, 9000], [986.0, 8874.0]).pvalue)
    assert found.expected == pytest.approx({"new": 986.0, "old": 8874.0})


def test_a_side_that_has_no_units_at_all_is_a_mismatch() -> None:
    """An arm that nothing is recorded of looks like an arm without traffic."""
    assert ratio_mismatch(ARM, {"old": 9000}, RATIO) is not None


def test_harmless_nights_raise_no_alarm() -> None:
    """Five false ones in 10,000 nights, at most."""
    random = np.random.default_rng(20261123)
    drawn = random.binomial(5000, 0.1, 20_000)
    alarms = sum(ratio_mismatch(ARM, {"new": int(n), "old": 5000 - int(n)}, RATIO) is not None for n in drawn)

    assert alarms <= stats.binom.ppf(0.999, 20_000, RATIO.p)


@pytest.mark.parametrize(
    ("units", "limits"),
    [
        pytest.param({"new": 0, "old": 199}, RATIO, id="few units"),
        pytest.param({"new": 0, "old": 49}, RatioRules(0.5, 10), id="less than five are expected"),
    ],
)
def test_few_units_say_nothing(units: Mapping[str, int], limits: RatioRules) -> None:
    """On its first evening an arm of one in a hundred has had nobody yet."""
    assert ratio_mismatch(ARM, units, limits) is None


def test_an_arm_without_a_share_is_not_measured() -> None:
    """A variant that owns no buckets is expected to have no units; there is nothing to divide by."""
    arm = replace(ARM, share=0.0)

    assert ratio_mismatch(arm, {"new": 0, "old": 9000}, RATIO) is None


def test_a_pool_divides_in_equal_parts() -> None:
    """45 in a hundred to each of two."""
    arm = replace(ARM, production=("old", "older"))

    assert ratio_mismatch(arm, {"new": 1000, "old": 4480, "older": 4520}, RATIO) is None
    assert ratio_mismatch(arm, {"new": 1000, "old": 4200, "older": 4800}, RATIO) is not None


def test_the_rules_keep_what_they_promise() -> None:
    """A night's share of one in a hundred over thirty nights."""
    assert CRISIS.alpha * CRISIS.looks == pytest.approx(0.01)
    assert CRISIS.looks >= NIGHTS
