"""Planted effects: what was planted is there, and where nothing was planted nothing is."""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.simulation import traffic as simulated
from local.simulation.effects import EffectError, Planted, parsed
from local.simulation.scenario import Share, registry
from local.simulation.simulation import days
from local.simulation.traffic import Traffic
from local.simulation.truth import Truth
from tests.local.simulation.scenarios import scenario, truth_of

ARM = ("GHOST_CHAR_STYLE", "dots")
SESSIONS = 5000
SHARES = (Share(*ARM, 50),)
PLANTED = (
    {"latency_total_ms": 400.0, "rating": 0.5, "quality": 0.03, "completion": 0.08},
    {"turns": 1.5},
    {"cost_usd": 0.01},
    {"tokens_output": 60.0},
)
"""Whose size shows as it is in the difference over units. What moves another metric too stands alone: more
tokens also cost and take more."""

TENDENCIES = {
    "fallback": 0.03, "regeneration": 0.05, "degraded": 0.03, "guard_trigger": 0.03, "json_parse": -0.2,
    "crisis_flag": 0.02,
}  # fmt: skip
"""Planted in the chance of each turn: over units, which have several turns, more than that shows."""


@cache
def found(*effects: str) -> dict[str, dict[str, Any]]:
    """Return the metrics of the arm and of production over the whole time."""
    truth = truth_of(scenario(SESSIONS, 9, effects=effects, shares=SHARES))
    return {row["variant_id"]: row["metrics"] for row in truth["whole"] if row["category"] == ARM[0]}


@cache
def with_effects(metrics: tuple[tuple[str, float], ...]) -> dict[str, dict[str, Any]]:
    """Return them with these effects on the arm."""
    return found(*(f"{ARM[0]}:{ARM[1]}:{metric}:{size:+}" for metric, size in metrics))


def difference(metrics: dict[str, dict[str, Any]], metric: str) -> tuple[float, float]:
    """Return how far the arm is from production, and the standard error of that."""
    a, b = metrics["scramble"][metric], metrics["dots"][metric]
    return b["total"] / b["n"] - a["total"] / a["n"], math.sqrt(_error(a) + _error(b))


def _error(sums: dict[str, float]) -> float:
    mean = sums["total"] / sums["n"]
    squares = sums["squares"] or sums["total"]  # a success is its own square
    return max(squares / sums["n"] - mean * mean, 1e-12) / sums["n"]


def test_without_effects_an_arm_is_like_production_in_every_metric() -> None:
    """An A/A test: whatever else differs between the two would be blamed on every variant."""
    metrics = found()
    apart = {metric: difference(metrics, metric) for metric in metrics["dots"]}

    assert len(apart) >= 15
    assert {metric: pair for metric, pair in apart.items() if abs(pair[0]) > 4 * pair[1]} == {}


@pytest.mark.parametrize("planted", PLANTED, ids=" ".join)
def test_an_effect_has_the_size_that_was_asked_for(planted: dict[str, float]) -> None:
    """The truth is only worth something if what was planted is what can be found."""
    metrics = with_effects(tuple(planted.items()))
    for metric, size in planted.items():
        seen, error = difference(metrics, metric)

        assert seen == pytest.approx(size, abs=4 * error), metric
        assert abs(seen) > 4 * error, metric


def test_chances_of_a_turn_move_the_rate_of_the_units() -> None:
    """Rates count units with any (or all) of their turns: a chance of a turn moves them in its direction."""
    metrics = with_effects(tuple(TENDENCIES.items()))
    for metric, planted in TENDENCIES.items():
        size, error = difference(metrics, metric)

        assert size * planted > 0, metric
        assert abs(size) > 4 * error, metric


def test_satisfaction_moves_by_the_points_that_were_planted() -> None:
    """It is planted in ratings, of which most units have one."""
    size, error = difference(with_effects((("satisfaction", -0.25),)), "satisfaction")

    assert size == pytest.approx(-0.25, abs=4 * error + 0.02)
    assert size < -4 * error


@pytest.mark.parametrize("size", [0.5, -0.4])
def test_an_effect_on_ratings_is_not_swallowed_by_the_ends_of_the_scale(size: float) -> None:
    """Many people rate five already. Here nearly everybody rates, so that the size is seen sharply."""
    figures = json.loads(Path(simulated.__file__).with_name("traffic.json").read_text(encoding="utf-8"))
    figures["rating"] |= {"share": 0.9, "again": 0.0}
    wanted = scenario(1500, 3, effects=[f"{ARM[0]}:{ARM[1]}:rating:{size:+}"], shares=SHARES)
    truth = Truth(wanted)
    for day in days(wanted, Traffic(figures)):
        truth.see(day)
    rows = {row["variant_id"]: row["metrics"] for row in truth.finish()["whole"] if row["category"] == ARM[0]}

    seen, error = difference(rows, "rating")

    assert seen == pytest.approx(size, abs=4 * error)
    assert error < abs(size) / 8


def test_more_people_come_back_where_that_was_planted() -> None:
    """A category whose unit is the user: all sessions of a person have the arm."""
    effects = ("CHAT_UI_LAYOUT:simplified:return_7d:+0.2",)
    truth = truth_of(
        scenario(SESSIONS, 16, effects=effects, shares=(Share("CHAT_UI_LAYOUT", "simplified", 50),))
    )
    back: dict[str, list[float]] = {"simplified": [0, 0], "current": [0, 0]}
    for row in truth["variant_days"]:
        if row["category"] == "CHAT_UI_LAYOUT" and "return_7d" in row["metrics"]:
            back[row["variant_id"]][0] += row["metrics"]["return_7d"]["total"]
            back[row["variant_id"]][1] += row["metrics"]["return_7d"]["n"]
    rates = {name: total / n for name, (total, n) in back.items()}

    assert rates["simplified"] - rates["current"] == pytest.approx(0.2, abs=0.06)


def test_a_relative_effect_multiplies() -> None:
    """Ten percent of a cost is more for a long answer than for a short one."""
    plain = found()["dots"]["cost_usd"]
    dearer = found("GHOST_CHAR_STYLE:dots:cost_usd:+50%")["dots"]["cost_usd"]
    error = math.sqrt(_error(plain)) / (plain["total"] / plain["n"])

    assert dearer["total"] / dearer["n"] / (plain["total"] / plain["n"]) == pytest.approx(1.5, abs=8 * error)


@pytest.mark.parametrize(
    "text",
    [
        "LLM_MODEL:opus:rating",
        "LLM_MODEL:opus:rating:0.2",
        "NOTHING:opus:rating:+0.2",
        "LLM_MODEL:opus:charm:+0.2",
        "LLM_MODEL:opus:rating:+10%",
        "LLM_MODEL:opus:turns:-1",
        "LLM_MODEL:opus:fallback:+1.5",
        "LLM_MODEL:opus:rating:+3",
    ],
)
def test_an_effect_that_nobody_can_have_is_refused(text: str) -> None:
    """A misspelt effect that is quietly left out would pass for an A/A test."""
    with pytest.raises(EffectError):
        parsed(text)


def test_effects_add_up_and_hold_only_for_their_variant() -> None:
    """Two effects on one metric are both meant."""
    effects = ("LLM_MODEL:a:rating:+0.2", "SYSTEM_PROMPT:b:rating:-0.5", "LLM_MODEL:a:cost_usd:+10%")
    planted = Planted([parsed(text) for text in effects])

    assert planted.added("rating", {"LLM_MODEL": "a", "SYSTEM_PROMPT": "b"}) == pytest.approx(-0.3)
    assert planted.added("rating", {"LLM_MODEL": "c"}) == 0
    assert planted.added("cost_usd", {"LLM_MODEL": "a"}) == 0
    assert planted.factor("cost_usd", {"LLM_MODEL": "a"}) == pytest.approx(1.1)


@pytest.mark.parametrize(
    "share",
    [
        Share("CRISIS_FLOW_MODEL", "claude-opus-4-7", 10),
        Share("LLM_MODEL", "claude-sonnet-4-6", 10),
        Share("SMALL_TALK_MODEL", "another", 90),
        Share("NOTHING", "another", 10),
    ],
)
def test_an_arm_that_nobody_can_be_in_is_refused(share: Share) -> None:
    """Crisis categories serve production only, production is no arm, and buckets are given away once."""
    with pytest.raises(EffectError):
        registry(shares=[share])


def test_arms_of_a_category_share_its_buckets_without_overlap() -> None:
    """Overlapping ranges would take units from the second arm, and the sample ratio would cry foul."""
    variants = registry(shares=[Share("LLM_MODEL", "a", 20), Share("LLM_MODEL", "b", 30)])
    arms = {one.variant_id: one for one in variants if one.category == "LLM_MODEL" and one.ranges}

    assert {name: arm.ranges for name, arm in arms.items()} == {"a": ((0, 2000),), "b": ((2000, 5000),)}
    assert len({arm.seed for arm in arms.values()}) == 1
