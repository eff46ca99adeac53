"""Athena as a task of Step Functions."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.local.athena_lake import Lake, lake
from tests.local.emulator_process import Emulator

SYNC = "arn:aws:states:::athena:startQueryExecution.sync"


@pytest.fixture(scope="module")
def place(emulator: Emulator) -> Lake:
    """A lake without tables."""
    return lake(emulator, "athena-tasks", {})


def machine(name: str, sql: str, workgroup: str, resource: str = SYNC) -> dict[str, Any]:
    """A machine that runs one statement and catches its failure."""
    arguments = {"QueryString": sql, "WorkGroup": workgroup, "QueryExecutionContext": {"Database": name}}
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Run",
        "States": {
            "Run": {
                "Type": "Task",
                "Resource": resource,
                "Arguments": arguments,
                "Catch": [
                    {
                        "ErrorEquals": ["States.TaskFailed"],
                        "Output": "{% $states.errorOutput %}",
                        "Next": "Caught",
                    }
                ],
                "End": True,
            },
            "Caught": {"Type": "Succeed"},
        },
    }


def run(emulator: Emulator, name: str, definition: dict[str, Any]) -> dict[str, Any]:
    """Run a Standard machine to its end, at most 20 s."""
    states = emulator.client("stepfunctions")
    arn = emulator.machine(name, definition, "STANDARD")
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    deadline = time.monotonic() + 20
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline, "the execution has not ended"
        time.sleep(0.02)
    return dict(found)


def test_the_bare_emulator_has_no_such_task(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    made = run(bare, "task-bare", machine("x", "SELECT 1", "primary"))

    assert json.loads(made["output"])["Error"] == "States.Runtime"


def test_the_task_ends_with_the_query(emulator: Emulator, place: Lake) -> None:
    """Its result is the description of the query, under the names that the machine reads."""
    made = run(emulator, "task-sync", machine("athena_tasks", "SELECT 42 AS n", place.name))
    execution = json.loads(made["output"])["QueryExecution"]

    assert execution["Status"]["State"] == "SUCCEEDED"
    rows = emulator.client("athena").get_query_results(QueryExecutionId=execution["QueryExecutionId"])
    assert rows["ResultSet"]["Rows"][1]["Data"][0]["VarCharValue"] == "42"


def test_a_query_that_fails_is_a_failed_task(emulator: Emulator, place: Lake) -> None:
    """The cause is the description, from which an operator learns why."""
    made = run(emulator, "task-fails", machine("athena_tasks", "SELECT 1 / 0 AS n", place.name))
    caught = json.loads(made["output"])

    assert caught["Error"] == "States.TaskFailed"
    assert json.loads(caught["Cause"])["Status"]["StateChangeReason"] == "DIVISION_BY_ZERO: Division by zero"


def test_what_athena_refuses_has_the_name_of_its_exception(emulator: Emulator, place: Lake) -> None:
    """A Retry by name must tell a refusal from a failure."""
    definition = machine("athena_tasks", "SELEC", place.name)
    definition["States"]["Run"]["Catch"][0]["ErrorEquals"] = ["Athena.InvalidRequestException"]

    made = run(emulator, "task-refused", definition)

    assert json.loads(made["output"])["Error"] == "Athena.InvalidRequestException"


def test_without_sync_the_task_ends_at_once(emulator: Emulator, place: Lake) -> None:
    """The id of the query is all there is then."""
    definition = machine("athena_tasks", "SELECT 1", place.name, SYNC.removesuffix(".sync"))

    assert set(json.loads(run(emulator, "task-start", definition)["output"])) == {"QueryExecutionId"}
