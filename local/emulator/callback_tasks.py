"""Tasks that wait for their token behave as on AWS.

Gap: what a waiting task's function raises is swallowed, so that the task waits for nobody; every attempt of a
Retry has the same token; an execution that was stopped goes on waiting, its token is still good, and a task
that is being tried again is tried on; a token can be used twice.
Fix: an error of the function is an error of the task; each attempt has a token of its own, and so much time
as TimeoutSeconds says, the function's included; when the execution has ended, nothing is waited for or tried
again. A token is good once: afterwards, and after a time-out or the execution's end, SendTaskSuccess,
SendTaskFailure and SendTaskHeartbeat answer TaskTimedOut.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from local.emulator import seams

SUMMARY = "waiting tasks fail with their function, tokens are good once, a stopped execution waits no longer"

LOOK_SECONDS = 0.05
NO_TIMEOUT_SECONDS = 99_999_999
"""What AWS takes when a state has no TimeoutSeconds."""

_CALL = """\
                task_result = _invoke_with_callback(
                    resource, effective, ctx["Task"]["Token"], state_def)
"""
_CALL_WITH_EXECUTION = """\
                task_result = _invoke_with_callback(
                    resource, effective, ctx["Task"]["Token"], state_def, execution)
"""
_ARGUMENTS = "                effective = _apply_jsonata_arguments(state_def, raw_input, ctx)\n"
_RENEWED = '                if is_callback:\n                    ctx["Task"] = {"Token": new_uuid()}\n'
_ATTEMPT = "        # Each attempt sees its own $$.State.RetryCount.\n"
_NOT_AFTER_THE_END = """\
        if execution.get("status", "RUNNING") != "RUNNING":
            raise _ExecutionError("States.Runtime", "The execution has ended")
"""


def install() -> None:
    """Replace the waiting, and wrap what resumes it."""
    step_functions = seams.module("services.stepfunctions")
    for old, new in (
        (_CALL, _CALL_WITH_EXECUTION),
        (_ARGUMENTS, _RENEWED + _ARGUMENTS),
        (_ATTEMPT, _NOT_AFTER_THE_END + _ATTEMPT),
    ):
        seams.recompile(step_functions, "_execute_task", old, new)
    waiting = _Waiting(step_functions)
    seams.replace(step_functions, "_invoke_with_callback", waiting.invoke)
    for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
        seams.replace(step_functions, name, waiting.once(seams.original(step_functions, name), name))


class _Waiting:
    """The tasks that wait, and the tokens that are no longer good."""

    def __init__(self, step_functions: Any) -> None:
        self._step_functions = step_functions
        self._closed: set[str] = set()
        self._lock = threading.Lock()

    def invoke(self, resource: str, arguments: Any, token: str, state: Any, execution: Any) -> Any:
        """Call the integration, and wait until its token is used."""
        seconds = state.get("TimeoutSeconds", NO_TIMEOUT_SECONDS)
        deadline = time.monotonic() + float(seconds)
        waits = {
            "event": threading.Event(),
            "result": None,
            "error": None,
            "heartbeat": None,
            "running": lambda: execution.get("status", "RUNNING") == "RUNNING",
        }
        self._step_functions._task_tokens[token] = waits
        try:
            self._begin(resource, arguments, waits)
            return self._answer(waits, deadline)
        finally:
            self._close(token)

    def once(self, send: Callable[[dict[str, Any]], Any], name: str) -> Callable[[dict[str, Any]], Any]:
        """Have a call refuse tokens that are no longer good."""

        def send_once(request: dict[str, Any]) -> Any:
            token = request.get("taskToken")
            with self._lock:
                waits = self._step_functions._task_tokens.get(token)
                used = waits is not None and (waits["event"].is_set() or not _running(waits))
                if used or token in self._closed:
                    return self._step_functions.error_response_json(
                        "TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400
                    )
                return send(request)

        send_once.__name__ = name
        return send_once

    def _begin(self, resource: str, arguments: Any, waits: dict[str, Any]) -> None:
        try:
            self._step_functions._invoke_resource(resource.replace(".waitForTaskToken", ""), arguments)
        except self._step_functions._ExecutionError:
            # Who resumed the execution before it failed has answered already.
            if not waits["event"].is_set():
                raise

    def _answer(self, waits: dict[str, Any], deadline: float) -> Any:
        failed = self._step_functions._ExecutionError
        while not waits["event"].wait(LOOK_SECONDS):
            if not _running(waits):
                raise failed("States.Runtime", "The execution has ended")
            if time.monotonic() >= deadline:
                with self._lock:
                    if not waits["event"].is_set():
                        waits["running"] = lambda: False
                        raise failed("States.Timeout", "")
        if waits["error"]:
            raise failed(waits["error"].get("Error", ""), waits["error"].get("Cause", ""))
        return json.loads(waits["result"])

    def _close(self, token: str) -> None:
        with self._lock:
            self._closed.add(token)
            self._step_functions._task_tokens.pop(token, None)


def _running(waits: dict[str, Any]) -> bool:
    # A worker of an activity waits with the emulator's own record.
    running: Callable[[], bool] = waits.get("running", lambda: True)
    return running()
