"""Executions that were running when the emulator ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.local.emulator_process import Emulator, start

TOLD = """
import json

def handler(event, context):
    print("told", json.dumps(event))
"""
WAITS = {
    "QueryLanguage": "JSONata",
    "StartAt": "Wait",
    "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}},
}
LINE = f"told {json.dumps({'name': 'promotion-1', 'status': 'FAILED'})}"


def interrupted(home: Path, off: str = "") -> Emulator:
    """Start an execution, end the emulator, and start it again; it listens to a rule for its end."""
    first = start(home, PERSIST_STATE="1", SILENT_INFINITY_COMPLETIONS_OFF=off)
    machine = first.machine("waits", WAITS, "STANDARD")
    function = first.function("told", TOLD)
    transformer = {
        "InputPathsMap": {"name": "$.detail.name", "status": "$.detail.status"},
        "InputTemplate": '{"name": <name>, "status": <status>}',
    }
    rule = {
        "EventPattern": {"source": ["aws.states"], "detail": {"status": ["FAILED"]}},
        "Targets": [{"Arn": function, "Id": "Told", "InputTransformer": transformer}],
    }
    first.deploy("told", {"Rule": {"Type": "AWS::Events::Rule", "Properties": rule}})
    first.client("stepfunctions").start_execution(stateMachineArn=machine, name="promotion-1")
    first.stop()
    return start(home, PERSIST_STATE="1", SILENT_INFINITY_COMPLETIONS_OFF=off)


def test_without_the_completion_nobody_hears_of_it(tmp_path: Path) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    again = interrupted(tmp_path, "interrupted_executions")
    try:
        with pytest.raises(AssertionError, match="is not 1 times"):
            again.wait_for_logs("told", LINE)
    finally:
        again.stop()


def test_the_failure_is_told_once_however_often_the_emulator_is_started(tmp_path: Path) -> None:
    """A promotion that waited for its approvers when a laptop was closed would stay open for ever."""
    again = interrupted(tmp_path)
    try:
        assert again.wait_for_logs("told", LINE).count(LINE) == 1
    finally:
        again.stop()
    third = start(tmp_path, PERSIST_STATE="1")
    try:
        with pytest.raises(AssertionError, match="is not 2 times"):
            third.wait_for_logs("told", LINE, count=2)
    finally:
        third.stop()
