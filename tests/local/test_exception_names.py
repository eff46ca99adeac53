"""Errors of functions reach Step Functions and callers by their own names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.emulator_process import Emulator

CODE = """
import os, sys, time

class TurnRefusedError(Exception):
    pass

calls = 0

def handler(event, context):
    global calls
    calls += 1
    how = event.get("how")
    if how == "raise":
        raise TurnRefusedError("no")
    if how == "exit":
        os._exit(3)
    if how == "object":
        return object()
    if how == "sleep":
        time.sleep(5)
    return calls
"""


def invoke(emulator: Emulator, function: str, **event: Any) -> tuple[str | None, Any]:
    """Invoke a function; gives (FunctionError, payload)."""
    answer = emulator.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def machine(function: str) -> dict[str, Any]:
    """A machine that catches TurnRefusedError by name, and everything else apart."""
    output = "{% $states.errorOutput.Error %}"
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": function, "Payload": "{% $states.input %}"},
                "Catch": [
                    {"ErrorEquals": ["TurnRefusedError"], "Next": "Refused", "Output": output},
                    {"ErrorEquals": ["States.ALL"], "Next": "Failed", "Output": output},
                ],
                "Next": "Done",
            },
            "Refused": {"Type": "Pass", "Output": {"refused": "{% $states.input %}"}, "End": True},
            "Failed": {"Type": "Pass", "Output": {"failed": "{% $states.input %}"}, "End": True},
            "Done": {"Type": "Succeed"},
        },
    }


@pytest.fixture(scope="module")
def function(emulator: Emulator) -> str:
    """A function that goes wrong as its event says."""
    emulator.function("errors", CODE, Timeout=1)
    return "errors"


def test_the_bare_emulator_hides_the_name(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    bare.function("errors", CODE)
    caught = bare.run(bare.machine("errors", machine("errors")), {"how": "raise"})

    assert caught["output"] == {"failed": "Runtime.HandlerError"}


def test_a_catch_by_name_matches(emulator: Emulator, function: str) -> None:
    """Named errors are how the state machine tells a refusal from a failure."""
    caught = emulator.run(emulator.machine("errors", machine(function)), {"how": "raise"})

    assert caught["output"] == {"refused": "TurnRefusedError"}


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ("exit", "Runtime.ExitError"),
        ("object", "Runtime.MarshalError"),
        ("sleep", "Sandbox.Timedout"),
    ],
)
def test_other_failures_have_the_names_of_aws(emulator: Emulator, function: str, how: str, name: str) -> None:
    """A Retry lists them, so they have to be the real ones."""
    caught = emulator.run(emulator.machine(f"errors-{how}", machine(function)), {"how": how})

    assert caught["output"] == {"failed": name}


def test_a_missing_and_a_throttled_function_are_service_errors(emulator: Emulator) -> None:
    """Lambda's own exceptions carry its prefix in Step Functions."""
    emulator.function("errors-throttled", CODE)
    emulator.client("lambda").put_function_concurrency(
        FunctionName="errors-throttled", ReservedConcurrentExecutions=0
    )
    throttled = emulator.run(emulator.machine("errors-throttled", machine("errors-throttled")))
    missing = emulator.run(emulator.machine("errors-missing", machine("no-such-function")))

    assert throttled["output"] == {"failed": "Lambda.TooManyRequestsException"}
    assert missing["output"] == {"failed": "Lambda.ResourceNotFoundException"}


def test_the_payload_is_that_of_the_python_runtime(emulator: Emulator, function: str) -> None:
    """Callers that parse a failed invocation find AWS's fields."""
    error, payload = invoke(emulator, function, how="raise")

    assert error == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("TurnRefusedError", "no")
    assert len(payload["requestId"]) == 36
    assert "in handler" in payload["stackTrace"][0]


def test_an_exception_is_in_the_functions_log(emulator: Emulator) -> None:
    """In the words of the Python runtime, which alarms and people look for."""
    emulator.function("errors-logged", CODE)
    invoke(emulator, "errors-logged", how="raise")

    lines = emulator.wait_for_logs("errors-logged", "[ERROR] TurnRefusedError: no")
    assert "Traceback (most recent call last):" in lines


def test_an_exception_does_not_end_the_process(emulator: Emulator) -> None:
    """On AWS the environment is kept: a refused request must not cost the next one a cold start."""
    emulator.function("errors-warm", CODE)

    answers = [invoke(emulator, "errors-warm", how=how)[1] for how in ("", "raise", "")]

    assert (answers[0], answers[2]) == (1, 3)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import no_such_package", "Runtime.ImportModuleError"),
        ("raise KeyError('setting')", "KeyError"),
        ("other = 1", "Runtime.HandlerNotFound"),
    ],
)
def test_a_module_that_cannot_be_loaded_is_named(emulator: Emulator, code: str, name: str) -> None:
    """The commonest mistake after an edit: the message has to tell it."""
    function = f"errors-{name.lower().replace('.', '-')}"
    emulator.function(function, code)

    error = invoke(emulator, function)[1]

    assert error["errorType"] == name
    emulator.wait_for_logs(function, f"[ERROR] {name}: {error['errorMessage']}")
