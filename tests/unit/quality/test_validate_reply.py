"""A draft is served only if every guard passes and it is good enough for its class."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.guards.after import AFTER
from silent_infinity.domain.quality import validate_reply
from silent_infinity.domain.quality_codes import instructions_for
from tests.support.vectors import description, load_vectors

MESSAGE = "I feel so alone since my dad died and nobody calls me"
GOOD = (
    "You feel so alone since your dad died, and nobody calls you.\n\n"
    "It sounds as if the quiet has become very large. What is it like in the evenings?"
)


@pytest.mark.parametrize("case", load_vectors("quality_replies.json"), ids=description)
def test_a_reply_fails_for_the_reason_that_is_wrong_with_it(case: dict[str, Any]) -> None:
    """The next attempt is told these reasons, and every block is counted by them."""
    result = validate_reply(
        case["text"],
        "model",
        case["turn_class"],
        case["message"],
        allowed_contacts=case.get("allowed_contacts", ()),
    )

    assert result.acceptable == (not case["failures"]), result
    assert set(case["failures"]) <= set(result.failures)
    if "serves" in case:
        assert result.text == case["serves"]


@given(st.text(max_size=600), st.sampled_from(["TC3", "TC4", "TC5", "TC6"]), st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_draft_gets_a_verdict_of_the_agreed_shape(text: str, turn_class: str, message: str) -> None:
    """Models return anything at all, and the workflow needs an answer about all of it."""
    payload = validate_reply(text, "model", turn_class, message).to_payload()

    assert set(payload) == {"acceptable", "text", "score", "parts", "failures", "guard"}
    assert 0.0 <= payload["score"] <= 1.0
    assert all(0.0 <= value <= 1.0 for value in payload["parts"].values())
    assert payload["acceptable"] == (not payload["failures"])


@given(st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_what_was_accepted_once_is_accepted_unchanged_the_second_time(noise: str) -> None:
    """Changing a text that already passed would mean that what is served was never judged."""
    first = validate_reply(f"{GOOD} {noise}", "model", "TC4", MESSAGE)
    if not first.acceptable:
        return
    second = validate_reply(first.text, "model", "TC4", MESSAGE)

    assert second.acceptable
    assert second.text == first.text


def test_a_crisis_reply_is_held_to_the_rules_that_are_handed_in() -> None:
    """The clinical rules live elsewhere; a verdict that forgot to ask them would be worthless."""
    text = "Thank you for telling me how much it hurts. Are you safe right now? You can call 988 at any hour."

    passed = validate_reply(text, "model", "TC6", "I want to die", crisis_guard=lambda _: [])
    failed = validate_reply(
        text,
        "model",
        "TC6",
        "I want to die",
        crisis_guard=lambda _: ["crisis.no_trusted_person"],
    )

    assert passed.acceptable
    assert not failed.acceptable
    assert "crisis.no_trusted_person" in failed.failures


def test_a_direct_question_about_suicide_is_no_method() -> None:
    """The rubric asks for a direct question; a guard that forbade it would make replies evasive."""
    text = (
        "I am glad you say it. Are you thinking about killing yourself? "
        "Do you want to kill yourself now? 988 is there."
    )

    assert validate_reply(text, "model", "TC6", "I can't go on").acceptable


def test_the_crisis_guard_is_not_asked_about_other_classes() -> None:
    """Ordinary replies need no help line."""
    assert validate_reply(GOOD, "model", "TC4", MESSAGE, crisis_guard=lambda _: ["crisis.x"]).acceptable


def test_a_second_attempt_meets_a_lower_bar_for_style_and_the_same_one_for_safety() -> None:
    """After the second attempt comes a fallback, so style may give way; safety never does."""
    unsafe = f"{GOOD} You should see a doctor."

    assert not validate_reply(unsafe, "model", "TC4", MESSAGE, attempt=2).acceptable
    assert validate_reply(GOOD, "model", "TC4", MESSAGE, attempt=2).acceptable


def test_every_failure_has_a_plain_instruction() -> None:
    """A second attempt that is not told what was wrong makes the same mistake again."""
    codes = {
        rule["id"]
        for group in ("safe_messaging", "placeholder", "leak", "format", "personal_data")
        for rule in data.load("guards.json")[group]
    }
    codes |= {f"quality.{name}" for name in data.load("quality.json")["weights"]}
    codes |= {
        "url.unknown",
        "mirroring.missing",
        "mirroring.parroted",
        "length.empty",
        "length.too_short",
        "length.too_long",
        "format.list",
        "format.paragraphs",
        "leak.prompt",
        "crisis.no_line",
        "language.other",
        "generate_failed",
        *data.load("crisis_guard/en.json")["obligations"],
        *data.load("crisis_guard/en.json")["imminent"],
        *data.load("crisis_guard/en.json")["prohibitions"],
        *("no_direct_question", "no_help_line", "unknown_number", "too_long", "no_rules"),
    }
    fallback = instructions_for(["quality.score"])

    for code in sorted(codes):
        told = instructions_for([code])

        assert len(told) == 1
        assert told != fallback, code


def test_instructions_are_told_once_each_in_order() -> None:
    """A list of repetitions confuses a small model."""
    told = instructions_for(["placeholder.bracket", "placeholder.variable", "url.unknown"])

    assert told == ["Leave no blanks or brackets to be filled in.", "Give no links or web addresses."]


def test_named_parts_belong_to_their_class() -> None:
    """The parts are compared between variants, so a class always reports the same ones."""
    common = {"completeness", "format", "length", "repetition", "tone", "language"}

    assert set(validate_reply(GOOD, "model", "TC4", MESSAGE).parts) == common | {"mirroring"}
    assert set(validate_reply(GOOD, "model", "TC5", MESSAGE).parts) == common | {"relevance", "groundedness"}
    assert set(validate_reply(GOOD, "model", "TC3", MESSAGE).parts) == common


def test_every_check_after_generation_is_used_by_some_vector() -> None:
    """A check that no example exercises may be dead."""
    fired = {code.split(".")[0] for case in load_vectors("quality_replies.json") for code in case["failures"]}

    assert {"length", "format", "placeholder", "leak", "url", "safe_messaging", "mirroring"} <= fired
    assert {"language", "grounding"} <= fired
    assert len(AFTER) == 10


def test_what_was_said_before_is_ground_as_well() -> None:
    """A reply that takes up an earlier message must not be refused as made up."""
    text = "You lie awake again.\n\nYour sister is there as well, every night. What does she say?"
    message = "and then I lie awake again"

    assert not validate_reply(text, "model", "TC4", message).acceptable
    assert validate_reply(text, "model", "TC4", message, history=["my sister died last year"]).acceptable


def test_more_questions_than_one_can_answer_cost_form() -> None:
    """Three questions in a row are an interview."""
    asked = f"{GOOD} Who calls? What would help? Why?"

    assert validate_reply(asked, "model", "TC4", MESSAGE).parts["format"] == 0.7
    assert validate_reply(GOOD, "model", "TC4", MESSAGE).parts["format"] == 1.0


def test_a_crisis_reply_is_not_held_to_the_language_of_the_message() -> None:
    """Its rules and help lines are those of the locale; a refused draft becomes a vetted text."""
    text = "Thank you for telling me. Are you safe right now? You can call 988 at any hour, I am here."

    assert (
        "language.other" not in validate_reply(text, "model", "TC6", "ya no quiero seguir viviendo").failures
    )
