"""Synchronous executions leave no record behind."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.express_records import last_state
from tests.local.emulator_process import Emulator

MACHINE: dict[str, Any] = {
    "StartAt": "Begin",
    "States": {
        "Begin": {"Type": "Pass", "Next": "Stop here"},
        "Stop here": {"Type": "Fail", "Error": "Refused", "Cause": "secret words"},
    },
}


def test_the_bare_emulator_keeps_what_people_wrote(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    answer = bare.run(bare.machine("records", MACHINE), {"message": "words"})
    kept = bare.client("stepfunctions").describe_execution(executionArn=answer["executionArn"])

    assert kept["input"] == '{"message": "words"}'


def test_nothing_is_kept_and_the_failure_is_named_in_the_log(emulator: Emulator) -> None:
    """Express executions cannot be described on AWS; a failed turn can still be found in the log."""
    answer = emulator.run(emulator.machine("records", MACHINE), {"message": "words of a person"})

    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        emulator.client("stepfunctions").describe_execution(executionArn=answer["executionArn"])
    assert f"{answer['executionArn']}: FAILED with Refused after entering Stop here" in emulator.log()
    assert "words of a person" not in emulator.log()
    assert "secret words" not in emulator.log()


def test_an_execution_that_entered_no_state_has_none() -> None:
    """A definition without a valid start fails before any state."""
    assert last_state([{"type": "ExecutionStarted"}]) == "no state"
