"""Every JSONata expression of the turn gives a value, evaluated alone on representative payloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.safety_texts import safety_texts
from stacks.templates import UnusablePatternError, turn_substitutions
from tests.statemachines.definitions import HELP_LINE, WORDS, all_states, turn
from tests.statemachines.expressions import UndefinedResultError, evaluate, expressions_of
from tests.statemachines.scripted import captured, drafted, screened, understood, validated
from tests.statemachines.scripted import turn as a_turn

CONTEXT = {"Execution": {"Id": "arn:execution", "StartTime": "2027-01-15T08:00:00.000Z"}}
STARTED_MS = 1_800_000_000_000
ANSWER = {"reply": {"text": "words", "kind": "answer"}}
REQUEST = {
    "body": {"message": "Hello", "session_id": "22222222-2222-4222-8222-222222222222"},
    "subject": "subject",
    "token_use": "id",
    "idempotency_key": "",
    "claim_key": "c1a1",
    "request_id": "request",
}
VARIABLES: dict[str, Any] = {
    "started_ms": STARTED_MS,
    "request": REQUEST,
    "fallback_text": WORDS.fallback,
    "red_flag_text": WORDS.red_flag,
    "still_in_progress_text": WORDS.still_in_progress,
    "help": {"text": "Call.", "resources": [HELP_LINE]},
    "disclosures": WORDS.disclosures,
    "turn": a_turn(),
    "screen": screened("crisis", 3),
    "intent": understood("clarify"),
    "path": "generate",
    "red_flag": True,
    "plan": {"turn_class": "TC4", "mode": "model", "variants": {}, "kind": "answer"},
    "attempt": 1,
    "seconds": 9,
    "draft": drafted(),
    "validation": validated(),
    "failures": ["too_short"],
    "degraded": ["generate"],
    "spent": drafted()["usage"],
    "served": {
        "text": "words",
        "kind": "answer",
        "turn_class": "TC4",
        "resources": [],
        "variants": {},
        "score": 0.5,
    },
    "record": {"answer": ANSWER},
    "answer": ANSWER,
    "client_variants": a_turn()["client_production"],
    "claim_key": "claim",
}
RESULTS: dict[str, Any] = {
    "Capture the message": {"Payload": captured(turn=a_turn())},
    "Look for the first attempt's reply": {"Item": {"claim_key": {"S": "claim"}}},
    "Screen for crisis": {"Payload": screened("crisis", 3)},
    "Detect intent": {"Payload": understood()},
    "Understand the message": [screened(), understood()],
    "Generate a reply": {"Payload": drafted()},
    "Validate the reply": {"Payload": validated()},
    "Record the turn": {"Payload": {"status_code": 200, "answer": ANSWER}},
}
INPUTS: dict[str, Any] = {
    "Remember the request": {**REQUEST, "body": '{"message": "Hello"}'},
    "What did capture decide?": captured("accepted", record={"version": 1}),
    "Pass on what capture answered": {"response": {"status_code": 200}},
    "Has the first attempt replied?": {"answer": {"S": "{}"}},
    "Give the first attempt's reply": {"answer": {"S": "{}"}},
}


def every_expression() -> Iterator[tuple[str, str]]:
    """Each expression with its state's name."""
    for name, state in all_states(turn()):
        own = {key: value for key, value in state.items() if key != "Branches"}
        for expression in expressions_of(own):
            yield name, expression


@pytest.mark.parametrize(("name", "expression"), list(every_expression()))
def test_an_expression_has_a_value(name: str, expression: str) -> None:
    """An undefined result or a type error ends a state; in a Pass or a Choice it ends the execution."""
    evaluate(
        expression,
        VARIABLES,
        now_ms=STARTED_MS + 2500,
        input=INPUTS.get(name, {}),
        result=RESULTS.get(name),
        errorOutput={"Error": "E", "Cause": "C"},
        context=CONTEXT,
    )


def test_the_evaluation_notices_an_undefined_result() -> None:
    """Otherwise the test above would prove nothing."""
    with pytest.raises(UndefinedResultError):
        evaluate("$turn.no_such_field", VARIABLES)


@pytest.mark.parametrize("elapsed_ms", [0, 400, 6_999, 7_000, 7_001, 9_000, 10_900, 13_500, 16_000])
def test_the_screen_is_told_to_be_back_half_a_second_before_its_time_is_up(elapsed_ms: int) -> None:
    """What it asks a model ends by then: its own verdict must never be lost to the state's time-out."""
    screen = dict(all_states(turn()))["Screen for crisis"]
    now_ms = STARTED_MS + elapsed_ms
    payload, seconds = screen["Arguments"]["Payload"], screen["TimeoutSeconds"]
    deadline, patience = (
        evaluate(next(expressions_of(text)), VARIABLES, now_ms=now_ms)
        for text in (payload["deadline_ms"], seconds)
    )

    assert deadline == now_ms + 1000 * patience - 500
    assert 1 <= patience <= 4


def test_the_screen_is_given_production_and_never_an_experiment() -> None:
    """Nobody's safety is tried out on them."""
    payload = dict(all_states(turn()))["Screen for crisis"]["Arguments"]["Payload"]
    variables = {**VARIABLES, "turn": {**a_turn(), "production": {"A": 1}, "variants": {"A": 2}}}

    assert evaluate(next(expressions_of(payload["production"])), variables) == {"A": 1}
    assert "variants" not in json.dumps(payload)


def test_what_any_state_had_to_do_without_is_in_the_record() -> None:
    """A second opinion that was down is known only from here."""
    record = dict(all_states(turn()))["Compose the answer"]["Assign"]["record"]
    names = ("turn", "screen", "intent", "draft", "validation")
    marked = {name: {**VARIABLES[name], "degraded": [name]} for name in names}
    degraded = next(expressions_of(record["degraded"]))

    assert evaluate(degraded, {**VARIABLES, **marked}) == [*names, "generate"]


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("en-GB", "en"),
        ("hi-IN", "hi"),
        ("HI-Latn-IN", "hi-Latn"),
        ("hi", "hi"),
        ("fr-FR", "en"),
        ("", "en"),
        ("x", "en"),
        (7, "en"),
        (None, "en"),
    ],
)
def test_without_capture_the_notice_follows_whatever_the_client_calls_a_locale(
    locale: object, language: str
) -> None:
    """Nothing has been validated here, and the turn has to go on."""
    noted = dict(all_states(turn()))["Go on without a record"]["Assign"]["turn"]["disclosure"]
    request = {**REQUEST, "body": {"message": "Hi", "locale": locale}}

    told = evaluate(next(expressions_of(noted)), {**VARIABLES, "request": request})

    assert told == {"text": WORDS.disclosures[language], "reason": "start"}


def test_a_turn_of_an_earlier_version_carries_no_notice() -> None:
    """During a deployment the capture of the version before may still be at work."""
    noted = dict(all_states(turn()))["Compose the answer"]["Assign"]["record"]["answer"]["disclosure"]

    assert evaluate(next(expressions_of(noted)), {**VARIABLES, "turn": {"turn_id": "1"}}) is None


def red_flag(message: str) -> bool:
    """What the state machine that is really deployed makes of a message."""
    definition = turn(None, **turn_substitutions(safety_texts()))
    expression = next(expressions_of(definition["States"]["Look for red flags"]["Assign"]))
    found = evaluate(expression, {"turn": {"message": message}})
    assert isinstance(found, bool)
    return found


@pytest.mark.parametrize(
    "message",
    [
        "I want to kill myself",
        "i WANT TO   kill\nmyself tonight",
        "I don’t want to live anymore.",
        "I don't want to live anymore",
        "thinking about how to end my life",
        f"{'So tired. ' * 390}I want to die.",
    ],
)
def test_a_red_flag_is_seen_however_it_is_written(message: str) -> None:
    """Capitals, line breaks, curly quotes and length must not hide it: nothing else is looking."""
    assert red_flag(message)


@pytest.mark.parametrize(
    "message", ["", "I had a long day.", "This traffic is killing me", "नमस्ते, आज मन भारी है", "\U0001f499"]
)
def test_an_ordinary_message_is_no_red_flag(message: str) -> None:
    """If everything were a crisis, an outage of the screen would be one for everybody."""
    assert not red_flag(message)


@pytest.mark.parametrize("pattern", ["a/b", "(open", "close]"])
def test_a_pattern_that_would_end_the_expression_is_refused_at_synth(pattern: str) -> None:
    """A broken red flag must stop the deployment, and not surface on the day that the screen is down."""
    words = safety_texts()
    with pytest.raises(UnusablePatternError):
        turn_substitutions(type(words)(**{**vars(words), "red_flags": [pattern]}))


def test_help_lines_survive_substitution() -> None:
    """They are JSON inside a JSONata expression inside a JSON string."""
    words = safety_texts()
    definition = turn(None, **turn_substitutions(words))
    remembered = definition["States"]["Remember the request"]["Assign"]
    (resources,) = expressions_of(remembered["help"])

    assert evaluate(resources, {}) == words.help["resources"]
    assert remembered["help"]["text"] == words.help["text"]
    assert remembered["fallback_text"] == words.fallback
    assert remembered["red_flag_text"] == words.red_flag
    assert remembered["still_in_progress_text"] == words.still_in_progress
