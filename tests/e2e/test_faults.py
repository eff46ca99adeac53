"""What a person gets when parts of the deployed system are down, and what is left when they are back."""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import pytest

from local.stack.stack import LocalStack
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from tests.e2e.conftest import Client, Tables
from tests.e2e.test_privacy import logged
from tests.support.model_server import Behaviour, ModelServer
from tests.support.world import MIRROR, TELLING

ALIAS = "live"
ACTIVE_RISK = "I want to die and I have been planning it."


class Functions:
    """The deployed functions by the beginning of their logical ids."""

    meddled: ClassVar[list[tuple[int, int]]] = []
    """When functions ran with settings that their roles are not made for: epoch milliseconds, from and to."""

    def __init__(self, stack: LocalStack, stacks: Sequence[str] = ("Turn", "Background")) -> None:
        self._lambda = stack.client("lambda")
        paginator = stack.client("cloudformation").get_paginator("list_stack_resources")
        self._names = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for name in stacks
            for page in paginator.paginate(StackName=f"SilentInfinity-local-{name}")
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        }

    def name(self, beginning: str) -> str:
        """Return the physical name of the one function whose logical id begins so."""
        found: str
        [found] = [name for logical_id, name in self._names.items() if logical_id.startswith(beginning)]
        return found

    @contextmanager
    def down(self, beginning: str) -> Iterator[None]:
        """Take away the alias that the workflow invokes: every call of the function fails."""
        name = self.name(beginning)
        version = self._live_version(name)
        self._lambda.delete_alias(FunctionName=name, Name=ALIAS)
        try:
            yield
        finally:
            self._lambda.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)

    @contextmanager
    def with_variable(self, beginning: str, variable: str, value: str) -> Iterator[None]:
        """Let the alias run a version with one environment variable changed."""
        name = self.name(beginning)
        version = self._live_version(name)
        before = self._lambda.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        self._lambda.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**before, variable: value}}
        )
        broken = self._lambda.publish_version(FunctionName=name)["Version"]
        started = time.time_ns() // 1_000_000
        self._lambda.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=broken)
        try:
            yield
        finally:
            self._lambda.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
            self.meddled.append((started, time.time_ns() // 1_000_000))
            self._lambda.update_function_configuration(FunctionName=name, Environment={"Variables": before})

    def _live_version(self, name: str) -> str:
        version: str = self._lambda.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"]
        return version


@pytest.fixture(scope="session")
def functions(stack: LocalStack) -> Functions:
    """The deployed functions."""
    return Functions(stack)


@pytest.mark.parametrize("part", ["Capture", "CrisisScreen", "Intent", "Generate", "Validate", "Feedback"])
def test_a_crisis_is_met_whatever_part_is_down(part: str, person: Client, functions: Functions) -> None:
    """The promise, on the deployed system, for every function of the turn."""
    with functions.down(part):
        response = person.turn(ACTIVE_RISK, locale="en-US")

    answer = response.json()
    assert response.status_code == 200
    assert answer["crisis"]["level"] >= 3
    assert answer["crisis"]["resources"]
    assert answer["reply"]["kind"] == "crisis"
    assert "988" in answer["reply"]["text"]


def test_without_a_screen_no_model_is_asked(
    person: Client, functions: Functions, model_server: ModelServer, tables: Tables
) -> None:
    """An unscreened message gets composed words with help lines, and the record says so."""
    with functions.down("CrisisScreen"):
        answer = person.turn(TELLING).json()

    assert answer["reply"]["kind"] == "fallback"
    assert answer["crisis"]["resources"]
    assert model_server.requests == []
    event = tables.event(answer["turn_id"])
    assert event is not None
    assert {"S": "screen"} in event["degraded"]["L"]


def test_every_provider_down_is_still_an_answer(person: Client, model_server: ModelServer) -> None:
    """The composer needs nobody."""
    model_server.script = lambda _messages: Behaviour(status=500)

    response = person.turn(TELLING)

    assert response.status_code == 200
    assert response.json()["reply"]["kind"] == "fallback"
    assert "funeral" in response.json()["reply"]["text"]


def test_a_slow_model_hands_over_before_the_ceiling(person: Client, model_server: ModelServer) -> None:
    """A provider that keeps the line open and drips words must not eat the person's time."""
    model_server.script = lambda _messages: Behaviour(MIRROR * 40, drip_seconds=1.0)
    start = time.monotonic()

    response = person.turn(TELLING)

    assert response.status_code == 200
    assert response.json()["reply"]["text"]
    assert time.monotonic() - start < 28


def test_a_turn_that_cannot_be_recorded_waits_in_the_queue_and_is_recorded_once(
    person: Client, functions: Functions, tables: Tables
) -> None:
    """The person gets the reply, and no turn event is lost."""
    with functions.with_variable("Feedback", "TURN_EVENTS_TABLE", "no-such-table"):
        answer = person.turn(TELLING).json()

    assert answer["reply"] == {"text": MIRROR, "kind": "answer"}
    assert tables.event(answer["turn_id"], patience_seconds=30) is not None
    session = person.request("GET", f"/v1/sessions/{answer['session_id']}").json()
    assert [turn["reply"]["text"] for turn in session["turns"]] == [MIRROR]
    assert sum(TELLING in json.dumps(item, ensure_ascii=False) for item in tables.items("TurnEvents")) == 0


def test_a_workflow_that_fails_gives_the_fixed_fallback_and_never_its_cause(
    person: Client, stack: LocalStack
) -> None:
    """FAILED is HTTP 200 to API Gateway, and its cause may quote the person."""
    machines = stack.client("stepfunctions")
    arn = stack.outputs["TurnStateMachineArn"]
    before = machines.describe_state_machine(stateMachineArn=arn)["definition"]
    failing = {
        "QueryLanguage": "JSONata",
        "StartAt": "Fail",
        "States": {
            "Fail": {"Type": "Fail", "Error": "Canary", "Cause": "{% 'canary-cause ' & $states.input.body %}"}
        },
    }
    machines.update_state_machine(stateMachineArn=arn, definition=json.dumps(failing))
    try:
        response = person.turn("canary-message and more")
    finally:
        machines.update_state_machine(stateMachineArn=arn, definition=before)

    assert response.status_code == 503
    assert response.json()["reply"]["kind"] == "fallback"
    assert response.json()["crisis"]["resources"]
    assert "canary" not in response.text.lower()


def test_whoever_is_over_the_limit_is_told_when_to_come_back_and_a_crisis_is_answered(
    person: Client, functions: Functions
) -> None:
    """429 with help lines, but only after the screen has seen that nobody is in danger."""
    with (
        functions.with_variable("Capture", "RATE_LIMIT_BURST", "1"),
        functions.with_variable("Capture", "RATE_LIMIT_PER_MINUTE", "10"),
    ):
        first = person.turn(TELLING)
        limited = person.turn(TELLING, key="limited-once")
        crisis = person.turn(ACTIVE_RISK)

    assert first.status_code == 200
    assert limited.status_code == 429
    assert limited.headers["content-type"] == "application/problem+json"
    assert 1 <= int(limited.headers["retry-after"]) <= 6
    assert limited.json()["help"]["resources"]
    assert crisis.status_code == 200
    assert crisis.json()["reply"]["kind"] == "crisis"
    # The refusal did not use up the key: without the limit the same request is answered.
    assert person.turn(TELLING, key="limited-once").status_code == 200


OPEN = "It has been a long week, and the days run into each other."
"""A message in which no stage of the screen finds a risk."""


@pytest.fixture(scope="module")
def asking(stack: LocalStack, functions: Functions) -> Iterator[None]:
    """Let the screen ask its model about every message in which it finds nothing itself."""
    with functions.with_variable("CrisisScreen", "SCREEN_BAND_LOW", "0"):
        # The first such message of a process imports the provider's SDK, which may take longer than the call.
        Client(stack, f"first-{uuid.uuid4().hex[:12]}").turn(OPEN)
        yield


@pytest.mark.usefixtures("asking")
def test_an_open_message_that_the_model_calls_a_risk_is_met_as_a_crisis(
    person: Client, model_server: ModelServer, tables: Tables
) -> None:
    """Stage c of the screen, on the deployed system."""
    model_server.screen_script = lambda _messages: Behaviour('{"level": 3, "about_other": false}')

    answer = person.turn(OPEN, locale="en-US").json()

    assert (answer["reply"]["kind"], answer["crisis"]["level"]) == ("crisis", 3)
    assert "988" in answer["reply"]["text"]
    assert len(model_server.screenings) == 1
    event = tables.event(answer["turn_id"])
    assert event is not None
    call = event["screen_model"]["M"]
    assert (call["level"], call["error"], call["tokens_input"]) == ({"N": "3"}, {"NULL": True}, {"N": "120"})


SCREEN_FAULTS = {
    "time-out": Behaviour('{"level": 3, "about_other": false}', drip_seconds=2.0),
    "5xx": Behaviour(status=503),
    "429": Behaviour(status=429),
    "malformed JSON": Behaviour('{"level": 3, "about'),
    "empty text": Behaviour(""),
    "wrong schema": Behaviour('{"level": 3}'),
}


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("fault", SCREEN_FAULTS)
def test_a_fault_of_the_screens_model_leaves_the_verdict_of_its_own_stages(
    fault: str, person: Client, model_server: ModelServer, tables: Tables
) -> None:
    """One call, the answer that the person would have had without it, and a mark on the event."""
    model_server.screen_script = lambda _messages: SCREEN_FAULTS[fault]

    answer = person.turn(f"{TELLING} {OPEN}").json()
    crisis = person.turn(ACTIVE_RISK).json()

    assert answer["reply"] == {"text": MIRROR, "kind": "answer"}
    assert answer["crisis"]["level"] < RISK_LEVEL
    assert answer["crisis"]["resources"] == []
    assert crisis["crisis"]["level"] == 3
    assert len(model_server.screenings) == 1
    event = tables.event(answer["turn_id"])
    assert event is not None
    assert {"S": "model_screen"} in event["degraded"]["L"]
    assert event["screen_model"]["M"]["level"] == {"NULL": True}
    assert event["screen_model"]["M"]["error"]["S"]


@pytest.mark.usefixtures("asking")
def test_what_the_screens_model_says_reaches_no_log(
    stack: LocalStack, person: Client, model_server: ModelServer, tables: Tables
) -> None:
    """Neither the message nor an answer that could not be read, which may quote it."""
    canary = f"canaryscreen{uuid.uuid4().hex}"
    model_server.screen_script = lambda _messages: Behaviour(f'{{"level": 3, "why": "{canary}"}}')

    answer = person.turn(f"{TELLING} {canary}").json()

    assert any(canary in message["content"] for message in model_server.screenings[0])
    event = tables.event(answer["turn_id"])
    assert event is not None
    assert event["screen_model"]["M"]["error"] == {"S": "model_screen:schema"}
    assert canary not in json.dumps(event)
    assert canary not in "".join(logged(stack))
