"""Executions and invocations do not wait for nothing."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import Any

from tests.local.emulator_process import Emulator

SILENT = "def handler(event, context):\n    return event\n"
NOISY = """
import os, sys

def handler(event, context):
    print("printed नमस्ते")
    os.write(2, b"raw\\n")
    print("x" * 5000)
    sys.stderr.write("no newline at the end")
    return event
"""
MACHINE: dict[str, Any] = {
    "StartAt": "Call",
    "States": {"Call": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:silent",
                        "End": True}},
}  # fmt: skip


def milliseconds(emulator: Emulator, machine: str) -> float:
    """The median time of an execution that calls a function which logs nothing."""
    times = []
    for _ in range(8):
        started = time.perf_counter()
        assert emulator.run(machine)["status"] == "SUCCEEDED"
        times.append((time.perf_counter() - started) * 1000)
    return median(times)


def test_an_execution_takes_as_long_as_its_work(emulator: Emulator, bare: Emulator) -> None:
    """Every latency that the project reports stands on this floor: about 10 ms instead of 210.

    If this fails because the bare emulator is quick, the completion can go.
    """
    times = []
    for each in (bare, emulator):
        each.function("silent", SILENT)
        times.append(milliseconds(each, each.machine("silent", MACHINE)))

    assert times[0] > 190
    assert times[1] < times[0] - 150


def test_the_log_of_an_invocation_is_complete_and_its_own(emulator: Emulator) -> None:
    """Reading the log ends at a marker instead of a wait: no line is lost, moved or added."""
    emulator.function("noisy", NOISY)
    for _ in range(3):
        emulator.client("lambda").invoke(FunctionName="noisy", Payload=json.dumps({}))
    logs = emulator.client("logs")
    streams = logs.describe_log_streams(logGroupName="/aws/lambda/noisy")["logStreams"]

    assert len(streams) == 3
    for stream in streams:
        events = logs.get_log_events(logGroupName="/aws/lambda/noisy", logStreamName=stream["logStreamName"])
        lines = [event["message"] for event in events["events"]]
        assert lines[1:-2] == ["printed नमस्ते", "raw", "x" * 5000, "no newline at the end"]
        assert [line.split()[0] for line in (lines[0], *lines[-2:])] == ["START", "END", "REPORT"]
