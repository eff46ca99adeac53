"""Tasks that wait until somebody uses their token."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_process import Emulator

PATIENCE_SECONDS = 8.0
CODE = """
import time

class NoApproversError(Exception):
    pass

def handler(event, context):
    print("token", event["token"])
    time.sleep(event.get("sleep", 0))
    if event.get("fails"):
        raise NoApproversError("nobody")
"""
CATCH = [{"ErrorEquals": ["NoApproversError"], "Output": "nobody", "Next": "Caught"}]


def ask(*, fails: bool = False, sleep: float = 0, **fields: Any) -> dict[str, Any]:
    """A state that asks and waits."""
    payload = {"token": "{% $states.context.Task.Token %}", "fails": fails, "sleep": sleep}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": "{% $states.input.function %}", "Payload": payload},
        "Output": "{% $states.result %}",
        "Next": "Done",
        **fields,
    }


class Asked:
    """One running execution of a machine of one state that asks."""

    def __init__(self, emulator: Emulator, name: str, state: dict[str, Any]) -> None:
        self._emulator = emulator
        self.states = emulator.client("stepfunctions")
        self.function = f"ask-{name}"
        emulator.function(self.function, CODE, Timeout=5)
        definition = {
            "QueryLanguage": "JSONata",
            "StartAt": "Ask",
            "States": {"Ask": state, "Caught": {"Type": "Succeed"}, "Done": {"Type": "Succeed"}},
        }
        machine = emulator.machine(f"ask-{name}", definition, "STANDARD")
        self.arn = self.states.start_execution(
            stateMachineArn=machine, name="one", input=json.dumps({"function": self.function})
        )["executionArn"]

    def tokens(self, count: int = 1) -> list[str]:
        """The tokens that the function was given so far, as soon as there are so many."""
        found: list[str] = []

        def enough() -> bool:
            found[:] = self._logged()
            return len(found) >= count

        until(enough)
        return found

    def _logged(self) -> list[str]:
        logs = self._emulator.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{self.function}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        lines = [event["message"].split() for event in events]
        return [line[1] for line in lines if line and line[0] == "token"]

    def resume(self, token: str, decision: str = "approved") -> str:
        """Use a token; gives the name of the refusal, or ""."""
        try:
            self.states.send_task_success(taskToken=token, output=json.dumps({"decision": decision}))
        except ClientError as refused:
            return str(refused.response["Error"]["Code"])
        return ""

    def ended(self) -> dict[str, Any]:
        """The execution as soon as it has ended."""
        found: dict[str, Any] = {}

        def over() -> bool:
            found.update(self.states.describe_execution(executionArn=self.arn))
            return bool(found["status"] != "RUNNING")

        until(over)
        return found


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: it does not in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.02)


def test_the_bare_emulator_waits_for_nobody_when_the_function_failed(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and that part of the completion can go."""
    asked = Asked(bare, "bare-fails", ask(fails=True, TimeoutSeconds=1, Catch=CATCH))
    asked.tokens()

    assert asked.ended()["error"] == "States.Timeout"


def test_the_bare_emulator_takes_the_token_of_a_stopped_execution(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and that part of the completion can go."""
    asked = Asked(bare, "bare-stopped", ask(TimeoutSeconds=5))
    [token] = asked.tokens()
    asked.states.stop_execution(executionArn=asked.arn)

    assert asked.resume(token) == ""


def test_a_decision_resumes_the_execution_with_what_was_said(emulator: Emulator) -> None:
    """The way of an approval."""
    asked = Asked(emulator, "resumed", ask(TimeoutSeconds="{% 5 + 5 %}"))
    [token] = asked.tokens()

    assert asked.resume(token) == ""
    ended = asked.ended()
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"decision": "approved"})


def test_what_the_function_raises_is_caught_by_its_name(emulator: Emulator) -> None:
    """Too few approvers end a promotion at once, not after a week."""
    asked = Asked(emulator, "fails", ask(fails=True, TimeoutSeconds=60, Catch=CATCH))
    [token] = asked.tokens()
    ended = asked.ended()

    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", "nobody")
    assert asked.resume(token) == "TaskTimedOut"


def test_each_attempt_has_a_token_of_its_own(emulator: Emulator) -> None:
    """A store that keeps the first token would resume nobody."""
    retry = [{"ErrorEquals": ["NoApproversError"], "MaxAttempts": 2, "IntervalSeconds": 1, "BackoffRate": 1}]
    asked = Asked(emulator, "retried", ask(fails=True, TimeoutSeconds=60, Retry=retry, Catch=CATCH))
    ended = asked.ended()

    assert json.loads(ended["output"]) == "nobody"
    tokens = asked.tokens(3)
    assert len(tokens) == len(set(tokens)) == 3


def test_nobodys_answer_is_a_timeout_after_which_the_token_is_dead(emulator: Emulator) -> None:
    """Expired approvals change nothing, however late the click; the time of the function counts."""
    asked = Asked(emulator, "expired", ask(sleep=0.6, TimeoutSeconds="{% 1 %}"))
    started = time.monotonic()
    [token] = asked.tokens()
    ended = asked.ended()

    assert time.monotonic() - started < 2.5
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    assert asked.resume(token) == "TaskTimedOut"


def test_a_stopped_execution_waits_no_longer_and_its_token_is_dead(emulator: Emulator) -> None:
    """Nothing is applied for an execution that somebody ended by hand."""
    asked = Asked(emulator, "stopped", ask(TimeoutSeconds=60))
    [token] = asked.tokens()
    asked.states.stop_execution(executionArn=asked.arn, error="by hand")

    assert asked.resume(token) == "TaskTimedOut"
    assert asked.ended()["status"] == "ABORTED"


def test_an_execution_that_was_stopped_tries_nothing_again(emulator: Emulator) -> None:
    """A task that is tried for minutes would carry out what was called off."""
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 20, "IntervalSeconds": 1, "BackoffRate": 1}]
    function = "{% $states.input.function %}"
    plain: dict[str, Any] = {
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": {"token": "none", "fails": True}},
    }
    asked = Asked(emulator, "stopped-retry", ask(Retry=retry, **plain))
    asked.tokens(2)
    asked.states.stop_execution(executionArn=asked.arn)
    time.sleep(2.5)

    assert len(asked.tokens()) == 2
    assert asked.ended()["status"] == "ABORTED"


def test_a_token_is_good_once_however_many_use_it_at_the_same_time(emulator: Emulator) -> None:
    """Two clicks at once are one decision."""
    asked = Asked(emulator, "twice", ask(TimeoutSeconds=60))
    [token] = asked.tokens()
    answers: list[str] = []
    clicks = [threading.Thread(target=lambda: answers.append(asked.resume(token))) for _ in range(8)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()

    assert sorted(answers) == ["", *["TaskTimedOut"] * 7]
    assert asked.resume(token) == "TaskTimedOut"
    assert asked.ended()["status"] == "SUCCEEDED"


def test_a_token_that_nobody_was_given_is_refused(emulator: Emulator) -> None:
    """A guess resumes nothing."""
    states = emulator.client("stepfunctions")

    with pytest.raises(states.exceptions.TaskDoesNotExist):
        states.send_task_success(taskToken="a guess", output="{}")


TOLD = """
import json

def handler(event, context):
    print("told", json.dumps(event))
"""


@pytest.mark.parametrize(("how", "status"), [("stop", "ABORTED"), ("wait", "TIMED_OUT")])
def test_the_end_of_an_execution_is_told_to_a_rule(emulator: Emulator, how: str, status: str) -> None:
    """Whoever closes promotions whose execution was ended hears of it, in the words of its transformer."""
    name = f"told-{how}"
    machine = {
        "QueryLanguage": "JSONata",
        "StartAt": "Wait",
        **({"TimeoutSeconds": 1} if how == "wait" else {}),
        "States": {"Wait": {"Type": "Wait", "Seconds": 3, "End": True}},
    }
    arn = emulator.machine(name, machine, "STANDARD")
    function = emulator.function(name, TOLD)
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["ABORTED", "TIMED_OUT", "FAILED"], "stateMachineArn": [arn]},
    }
    template = '{"promotion_id": <name>, "status": <status>}'
    emulator.deploy(
        name,
        {
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": pattern,
                    "Targets": [
                        {
                            "Arn": function,
                            "Id": "Close",
                            "InputTransformer": {
                                "InputPathsMap": {"name": "$.detail.name", "status": "$.detail.status"},
                                "InputTemplate": template,
                            },
                        }
                    ],
                },
            }
        },
    )
    states = emulator.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=arn, name="promotion-1")["executionArn"]
    if how == "stop":
        states.stop_execution(executionArn=execution)

    told = json.dumps({"promotion_id": "promotion-1", "status": status})
    assert emulator.wait_for_logs(name, f"told {told}").count(f"told {told}") == 1
