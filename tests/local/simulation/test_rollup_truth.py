"""The real statements recover what was simulated: every sum of every day, and the planted effects."""

import math
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.simulation import bronze
from local.simulation.scenario import Disorder, Scenario, Share
from local.simulation.simulation import Arrival, arrivals, days
from local.simulation.truth import Truth
from silent_infinity.domain.comparison import compare
from silent_infinity.domain.lake.arms import Arm
from silent_infinity.domain.lake.metrics import RATIO, by_name
from silent_infinity.domain.variant_sums import Sums
from tests.local.simulation.scenarios import UNTIL, scenario
from tests.support.lake import BUCKET, Lake

EFFECTS = (
    "GHOST_CHAR_STYLE:dots:rating:+0.5",
    "GHOST_CHAR_STYLE:dots:completion:+0.1",
    "LLM_MODEL:faster:latency_total_ms:-300",
    "LLM_MODEL:faster:cost_usd:+20%",
)
"""On an arm of the client's and one of the server's."""

SHARES = (
    Share("GHOST_CHAR_STYLE", "dots", 40),
    Share("LLM_MODEL", "faster", 40),
    Share("SYSTEM_PROMPT", "same", 40),
    Share("CHAT_UI_LAYOUT", "same", 40),
)
"""Two of the arms are no different from production; of one of these the unit is the user."""

UNTIDY = Disorder(duplicates=0.03, late=0.02, most_days=6)
COUNTS = ("units", "sessions", "users", "exposed_turns", "crisis_turns")


class Rollup:
    """A simulated lake after its rollup, and the truth."""

    def __init__(self, folder: Path, wanted: Scenario) -> None:
        truth = Truth(wanted)

        def seen() -> Iterator[Arrival]:
            for day in days(wanted):
                truth.see(day)
                yield from arrivals(day, wanted.disorder, wanted.seed)

        lake = Lake(folder)
        counts = bronze.write(lake.catalog.folder(f"s3://{BUCKET}/"), seen())
        self.arrived = counts["turn_events"]
        self.truth = truth.finish()
        arms = [
            Arm(arm.category, arm.variant_id, wanted.first, production_of(wanted, arm.category))
            for arm in wanted.arms
        ]
        tables = ["silver_turns", "silver_feedback", "unit_days", "gold_variant_days", "gold_experiments",
                  "gold_costs", "gold_arrivals"]  # fmt: skip
        # A session of the last evening goes on past midnight: the day after belongs to the truth as well.
        lake.refresh(
            wanted.first,
            UNTIL + timedelta(days=1),
            through=UNTIL,
            arrived_until=UNTIL + timedelta(days=31),
            arms=arms,
            tables=tables,
        )
        self.gold = {
            (row["dt"], row["category"], row["variant_id"], row["metric"]): row
            for row in lake.rows("gold_variant_days")
        }
        self.experiments = lake.rows("gold_experiments")
        self.costs = lake.rows("gold_costs")
        self.received = lake.rows("gold_arrivals")


def production_of(wanted: Scenario, category: str) -> tuple[str, ...]:
    """Return the production variants of a category."""
    return tuple(one.variant_id for one in wanted.variants if one.category == category and one.is_default)


@pytest.fixture(scope="module")
def rollup(tmp_path_factory: pytest.TempPathFactory) -> Rollup:
    """3,000 sessions over twelve days, untidily arrived."""
    wanted = scenario(3000, 12, effects=EFFECTS, shares=SHARES, disorder=UNTIDY)
    return Rollup(tmp_path_factory.mktemp("lake"), wanted)


def test_gold_has_exactly_the_sums_of_every_day_category_variant_and_metric(rollup: Rollup) -> None:
    """The one thing that the lake is for. Duplicates and latecomers are among what it was made of."""
    compared = 0
    for row in rollup.truth["variant_days"]:
        for metric, expected in row["metrics"].items():
            found = rollup.gold[row["dt"], row["category"], row["variant_id"], metric]
            compared += 1

            assert {name: found[name] for name in COUNTS} == {name: row[name] for name in COUNTS}
            assert differing(metric, expected, found) == {}, (row["dt"], row["category"], metric)

    assert compared > 1500
    assert {key[:3] for key in rollup.gold if key[1] in counted(rollup)} == {
        (row["dt"], row["category"], row["variant_id"]) for row in rollup.truth["variant_days"]
    }


def counted(rollup: Rollup) -> set[str]:
    """Return the categories that the truth has."""
    return {row["category"] for row in rollup.truth["variant_days"]}


def differing(metric: str, expected: Mapping[str, float], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sums that differ: rates and totals not at all, quotients by the rounding of each unit's."""
    rounded = by_name()[metric].value == RATIO
    part = 1 / by_name()[metric].scale if rounded else 0.0
    n, mean = expected["n"], abs(expected["total"]) / max(expected["n"], 1)
    bounds = {
        "n": 0.0,
        "total": n * part / 2,
        "squares": n * part * (mean + math.sqrt(expected["squares"] / max(n, 1)) + part),
        "numerator": 0.0,
        "denominator": 0.0,
    }
    return {
        name: (value, found[name])
        for name, value in expected.items()
        if abs(value - found[name]) > bounds[name] + 1e-9 * abs(value)
    }


def test_whether_people_came_back_is_known_only_of_days_that_are_a_week_old(rollup: Rollup) -> None:
    """A rate over days that are too young would be too low, and lowest for the youngest arm."""
    known = {key[0] for key, row in rollup.gold.items() if key[3] == "return_7d" and row["n"]}

    assert known == {(UNTIL - timedelta(days=ago)).isoformat() for ago in range(7, 12)}


def test_planted_effects_lie_within_the_intervals_of_the_comparison(rollup: Rollup) -> None:
    """From simulated turns over Parquet, SQL and sums to what an operator reads: the effect comes out."""
    compared = {
        (arm, metric.metric): metric for arm in ("dots", "faster") for metric in compare(*sides(rollup, arm))
    }
    expected = {
        ("dots", "rating"): 0.5,
        ("dots", "completion"): 0.1,
        ("faster", "latency_total_ms"): -300.0,
    }

    for key, size in expected.items():
        found = compared[key]
        assert (found.low or 0) <= size <= (found.high or 0), key
        assert found.p is not None
        assert found.p < 0.01, key
    dearer = compared["faster", "cost_usd"]
    assert (dearer.b.value or 0) / (dearer.a.value or 1) == pytest.approx(1.2, abs=0.12)


@pytest.mark.parametrize("category", ["SYSTEM_PROMPT", "CHAT_UI_LAYOUT"])
def test_an_arm_that_is_no_different_shows_no_difference(rollup: Rollup, category: str) -> None:
    """An A/A test through everything, with sessions as units and with people: nothing comes out of nothing.

    Seventeen metrics are looked at: by Bonferroni's correction, one in a thousand such tests is wrong.
    """
    production, arm = sides(rollup, "same", category)
    found = {metric.metric: metric.p for metric in compare(production, arm) if metric.p is not None}

    assert len(found) > 12
    assert min(found.values()) > 0.001 / len(found)


def sides(rollup: Rollup, arm_id: str, category: str = "") -> tuple[dict[str, Sums], dict[str, Sums]]:
    """Return the sums of production and of the arm since it began, each unit once."""
    sums: dict[bool, dict[str, Sums]] = {True: {}, False: {}}
    for row in rollup.experiments:
        if row["arm_id"] == arm_id and category in ("", row["category"]):
            sums[row["variant_id"] == arm_id][row["metric"]] = Sums(
                row["kind"], row["n"], row["total"], row["squares"]
            )
    return sums[False], sums[True]


def test_experiments_have_every_unit_once_however_many_days_it_came(rollup: Rollup) -> None:
    """People who come back are one unit of an experiment, and several of its days."""
    whole = {(row["category"], row["variant_id"]): row for row in rollup.truth["whole"]}
    compared = 0
    for row in rollup.experiments:
        expected = whole[row["category"], row["variant_id"]]
        if row["metric"] in expected["metrics"]:
            compared += 1
            assert row["units"] == expected["units"]
            assert differing(row["metric"], expected["metrics"][row["metric"]], row) == {}, row

    assert compared > 100
    people = whole["CHAT_UI_LAYOUT", "current"]["units"]
    daily = [row for row in rollup.truth["variant_days"] if row["variant_id"] == "current"]
    assert people < sum(row["units"] for row in daily)


def test_the_days_bill_adds_up_to_what_the_calls_cost(rollup: Rollup) -> None:
    """Cost attribution splits the bill: nothing may fall between its rows, or be in two of them."""
    service = [row for row in rollup.truth["variant_days"] if row["category"] == "SERVICE"]
    quality = sum(row["metrics"]["cost_usd"]["numerator"] for row in service)
    billed = sum(row["cost_usd"] for row in rollup.costs)

    # Crisis turns are paid for too, and are in no figure of an experiment.
    assert quality < billed < 1.1 * quality
    assert {row["category"] for row in rollup.costs} >= {"LLM_MODEL", "SMALL_TALK_MODEL", "CRISIS_FLOW_MODEL"}


def test_every_turn_is_there_once_and_every_copy_is_counted(rollup: Rollup) -> None:
    """Loss and repetition show in the arrivals, of which nothing is hidden by the statements."""
    turns = sum(row["turns"] for row in rollup.received)
    copies = sum(row["duplicates"] for row in rollup.received)

    assert turns == rollup.truth["events"]
    assert copies == rollup.arrived - rollup.truth["events"]
    assert copies > 100
    assert sum(row["invalid"] for row in rollup.received) == 0
    assert sum(row["late"] for row in rollup.received) > 100


def test_first_and_last_day_of_the_truth_are_those_of_the_scenario(rollup: Rollup) -> None:
    """Only sessions of the last evening reach into the day after."""
    found = {date.fromisoformat(row["dt"]) for row in rollup.truth["variant_days"]}

    assert min(found) == UNTIL - timedelta(days=11)
    assert max(found) in (UNTIL, UNTIL + timedelta(days=1))
