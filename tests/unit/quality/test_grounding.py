"""A fluent sentence about somebody's life that nobody told is the most believable mistake a model makes."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.guards.grounding import claims, score
from silent_infinity.domain.quality import validate_reply
from silent_infinity.domain.quality_codes import instructions_for
from tests.support.vectors import description, load_vectors

CASES = load_vectors("quality_grounding.json")
INVENTED = (
    "Your husband knows.",
    "In 1998 it was 40%.",
    "Studies show it.",
    "It always works.",
    "Last time we spoke, you cried.",
    "Dr. Hannah Whitfield says so.",
)


@pytest.mark.parametrize("case", CASES, ids=description)
def test_a_claim_is_found_by_its_rule_and_nothing_else_is(case: dict[str, Any]) -> None:
    """Each rule has replies that break it and near misses: a good reply refused is a loss too."""
    found = claims(case["text"], case["message"], case.get("history", ()), case["turn_class"])

    assert sorted(claim.rule_id for claim in found if not claim.soft) == sorted(case["claims"])
    assert sorted(claim.rule_id for claim in found if claim.soft) == sorted(case.get("soft", ()))


def test_every_rule_is_broken_by_some_vector_and_every_fact_has_a_way_to_be_told() -> None:
    """A rule that no example breaks may be dead."""
    broken = {code for case in CASES for code in case["claims"]}

    assert broken == {
        "grounding.authority",
        "grounding.certainty",
        "grounding.memory",
        "grounding.name",
        "grounding.person",
        "grounding.statistic",
        "grounding.study",
    }
    for group in data.load("grounding.json")["groups"]:
        assert set(group["named"].split()) <= set(group["told"].split()) | {"mothers", "fathers", "abuser"}


@pytest.mark.parametrize("group", data.load("grounding.json")["groups"], ids=lambda group: group["name"])
def test_whoever_told_of_it_may_hear_of_it(group: dict[str, Any]) -> None:
    """The same sentence is a mirror for one person and an invention for another."""
    named = group["named"].split()[0]
    reply = f"Your {named} is in that."

    assert [claim.rule_id for claim in claims(reply, "I can't sleep", (), "TC4")] == ["grounding.person"]
    assert claims(reply, f"it is about my {group['told'].split()[0]}", (), "TC4") == ()
    assert claims(reply, "I can't sleep", (f"it is about my {group['told'].split()[0]}",), "TC4") == ()


@given(st.text(max_size=300), st.text(max_size=200), st.sampled_from(["TC3", "TC4", "TC5", "TC6", "TC9"]))
@settings(max_examples=200, deadline=None)
def test_any_text_gets_claims_of_known_rules(text: str, message: str, turn_class: str) -> None:
    """Each has a sentence for the next attempt, and the score stays a score."""
    found = claims(text, message, (), turn_class)

    assert 0.0 <= score(found) <= 1.0
    assert len({claim.rule_id for claim in found}) == len(found)
    for claim in found:
        assert instructions_for([claim.rule_id]) != instructions_for(["quality.score"])


@given(st.sampled_from(INVENTED), st.sampled_from([case for case in CASES if not case["claims"]]))
@settings(max_examples=100, deadline=None)
def test_what_is_made_up_is_found_wherever_it_stands(invented: str, case: dict[str, Any]) -> None:
    """At the end of a good reply as well as alone."""
    alone = {claim.rule_id for claim in claims(invented, "hm", (), "TC5")}
    within = {claim.rule_id for claim in claims(f"{case['text']}\n\n{invented}", "hm", (), "TC5")}

    assert alone
    assert alone <= within


@given(st.sampled_from([case["text"] for case in CASES if case["turn_class"] == "TC5"]))
@settings(max_examples=60, deadline=None)
def test_the_person_s_own_words_are_ground_enough(text: str) -> None:
    """What somebody said themselves may be said back: figures, people and all."""
    found = {claim.rule_id for claim in claims(text, text, (), "TC5") if not claim.soft}

    # A study stays one whoever names it first, and so does a meeting that never was.
    assert found <= {"grounding.study", "grounding.memory"}


def test_an_ungrounded_answer_scores_low_and_is_refused() -> None:
    """And the attempt after it is told why."""
    text = "Anxiety is common: 62% of students have it. Your husband can help, and it always works."
    result = validate_reply(text, "model", "TC5", "how do I calm my anxiety before an exam?")

    assert not result.acceptable
    assert result.parts["groundedness"] == 0.0
    assert {"grounding.statistic", "grounding.person", "grounding.certainty", "quality.groundedness"} <= set(
        result.failures
    )


def test_a_soft_claim_lowers_the_score_and_blocks_nothing() -> None:
    """Whoever asks what is known may hear that research is fairly sure."""
    text = "Research suggests that EMDR lessens distress after trauma for many. What made you ask about it?"
    result = validate_reply(text, "model", "TC5", "what does the research say about EMDR?")

    assert result.acceptable
    assert result.parts["groundedness"] == 0.75


def test_the_composer_is_not_asked_where_it_has_it_from() -> None:
    """It says back what was said, and what it says itself is vetted."""
    text = "I hear that your husband left.\n\nThere is room here for all of that; what matters most to you?"

    assert validate_reply(text, "composer", "TC4", "he left").acceptable


@pytest.mark.parametrize(
    "piece",
    ["your ", "1 in ", "studies a b c d ", "you said ", "Dr. A", "(A", "as a ", "not ", "100% ", "a-b'c "],
)
def test_hostile_text_is_read_in_linear_time(piece: str) -> None:
    """A reply may be anything; ten thousand characters of it must not hold the turn up."""
    small, large = (piece * 2_000)[:2_000], (piece * 10_000)[:10_000]
    claims(small, "hm", (), "TC5")  # loads the tables
    start = time.perf_counter()
    claims(large, large, (), "TC5")

    assert time.perf_counter() - start < 1.0  # quadratic patterns take minutes here
