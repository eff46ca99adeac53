"""The promotion workflow and its adapter on the emulator's engine: what Step Functions itself does of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from silent_infinity.adapters.aws.promotion_executions import StepFunctionsPromotionExecutions
from tests.local.emulator_process import Emulator
from tests.support.promotion_workflow import FUNCTIONS, definition

PATIENCE_SECONDS = 30.0
CODE = """
import os

ANSWERS = {
    "open": {"outcome": "taken", "category": "COMPOSE_POSITION", "variant_id": "arm", "route": "sample",
             "approval_seconds": 20, "watch_seconds": 1},
    "collect": {"outcome": "collected", "figures": {}},
    "evaluate": {"verdict": "passed", "regression": False, "evidence_hash": "e", "summary": "s",
                 "look_seconds": 1, "time_is_up": False},
    "notify": {"told": []},
    "demote": {"results": [{"outcome": "demoted"}]},
}

def handler(event, context):
    role = os.environ["ROLE"]
    if role == "ask":
        print("token", event["task_token"])
        return {}
    if role == "apply":
        return {"outcome": "applied", "code": "", "more": event["step"] == "entry", "watch_seconds": 1}
    if role == "close":
        return {"outcome": event["outcome"]}
    return ANSWERS[role]
"""


class Deployed:
    """The machine with functions that answer what a test's promotion needs."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.states = emulator.client("stepfunctions")
        arns = {
            arn: emulator.function(
                f"promotion-{role}", CODE, Timeout=10, Environment={"Variables": {"ROLE": role}}
            )
            for role, arn in FUNCTIONS.items()
        }
        self.machine = emulator.machine("promotion", definition(**arns), "STANDARD")
        self.executions = StepFunctionsPromotionExecutions(lambda: self.states, self.machine)

    def token(self, number: int) -> str:
        """The token that the function was given the `number`th time."""
        return str(in_time(lambda: self._tokens()[number - 1 : number])[0])

    def _tokens(self) -> list[str]:
        logs = self._emulator.client("logs")
        try:
            events = logs.filter_log_events(logGroupName="/aws/lambda/promotion-ask")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        lines = [event["message"].split() for event in events]
        return [line[1] for line in lines if line and line[0] == "token"]

    def ended(self, promotion_id: str) -> tuple[str, list[str]]:
        """How the execution ended, and the states that it went through."""
        in_time(lambda: not self.executions.is_running(promotion_id))
        arn = f"{self.machine.replace(':stateMachine:', ':execution:')}:{promotion_id}"
        events = self.states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        visited = [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]
        return self.states.describe_execution(executionArn=arn)["status"], visited


def in_time(ask: Callable[[], Any]) -> Any:
    """Return the first answer that is something.

    Raises:
        AssertionError: there was none in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def deployed(emulator: Emulator) -> Deployed:
    """The machine on the emulator."""
    return Deployed(emulator)


def test_a_promotion_goes_its_way_once_somebody_said_yes(deployed: Deployed) -> None:
    """The interpreter of the other tests and the engine agree on the expressions; a token is good once."""
    started = [deployed.executions.start("one"), deployed.executions.start("one")]
    running = deployed.executions.is_running("one")
    token = deployed.token(1)
    told = [deployed.executions.resume(token, "approved"), deployed.executions.resume(token, "rejected")]
    status, visited = deployed.ended("one")

    assert started[0] is True
    assert running is True
    assert told == [True, False]
    assert status == "SUCCEEDED"
    assert visited.count("Apply the step") == 2
    assert visited.count("Ask the approvers") == 1
    assert visited[-1] == "Tell how it ended"
    # A name that was used is used: the promotion is not carried out a second time.
    assert deployed.executions.start("one") is False


def test_a_no_closes_it(deployed: Deployed) -> None:
    """Nothing is applied, and it is told."""
    deployed.executions.start("two")
    deployed.executions.resume(deployed.token(2), "rejected")
    status, visited = deployed.ended("two")

    assert status == "SUCCEEDED"
    assert "Apply the step" not in visited
    assert visited[-5:] == [
        "Close the promotion",
        "Tell the people on call",
        "Tell the team",
        "Did everything work?",
        "Tell how it ended",
    ]


def test_what_was_never_started_does_not_run_and_a_strange_token_resumes_nothing(deployed: Deployed) -> None:
    """Both are answers and no outages."""
    assert deployed.executions.is_running("nobody") is False
    assert deployed.executions.resume("no-token-of-ours", "approved") is False
