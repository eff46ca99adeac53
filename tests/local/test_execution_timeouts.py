"""Time-outs of machines and tasks, and retry delays."""

from __future__ import annotations

import time
from typing import Any

import pytest

from local.emulator.execution_timeouts import retry_delay
from tests.local.emulator_process import Emulator

CODE = """
import time

def handler(event, context):
    print("called", event.get("name"))
    time.sleep(event.get("sleep", 0))
    return event
"""
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "Caught", "Output": "{% $states.errorOutput.Error %}"}]


def call(seconds: float, **fields: Any) -> dict[str, Any]:
    """A task that takes so many seconds."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {
            "FunctionName": "timeouts",
            "Payload": {"sleep": seconds, "name": fields.pop("Name", "x")},
        },
        **fields,
    }


def definition(first: dict[str, Any], second: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """A machine of one or two tasks and the state that a Catch leads to."""
    states = {"First": first, "Second": second or {"Type": "Succeed"}, "Caught": {"Type": "Succeed"}}
    return {"QueryLanguage": "JSONata", "StartAt": "First", "States": states, **top}


@pytest.fixture(scope="module", autouse=True)
def _function(emulator: Emulator, bare: Emulator) -> None:
    for each in (emulator, bare):
        each.function("timeouts", CODE, Timeout=10)


def test_the_bare_emulator_ignores_the_machines_timeout(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    machine = bare.machine("timeouts", definition(call(1.2, Next="Second"), TimeoutSeconds=1))

    assert bare.run(machine)["status"] == "SUCCEEDED"


def test_the_bare_emulator_fails_on_a_timeout_expression(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    machine = bare.machine("expression", definition(call(0, Next="Second", TimeoutSeconds="{% 1 + 1 %}")))

    assert bare.run(machine)["error"] == "States.Runtime"


def test_a_machine_that_takes_too_long_is_timed_out(emulator: Emulator) -> None:
    """The caller gets its answer at the ceiling, and no task begins after it."""
    first, second = call(2, Next="Second", Name="first"), call(0, Next="Caught", Name="second")
    machine = emulator.machine("timeouts-machine", definition(first, second, TimeoutSeconds=1))
    started = time.monotonic()

    answer = emulator.run(machine)

    assert 0.9 < time.monotonic() - started < 1.9
    assert (answer["status"], answer["error"]) == ("TIMED_OUT", "States.Timeout")
    assert "output" not in answer
    lines = emulator.wait_for_logs("timeouts", "called first")
    assert "called second" not in lines


def test_a_machine_that_is_quick_enough_succeeds(emulator: Emulator) -> None:
    """The time-out must not touch the others."""
    machine = emulator.machine("timeouts-quick", definition(call(0, Next="Second"), TimeoutSeconds=5))

    assert emulator.run(machine)["status"] == "SUCCEEDED"


def test_a_tasks_timeout_can_be_an_expression(emulator: Emulator) -> None:
    """The turn gives a task what is left of the ceiling."""
    spent = "($millis() - $toMillis($states.context.Execution.StartTime))"
    left = "{% $max([1, $floor((2000 - " + spent + ") / 1000)]) %}"
    task = call(3, Next="Second", TimeoutSeconds=left, Catch=CATCH)
    started = time.monotonic()

    answer = emulator.run(emulator.machine("timeouts-expression", definition(task)))

    assert 0.9 < time.monotonic() - started < 2.9
    assert answer["output"] == "States.Timeout"


def test_a_timeout_expression_that_fails_can_be_caught(emulator: Emulator) -> None:
    """The error belongs to the task, so its Catch applies."""
    task = call(0, Next="Second", TimeoutSeconds="{% $states.input.nothing %}", Catch=CATCH)

    answer = emulator.run(emulator.machine("timeouts-undefined", definition(task)))

    assert answer["output"] == "States.QueryEvaluationError"


def test_delays_grow_up_to_their_cap() -> None:
    """IntervalSeconds, BackoffRate and MaxDelaySeconds as documented; 1 and 2.0 unless given."""
    retrier = {"IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 10}

    assert [retry_delay(retrier, earlier) for earlier in range(4)] == [2, 6, 10, 10]
    assert [retry_delay({}, earlier) for earlier in range(3)] == [1, 2, 4]


def test_full_jitter_draws_below_the_delay() -> None:
    """Clients that failed together must not come back together."""
    delays = [retry_delay({"IntervalSeconds": 4, "JitterStrategy": "FULL"}, 0) for _ in range(200)]

    assert all(0 <= delay <= 4 for delay in delays)
    assert len(set(delays)) > 100
