"""Athena as a task of Step Functions.

Gap: `athena:startQueryExecution.sync` and the other optimised integrations of Athena end the execution with
States.Runtime.
Fix: they call the emulator's Athena. With `.sync` the task ends when the query has ended: its result is
`{"QueryExecution": …}`, and a query that did not succeed fails the task with States.TaskFailed and the
query's description as cause. What Athena refuses at once is `Athena.<exception>`.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html
"""

from __future__ import annotations

import json
import time
from typing import Any

from local.emulator import seams

SUMMARY = "athena:startQueryExecution.sync and the other Athena tasks of Step Functions"

PREFIX = "arn:aws:states:::athena:"
POLL_SECONDS = 0.1
_ENDED = {"SUCCEEDED", "FAILED", "CANCELLED"}
_ACTIONS = {"startQueryExecution", "stopQueryExecution", "getQueryExecution", "getQueryResults"}


def install() -> None:
    """Wrap the dispatch of tasks."""
    step_functions = seams.module("services.stepfunctions")
    invoke = seams.original(step_functions, "_invoke_resource")

    def call(action: str, arguments: dict[str, Any]) -> Any:
        info = step_functions._AWS_SDK_SERVICE_MAP["athena"]
        return step_functions._dispatch_aws_sdk_json(info, "athena", action, arguments)

    def invoke_resource(resource: str, arguments: Any) -> Any:
        if not resource.startswith(PREFIX):
            return invoke(resource, arguments)
        action, _, pattern = resource.removeprefix(PREFIX).partition(".")
        if (
            action not in _ACTIONS
            or pattern not in {"", "sync"}
            or (pattern and action != "startQueryExecution")
        ):
            raise step_functions._ExecutionError("States.Runtime", f"There is no integration {resource}")
        answer = call(action, arguments)
        if not pattern:
            return answer
        wanted = {"QueryExecutionId": answer["QueryExecutionId"]}
        while (described := call("getQueryExecution", wanted))["QueryExecution"]["Status"][
            "State"
        ] not in _ENDED:
            time.sleep(POLL_SECONDS)
        if described["QueryExecution"]["Status"]["State"] != "SUCCEEDED":
            cause = json.dumps(described["QueryExecution"], default=str)
            raise step_functions._ExecutionError("States.TaskFailed", cause)
        return described

    seams.replace(step_functions, "_invoke_resource", invoke_resource)
