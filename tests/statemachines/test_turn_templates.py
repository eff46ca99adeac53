"""The mapping templates of ``POST /v1/turns``: nothing is changed on the way, and no failure is quoted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.emulator import vtl
from stacks import paths, templates
from stacks.safety_texts import SafetyTexts, safety_texts
from tests.statemachines.definitions import HELP_LINE, WORDS

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:turn"
REQUEST = templates.turn_request(state_machine_arn=MACHINE)
MESSAGES = {
    "apostrophes": "it's, don't, ''quoted'' and \\'escaped\\'",
    "quotes": 'she said "no" and \\"never\\"',
    "newlines": "one\ntwo\r\nthree\ttab",
    "backslashes": "\\ \\\\ \\n \\u0041 C:\\temp\\'",
    "velocity": "$input.body #set($x = 1) $!{util} #if(true) ${x} #end $context.requestId ## #* *#",
    "jsonata": "{% $turn %} ${FallbackText}",
    "emoji": "\U0001f499\U0001f469\U0001f3fd‍\U0001f4bb",
    "markup": "</script><b>&amp;",
    "separators": "line\u2028paragraph\u2029null\u0000bell\u0007",
    "hindi": ("आज मन बहुत भारी है। " * 200)[:4000],
}


def started(body: str, *, claims: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> Any:
    """What StartSyncExecution is given as its input, parsed."""
    rendered = vtl.render(
        REQUEST,
        vtl.Request(
            body=body,
            headers=headers or {},
            context={
                "requestId": "request-1",
                "authorizer": {"claims": claims or {"sub": "subject-1", "token_use": "id"}},
            },
        ),
    )
    request = json.loads(rendered.body)
    assert set(request) == {"stateMachineArn", "input"}
    assert request["stateMachineArn"] == MACHINE
    return json.loads(request["input"])


def answered(execution: dict[str, Any], words: SafetyTexts = WORDS) -> vtl.Rendered:
    """What the caller is sent for the answer of StartSyncExecution."""
    return vtl.render(
        templates.turn_response(words),
        vtl.Request(body=json.dumps(execution), context={"requestId": "request-1"}),
    )


@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "raw"])
@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_message_goes_through_unharmed(message: str, ascii_only: bool) -> None:
    """People write as they like; a message that breaks the JSON around it is a person without an answer."""
    body = json.dumps({"message": message}, ensure_ascii=ascii_only)

    assert json.loads(started(body)["body"]) == {"message": message}


@given(st.text())
def test_any_message_goes_through_unharmed(message: str) -> None:
    """What nobody thought of."""
    assert json.loads(started(json.dumps({"message": message}))["body"]) == {"message": message}


def test_the_caller_is_who_the_token_says() -> None:
    """Capture trusts these fields: they must come from the authorizer and nowhere else."""
    assert started('{"message": "Hello."}', headers={"Idempotency-Key": "key-1"}) == {
        "body": '{"message": "Hello."}',
        "subject": "subject-1",
        "token_use": "id",
        "idempotency_key": "key-1",
        "request_id": "request-1",
    }


@pytest.mark.parametrize(
    "body",
    [
        '{"message": "Hello."}, "subject": "somebody else"',
        '{"message": "Hello."}", "subject": "somebody else',
        '"}, "subject": "somebody else", "x": {"y": "',
        '{"message": "Hello.", "subject": "somebody else"}',
    ],
)
def test_a_body_cannot_speak_for_somebody_else(body: str) -> None:
    """Whatever slips past request validation stays text."""
    given_input = started(body)

    assert given_input["subject"] == "subject-1"
    assert given_input["body"] == body


@pytest.mark.parametrize("header", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_the_idempotency_key_is_found_however_it_is_written(header: str) -> None:
    """HTTP/2 clients send lower-case names; a key that is overlooked means a second reply."""
    assert started("{}", headers={"X-Other": "x", header: "key-1"})["idempotency_key"] == "key-1"


@pytest.mark.parametrize("key", ["it's", 'a"b', "a\\b", "$x #if", 'x", "subject": "somebody else'])
def test_a_key_stays_a_text(key: str) -> None:
    """A header is written by the caller, too."""
    given_input = started("{}", headers={"Idempotency-Key": key})

    assert given_input["idempotency_key"] == key
    assert given_input["subject"] == "subject-1"


def test_without_a_key_the_key_is_empty() -> None:
    """Its absence means a fresh turn."""
    assert started("{}")["idempotency_key"] == ""


def output(status: int, body: Any, **headers: str) -> dict[str, Any]:
    """The answer of an execution that succeeded."""
    response = {"status_code": status, "headers": headers, "body": json.dumps(body, ensure_ascii=False)}
    return {"status": "SUCCEEDED", "output": json.dumps(response)}


@pytest.mark.parametrize("text", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_reply_goes_through_unharmed(text: str) -> None:
    """The reply may quote the message, so it may hold anything that a message can."""
    got = answered(output(200, {"reply": {"text": text}}, **{"Content-Type": "application/json"}))

    assert got.status == 200
    assert json.loads(got.body) == {"reply": {"text": text}}
    assert got.headers == {"Content-Type": "application/json", "Cache-Control": "no-store"}


def test_a_refusal_keeps_its_status_and_headers() -> None:
    """A client waits as long as Retry-After says."""
    headers = {"Content-Type": "application/problem+json", "Retry-After": "17", "Cache-Control": "no-store"}
    got = answered(output(429, {"status": 429}, **headers))

    assert (got.status, got.headers) == (429, headers)


FAILURES = [
    {"status": "FAILED", "error": "States.QueryEvaluationError", "cause": "I want to be left alone"},
    {"status": "TIMED_OUT", "error": "States.Timeout", "cause": "I want to be left alone"},
    {"status": "FAILED", "error": "E", "cause": "I want", "output": '{"body": "I want"}'},
    {"status": "ABORTED"},
    {"message": "I want to be left alone"},
    {},
]


@pytest.mark.parametrize(
    "execution", FAILURES, ids=["failed", "timed-out", "output", "aborted", "error", "nothing"]
)
def test_a_failed_execution_gives_the_fixed_fallback(execution: dict[str, Any]) -> None:
    """All of these are HTTP 200 to API Gateway, and their causes quote what a person wrote."""
    got = answered(execution)

    assert got.status == 503
    assert got.headers == {
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        "Retry-After": "5",
    }
    assert "I want" not in got.body
    problem = json.loads(got.body)
    assert problem["type"] == "urn:silent-infinity:problem:service-unavailable"
    assert (problem["status"], problem["instance"]) == (503, "request-1")
    assert problem["help"] == WORDS.help
    assert problem["reply"] == {"text": WORDS.fallback, "kind": "fallback"}
    assert problem["crisis"] == {"level": 0, "resources": [HELP_LINE]}
    assert problem["disclosure"] == {"text": WORDS.disclosures["en"], "reason": "start"}


def test_an_error_of_step_functions_gives_the_same() -> None:
    """Throttled, or not permitted: the caller is helped the same way and told no more."""
    got = vtl.render(
        templates.turn_failure(WORDS),
        vtl.Request(
            body='{"message": "User: arn:aws:sts… is not authorized"}', context={"requestId": "request-1"}
        ),
    )

    assert json.loads(got.body) == json.loads(answered({}).body)
    assert got.headers == answered({}).headers


def test_the_fallback_survives_words_that_look_like_velocity() -> None:
    """A help line such as #988 or a price in $ must be printed, not evaluated."""
    words = SafetyTexts(
        fallback="Dial #988 or $input.body ${x} #if(true)",
        red_flag="",
        still_in_progress="",
        help={"text": "$5 #end", "resources": [{"name": "$util", "contact": "#set($x = 1)"}]},
        red_flags=[],
        disclosures={"en": "#AI for $0"},
    )
    problem = json.loads(answered({"status": "FAILED"}, words).body)

    assert problem["reply"]["text"] == words.fallback
    assert problem["help"] == words.help
    assert problem["disclosure"]["text"] == "#AI for $0"


def test_the_words_that_are_deployed_can_be_printed() -> None:
    """The real texts, through the real template."""
    problem = json.loads(answered({"status": "FAILED"}, safety_texts()).body)

    assert problem["reply"]["text"] == safety_texts().fallback
    assert len(problem["crisis"]["resources"]) >= 2


@pytest.mark.parametrize("name", ["turn_request", "turn_response", "turn_failure"])
def test_no_template_names_the_execution_or_prints_a_cause(name: str) -> None:
    """A name may be used once in 90 days; `cause` and `error` quote."""
    code = "\n".join(
        line
        for line in (paths.TEMPLATES / f"{name}.vtl").read_text(encoding="utf-8").splitlines()
        if not line.startswith("##")
    )

    assert '"name"' not in code
    assert "cause" not in code
    assert "error" not in code
