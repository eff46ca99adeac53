"""Requests for executions are checked and answered as on AWS.

Gap: an input that is no JSON document silently becomes ``{}``; StartSyncExecution runs Standard machines;
the answer of a failed execution has an ``output`` with the cause in it.
Fix: ``InvalidExecutionInput`` and ``StateMachineTypeNotSupported`` (HTTP 400); only SUCCEEDED has an
output.
"""

from __future__ import annotations

import json
from typing import Any

from local.emulator import seams

SUMMARY = "execution inputs must be JSON, sync executions need an Express machine, failures have no output"


def install() -> None:
    """Wrap StartExecution and StartSyncExecution."""
    step_functions = seams.module("services.stepfunctions")
    start = seams.original(step_functions, "_start_execution")
    start_sync = seams.original(step_functions, "_start_sync_execution")

    def refusal(request: dict[str, Any]) -> Any:
        text = request.get("input", "{}")
        try:
            json.loads(text)
        except (TypeError, ValueError):
            # The text may be a person's message: it is never quoted.
            return step_functions.error_response_json(
                "InvalidExecutionInput", "Invalid State Machine Execution Input: it is no JSON document", 400
            )
        return None

    def checked_start(request: dict[str, Any]) -> Any:
        return refusal(request) or start(request)

    def checked_start_sync(request: dict[str, Any]) -> Any:
        machine = step_functions._state_machines.get(request.get("stateMachineArn", ""))
        if machine is not None and machine.get("type", "STANDARD") != "EXPRESS":
            return step_functions.error_response_json(
                "StateMachineTypeNotSupported",
                "This operation is not supported by this type of state machine",
                400,
            )
        return refusal(request) or _without_failed_output(step_functions, start_sync(request))

    seams.replace(step_functions, "_start_execution", checked_start)
    seams.replace(step_functions, "_start_sync_execution", checked_start_sync)


def _without_failed_output(step_functions: Any, answer: Any) -> Any:
    status, headers, body = answer
    if status != 200:
        return answer
    execution = json.loads(body)
    if execution["status"] == "SUCCEEDED":
        return answer
    record = step_functions._executions.get(execution["executionArn"], {})
    execution.update(error=record.get("error", ""), cause=record.get("cause", ""))
    del execution["output"], execution["outputDetails"]
    return status, headers, json.dumps(execution).encode()
