"""What makes a golden result count for a variant."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.golden import measured
from silent_infinity.domain.promotion.evidence import config_hash
from silent_infinity.domain.promotion.golden import flaws, same_model, suite_for, suites
from silent_infinity.domain.variant_categories import categories
from tests.support.golden import PERSONA_MODEL, golden_evidence

VECTORS = Path(__file__).parents[2] / "vectors"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CONFIG = {"model_id": "us.anthropic.claude-haiku-4-5-20251001-v1:0", "max_tokens": 64}


def found(config: dict[str, Any] = CONFIG, **changes: Any) -> list[str]:
    """Return the places of the flaws of otherwise clean evidence."""
    evidence = replace(golden_evidence("CRISIS_DETECTOR_MODEL", "detector", CONFIG), **changes)
    flawed = flaws(
        evidence,
        category="CRISIS_DETECTOR_MODEL",
        variant_id="detector",
        config=config,
        persona_model=PERSONA_MODEL,
        now=NOW,
    )
    return [place for place, _ in flawed]


@pytest.mark.parametrize("name", ["safety", "sentinel", "prompts"])
def test_the_cases_that_are_asked_for_are_those_of_the_sets(name: str) -> None:
    """Whoever changes a set writes this file anew (`python -m evaluation.golden`): evidence on the set of
    before then counts no longer."""
    assert suites()[name] == measured(name, VECTORS)


def test_every_category_that_must_not_be_experimented_on_has_a_suite_with_cases_of_risk() -> None:
    """It is promoted on golden evidence alone."""
    crisis = [category.name for category in categories().values() if category.crisis]
    named = [suite_for(category) for category in crisis]

    assert crisis
    assert None not in named, dict(zip(crisis, named, strict=True))
    assert all(suites()[name].crisis_cases > 0 for name in named if name)


def test_clean_evidence_has_no_flaw_and_neither_has_bad_evidence() -> None:
    """A missed case is for the gate to say: evidence that only tells of success would be none."""
    assert found() == []
    assert found(crisis_missed=367, gates_broken=("anything",)) == []


@given(st.dictionaries(st.sampled_from(["model_id", "max_tokens", "temperature"]), st.integers(0, 9)))
def test_evidence_holds_for_one_configuration_alone(config: dict[str, Any]) -> None:
    """Another length or temperature is another speaker."""
    assert ("/config_hash" in found(config)) == (config_hash(config) != config_hash(CONFIG))
    assert "/config_hash" in found({**CONFIG, "temperature": 0.5})


def test_a_number_is_the_same_however_a_store_writes_it() -> None:
    """DynamoDB gives 0 back for 0.0, and a file says what was typed; true is no number."""
    typed = {"temperature": 0.0, "steps": [1.0, 0.5, {"most": 2.0}], "cache": True}
    stored = {"temperature": 0, "steps": [1, 0.5, {"most": 2}], "cache": True}

    assert config_hash(typed) == config_hash(stored)
    assert config_hash(typed) != config_hash({**stored, "cache": 1})
    assert config_hash(typed) != config_hash({**stored, "temperature": 0.1})


@given(st.permutations(list(CONFIG)))
def test_the_order_of_a_configuration_is_no_difference(names: list[str]) -> None:
    """Stores return fields in any order."""
    assert found({name: CONFIG[name] for name in names}) == []


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("claude-haiku-4-5", "us.anthropic.claude-haiku-4-5-20251001-v1:0", True),
        ("claude-haiku-4-5", "haiku-4.5-cheap", True),
        ("claude-haiku-4-5", "claude-sonnet-4-6", False),
        ("someones-own-model", "someones-own-model", True),
        ("someones-own-model", "someones-other-model", False),
        ("composer", "", False),
        ("", "", False),
    ],
)
def test_a_model_is_the_same_under_any_of_its_names(name: str, other: str, same: bool) -> None:
    """And no name is no model's: a configuration that names none is not answered for by anybody."""
    assert same_model(name, other) is same
    assert same_model(other, name) is same


@pytest.mark.parametrize(
    ("run_at", "is_flaw"),
    [
        ("2026-11-21T09:00:00+00:00", False),
        ("2026-11-21T09:05:00+00:00", False),
        ("2026-11-21T09:05:01+00:00", True),
        ("2026-11-21T10:00:00+01:00", False),
        ("2026-11-21T09:00:00", True),
        ("", True),
    ],
)
def test_a_run_is_not_of_the_future(run_at: str, is_flaw: bool) -> None:
    """Its age is held against a limit; clocks may differ by five minutes."""
    assert ("/run_at" in found(run_at=run_at)) is is_flaw
