"""The same question asked twice gets the same answer twice: a second one has to differ by design."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.prompts import TEMPLATE_OF_CLASS
from silent_infinity.domain.quality_codes import instructions_for, second_attempt
from silent_infinity.domain.turn_classes import turn_classes

TABLE = data.load("second_attempts.json")
CODES = sorted(data.load("quality.json")["instructions"])
KNOWN = st.sampled_from(CODES)


@pytest.mark.parametrize("turn_class", sorted(TEMPLATE_OF_CLASS))
@given(failures=st.lists(KNOWN | st.text(max_size=20), min_size=1, max_size=5))
def test_a_second_attempt_is_calmer_no_longer_and_has_a_plan(turn_class: str, failures: list[str]) -> None:
    """Whatever failed, in whatever class."""
    rules = turn_classes()[turn_class]
    approach = second_attempt(TEMPLATE_OF_CLASS[turn_class], failures)

    assert approach.temperature < rules.temperature
    assert 0.5 <= approach.length <= 1.0
    assert len(approach.plan) >= 3
    assert instructions_for(failures)


@pytest.mark.parametrize(
    ("failures", "name"),
    [
        (["mirroring.missing"], "closer"),
        (["length.too_long"], "shorter"),
        (["length.too_short"], "fuller"),
        (["format.list"], "plainer"),
        (["placeholder.bracket", "quality.format"], "plainer"),
        (["grounding.person"], "grounded"),
        (["quality.relevance"], "grounded"),
        (["language.other"], "same_language"),
        (["quality.tone"], "warmer"),
        (["no_help_line"], "careful"),
        (["leak.prompt"], "careful"),
        (["bedrock_guardrail.topic.x"], "careful"),
        (["generate_failed"], "shorter"),
        (["quality.score"], "simpler"),
        (["whatever.else"], "simpler"),
        (["mirroring.missing", "safe_messaging.advice"], "careful"),
    ],
)
def test_the_failure_decides_the_approach(failures: list[str], name: str) -> None:
    """What was unsafe comes first, whatever else was wrong."""
    assert second_attempt("reflective_mirror", failures).name == name


def test_every_approach_can_be_reached_and_every_failure_is_met_by_one() -> None:
    """A code that nobody planned for would be answered by chance."""
    reached = {second_attempt("teaching", [code]).name for code in CODES}

    assert reached == {entry["name"] for entry in [*TABLE["approaches"], TABLE["otherwise"]]}
    unplanned = {code for code in CODES if second_attempt("teaching", [code]).name == "simpler"}
    assert unplanned == {"quality.score"}


def test_every_class_that_speaks_has_a_plan() -> None:
    """The steps say what the reply is made of; without them only the prohibitions are left."""
    assert set(TABLE["plans"]) == set(TEMPLATE_OF_CLASS.values())
