"""Synchronous executions leave no record behind.

Gap: the emulator keeps every execution with its input, output and events, in memory and in its state file.
On AWS an Express execution cannot be described or listed; here a load of turns would fill the memory, and
people's messages would lie in the history and on the disk.
Fix: the record is dropped when the execution has answered. What failed is named in the log (state and error
name, never the cause). To look into the history, leave this completion out, or use StartExecution, which is
kept.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from local.emulator import seams

SUMMARY = "synchronous executions leave no record; failed ones are named in this log"

_log = logging.getLogger("local.emulator.express_records")


def install() -> None:
    """Wrap StartSyncExecution."""
    step_functions = seams.module("services.stepfunctions")
    start_sync = seams.original(step_functions, "_start_sync_execution")

    def start_and_forget(request: dict[str, Any]) -> Any:
        answer = start_sync(request)
        status, _headers, body = answer
        if status == 200:
            record = step_functions._executions.pop(json.loads(body)["executionArn"], None)
            if record and record["status"] != "SUCCEEDED":
                _log.warning(
                    "%s: %s with %s after entering %s",
                    record["executionArn"],
                    record["status"],
                    record.get("error"),
                    last_state(record["events"]),
                )
        return answer

    seams.replace(step_functions, "_start_sync_execution", start_and_forget)


def last_state(events: list[dict[str, Any]]) -> str:
    """The name of the state (of the machine itself, not of a branch) that an execution entered last."""
    entered = [
        event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event
    ]
    return str(entered[-1]) if entered else "no state"
