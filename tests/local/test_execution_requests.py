"""Requests for executions are checked and answered as on AWS."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_process import Emulator

PASS: dict[str, Any] = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
FAIL: dict[str, Any] = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "E", "Cause": "why"}}}


def test_the_bare_emulator_takes_any_text_for_an_input(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    answer = bare.client("stepfunctions").start_sync_execution(
        stateMachineArn=bare.machine("requests", PASS), input="{no json"
    )

    assert answer["output"] == "{}"


@pytest.mark.parametrize("operation", ["start_sync_execution", "start_execution"])
def test_an_input_that_is_no_json_is_refused(emulator: Emulator, operation: str) -> None:
    """A request template that forgets an escape must not run the machine with an empty input."""
    machine = emulator.machine(f"requests-{operation.replace('_', '-')}", PASS)

    with pytest.raises(ClientError, match="InvalidExecutionInput") as raised:
        getattr(emulator.client("stepfunctions"), operation)(stateMachineArn=machine, input="{secret words")
    assert "secret words" not in str(raised.value)


def test_a_standard_machine_cannot_run_synchronously(emulator: Emulator) -> None:
    """The turn has to be EXPRESS; the mistake would show on AWS only."""
    machine = emulator.machine("requests-standard", PASS, kind="STANDARD")

    with pytest.raises(ClientError, match="StateMachineTypeNotSupported"):
        emulator.client("stepfunctions").start_sync_execution(stateMachineArn=machine, input="{}")


def test_a_failed_execution_has_no_output(emulator: Emulator) -> None:
    """A response template that reads the output of a failure finds nothing on AWS."""
    answer = emulator.run(emulator.machine("requests-fail", FAIL))

    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "E", "why")
    assert "output" not in answer
