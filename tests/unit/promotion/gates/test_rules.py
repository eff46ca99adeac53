"""The gates as data: whole, in their order, and about what the lake knows."""

import json
from pathlib import Path
from typing import Any

import pytest

from silent_infinity.data import load
from silent_infinity.domain.lake.metrics import RATE, by_name
from silent_infinity.domain.promotion.evidence import Group
from silent_infinity.domain.promotion.gates import rules
from silent_infinity.domain.promotion.gates.criteria import asked_of
from silent_infinity.domain.promotion.gates.evaluation import judges
from silent_infinity.domain.promotion.golden import suite_for
from silent_infinity.domain.variant_categories import CANARY, PRODUCTION, categories

DOCUMENT: dict[str, Any] = load("gates.json")
ROOT = Path(__file__).parents[4]
MEASURED = [name for name, category in categories().items() if not category.crisis]
CRISIS = [name for name, category in categories().items() if category.crisis]
FIELDS = {
    *("name", "title", "group", "test", "metric", "direction", "categories", "stages", "phases", "alpha"),
    *("least", "margin", "relative", "threshold", "ratio", "slight", "days", "why", "do"),
}  # fmt: skip


@pytest.mark.parametrize("row", DOCUMENT["gates"], ids=lambda row: row["name"])
def test_a_gate_is_whole(row: dict[str, Any]) -> None:
    """A misspelt field would fall back to its default, and the gate would hold nothing."""
    assert row.keys() <= FIELDS
    assert row["group"] in set(Group)
    assert judges(row["test"])
    assert set(row["stages"]) <= {CANARY, PRODUCTION}
    assert set(row["phases"]) <= set(rules.PHASES)
    assert row["stages"]
    assert row["phases"]
    assert set(row["categories"]) <= {"*", *categories()}
    assert row["why"]
    assert row["do"]
    assert 0 < row.get("alpha", 0.05) <= 0.05
    if "metric" in row:
        metric = by_name()[row["metric"]]
        assert row["direction"] == metric.direction
        assert row["metric"] in DOCUMENT["phrases"]
    if row["test"] == rules.NO_WORSE:
        assert 0 < row["margin"] <= 0.1
        assert by_name()[row["metric"]].kind == RATE


def test_no_two_gates_have_one_name() -> None:
    """Evidence, criteria and operators know a gate by its name."""
    names = [row["name"] for row in DOCUMENT["gates"]]

    assert len(names) == len(set(names))


def test_every_category_has_gates_into_both_stages() -> None:
    """A category that was forgotten would promote without anything being shown."""
    for name in MEASURED:
        for stage in (CANARY, PRODUCTION):
            plan = rules.plan_for(name, stage, rules.ENTRY)
            names = [gate.name for gate in plan.gates]

            assert plan.sample == rules.Sample(hours=72, units=500, days=30)
            assert names[:3] == ["sample_ratio", "screen_answers", "live_misses"]
            assert {"crisis", "completion", "cost_per_session", "primary", "nps"} <= set(names)
            assert ("golden" in names) == (suite_for(name) is not None)
            groups = [list(Group).index(Group(gate.group)) for gate in plan.gates]
            assert groups == sorted(groups)
            assert len(names) == len(set(names))


@pytest.mark.parametrize("category", CRISIS)
def test_crisis_categories_are_judged_on_golden_sets_alone(category: str) -> None:
    """They serve nobody before: statistics about them cannot exist, and must not be waited for."""
    plan = rules.plan_for(category, PRODUCTION, rules.ENTRY)

    assert plan.sample is None
    assert [gate.name for gate in plan.gates] == ["golden"]
    assert suite_for(category) is not None


def test_each_category_has_one_primary_metric_that_can_be_judged() -> None:
    """Two would be two chances, none would be no reason to promote."""
    rows = DOCUMENT["primary"]["of"]

    assert sorted(row["category"] for row in rows) == sorted(MEASURED)
    assert all(
        rules.may_be_primary(row["metric"]) and row["test"] == rules.BETTER and row["why"] for row in rows
    )


def test_the_bounds_of_the_design_are_the_bounds_of_the_gates() -> None:
    """Design, section 9. Whoever wants to bear more has to change the design first."""
    found = {row["name"]: row for row in DOCUMENT["gates"]}

    assert found["sample_ratio"]["alpha"] == 0.001
    assert found["screen_answers"]["threshold"] == 0.995
    assert (found["live_misses"]["threshold"], found["live_misses"]["least"]) == (0.001, 3_000)
    assert found["golden"]["threshold"] == 0
    assert found["completion"]["margin"] == 0.05
    assert found["cost_per_session"]["threshold"] == 0.08
    assert DOCUMENT["primary"]["alpha"] == 0.05


def test_bounds_that_slos_have_too_are_the_same() -> None:
    """An arm that breaks a bound every night must not be promoted by a gate with another one."""
    slos = {row["name"]: row["threshold"] for row in load("slos.json")["slos"]}
    found = {row["name"]: row for row in DOCUMENT["gates"]}

    assert slos["completion-drop"] == found["completion"]["margin"]
    assert slos["cost-per-session-of-arm"] == found["cost_per_session"]["threshold"]
    assert slos["first-token-of-arm"] == found["first_token_reflection"]["threshold"]
    assert slos["first-token-small-talk"] == found["first_token_small_talk"]["threshold"]
    assert slos["json-parse"] == found["screen_answers"]["threshold"]


def test_criteria_name_gates_and_fields_that_are_there() -> None:
    """A criterion of a gate that does not exist would be taken for one that is looked at."""
    names = {row["name"] for row in DOCUMENT["gates"]}

    for row in DOCUMENT["criteria"]:
        fields = {"hours", "units"} if row["gate"] == rules.SAMPLE else {"margin", "threshold"}
        assert row["gate"] in names | {rules.SAMPLE}
        assert row["field"] in fields
        assert row["stricter"] in {"more", "less"}
    assert not {row["name"] for row in DOCUMENT["criteria"]} & set(by_name())


def test_the_criteria_of_the_first_variants_are_known() -> None:
    """Otherwise no variant of a new deployment could ever pass."""
    common = load("variants.json")["of_candidates"]["pass_criteria"]

    assert asked_of("LLM_MODEL", CANARY, rules.ENTRY, common).not_understood == ()


def test_the_settings_of_an_environment_replace_hours_and_a_criterion_may_ask_for_more() -> None:
    """An environment for trying things out does not wait for three days."""

    def hours(**criteria: object) -> float:
        plan = asked_of("MANDALA_FACE", CANARY, rules.ENTRY, criteria, sample_hours=24).plan
        assert plan.sample
        return plan.sample.hours

    assert hours() == 24
    assert hours(hours_min=48) == 48
    assert hours(hours_min=12) == 24


def test_the_next_look_is_an_hour_after_the_rollup_is_due() -> None:
    """An earlier look would see the figures of the night before."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    schedules = {value["rollup_schedule"] for value in _objects(context) if value.get("rollup_schedule")}

    assert schedules == {"cron(30 1 * * ? *)"}
    assert DOCUMENT["look_at_utc"] == "02:30"


@pytest.mark.parametrize(("category", "stage"), [("NOTHING", CANARY), ("LLM_MODEL", "staged")])
def test_there_is_no_plan_for_what_no_gate_is_for(category: str, stage: str) -> None:
    """An empty plan would be a promotion that nothing is asked of."""
    with pytest.raises(KeyError):
        rules.plan_for(category, stage, rules.ENTRY)


def _objects(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        return []
    return [value, *(one for each in value.values() for one in _objects(each))]
