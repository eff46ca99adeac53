"""Time-outs of machines, and time-outs and retry delays of tasks, as the definition says.

Gap: the machine's TimeoutSeconds is ignored; a task's TimeoutSeconds given as a JSONata expression ends the
execution with States.Runtime; MaxDelaySeconds and JitterStrategy of a Retry are ignored.
Fix: an execution that outlives its machine's TimeoutSeconds is TIMED_OUT at that moment and starts no
further task; expressions are evaluated when the task starts, inside its Retry and Catch; delays are capped
and drawn at random.
"""

from __future__ import annotations

import contextvars
import json
import random
import threading
from typing import Any

from local.emulator import seams

SUMMARY = "machine time-outs, time-outs given as JSONata expressions, retry delay caps and jitter"


def install() -> None:
    """Wrap the interpreter's execution loop, its tasks and its choice of a retrier."""
    step_functions = seams.module("services.stepfunctions")
    _install_machine_timeout(step_functions)
    _install_task_timeout(step_functions)
    _install_retry_delays(step_functions)


def _install_machine_timeout(step_functions: Any) -> None:
    run = seams.original(step_functions, "_run_execution")
    fail = seams.original(step_functions, "_fail_execution")
    task = seams.original(step_functions, "_execute_task")

    def run_with_deadline(execution_arn: str) -> None:
        execution = step_functions._executions.get(execution_arn) or {}
        seconds = _machine_timeout(step_functions._state_machines.get(execution.get("stateMachineArn", "")))
        if seconds is None:
            run(execution_arn)
            return
        # The account and region of the request live in context variables, which a new thread does not
        # inherit.
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(run, execution_arn), daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive() and execution.get("status") == "RUNNING":
            execution.update(
                status="TIMED_OUT", error="States.Timeout", cause="", stopDate=step_functions.now_iso()
            )
            step_functions._add_event(
                execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}}
            )
            step_functions._emit_execution_status_event(execution)

    def fail_if_running(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    def task_if_running(state: Any, data: Any, execution: dict[str, Any], context: Any) -> Any:
        if execution["status"] != "RUNNING":
            raise step_functions._ExecutionError("States.Timeout", "")
        return task(state, data, execution, context)

    seams.replace(step_functions, "_run_execution", run_with_deadline)
    seams.replace(step_functions, "_fail_execution", fail_if_running)
    seams.replace(step_functions, "_execute_task", task_if_running)


def _machine_timeout(machine: dict[str, Any] | None) -> float | None:
    try:
        value = json.loads((machine or {}).get("definition", "{}")).get("TimeoutSeconds")
    except ValueError:
        return None
    return float(value) if isinstance(value, int | float) else None


class _StateWithTimeout(dict[str, Any]):
    """A Task state whose TimeoutSeconds is evaluated when the interpreter asks for it."""

    def __init__(self, state: dict[str, Any], evaluate: Any) -> None:
        super().__init__(state)
        self._evaluate = evaluate

    def __getitem__(self, key: str) -> Any:
        return self._evaluate() if key == "TimeoutSeconds" else super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if super().__contains__(key) else default


def _install_task_timeout(step_functions: Any) -> None:
    task = seams.original(step_functions, "_execute_task")

    def task_with_timeout(state: dict[str, Any], data: Any, execution: Any, context: Any) -> Any:
        if not isinstance(state.get("TimeoutSeconds"), str):
            return task(state, data, execution, context)

        def seconds() -> float:
            value = step_functions._jsonata_state_field(state, "TimeoutSeconds", "number", data, context)
            if value <= 0 or not float(value).is_integer():
                raise step_functions._ExecutionError(
                    "States.QueryEvaluationError", "TimeoutSeconds must be a positive integer"
                )
            return float(value)

        return task(_StateWithTimeout(state, seconds), data, execution, context)

    seams.replace(step_functions, "_execute_task", task_with_timeout)


def _install_retry_delays(step_functions: Any) -> None:
    find = seams.original(step_functions, "_find_matching_retrier")

    def find_with_delay(retriers: Any, error: str, counts: dict[int, int]) -> Any:
        retrier, index = find(retriers, error, counts)
        if retrier is None:
            return retrier, index
        return {
            **retrier,
            "IntervalSeconds": retry_delay(retrier, counts.get(index, 0)),
            "BackoffRate": 1.0,
        }, index

    seams.replace(step_functions, "_find_matching_retrier", find_with_delay)


def retry_delay(retrier: dict[str, Any], earlier_retries: int) -> float:
    """Seconds to wait before the next attempt, after ``earlier_retries`` retries of the same retrier."""
    delay = (
        float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** earlier_retries
    )
    delay = min(delay, float(retrier.get("MaxDelaySeconds", delay)))
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay
