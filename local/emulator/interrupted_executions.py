"""Executions that the emulator's end interrupted are told to have failed.

Gap: an execution that was running when the emulator ended is FAILED after the next start, and no rule hears
of it: what waits for its end waits for ever. (On AWS it would go on.)
Fix: its status change is sent as soon as the emulator listens.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from local.emulator import seams
from local.emulator.kept_streams import listens

SUMMARY = "the failure of executions that a stop of the emulator interrupted is told"

LOOK_SECONDS = 0.1


def install() -> None:
    """Wrap the loading of saved executions."""
    step_functions = seams.module("services.stepfunctions")
    load = seams.original(step_functions, "load_persisted_state")

    def load_and_tell(data: Any) -> None:
        running = {
            key
            for key, execution in ((data or {}).get("executions") or _Nothing()).all_items()
            if execution.get("status") == "RUNNING"
        }
        load(data)
        if running:
            threading.Thread(target=_tell, args=(step_functions, running), daemon=True).start()

    seams.replace(step_functions, "load_persisted_state", load_and_tell)


class _Nothing:
    def all_items(self) -> list[Any]:
        return []


def _tell(step_functions: Any, executions: set[tuple[str, str, str]]) -> None:
    request_scope = seams.module("core.responses").request_scope
    while not listens():
        time.sleep(LOOK_SECONDS)
    for account, region, arn in sorted(executions):
        with request_scope(account, region):
            step_functions._emit_execution_status_event(step_functions._executions[arn])
