"""`./run rollup`: what it starts, what it shows, and what it says when it cannot."""

import argparse
import json
from types import SimpleNamespace
from typing import Any

import pytest

from local.cli import rollup
from local.tools.errors import LocalError

OUTPUT = {
    "window": {"first": "2026-11-13", "last": "2026-11-20"},
    "partitions": 141, "variant_days": 15, "breaches": 2, "demoted": 1, "objects_deleted": 7,
}  # fmt: skip


def entered(name: str) -> dict[str, Any]:
    """An event of the history."""
    return {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": name}}


HISTORY = [
    {"type": "ExecutionStarted"},
    entered("Begin the run"),
    entered("Is the lake free?"),
    entered("Rebuild the partitions"),
    entered("Rebuild the partitions"),
    entered("Tell what was done"),
]


class Aws:
    """Step Functions with one execution, of whose history each look shows more, and Athena with a statement
    more at every look; ten had run before.
    """

    def __init__(self, status: str = "SUCCEEDED") -> None:
        self.started: list[dict[str, Any]] = []
        self._looks = 0
        self._end = {"status": status, "output": json.dumps(OUTPUT)}

    def start_execution(self, **arguments: Any) -> dict[str, str]:
        """Start it."""
        self.started.append(arguments)
        return {"executionArn": "arn"}

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        """Say that it runs until its whole history was shown."""
        self._looks += 3
        return self._end if self._looks >= len(HISTORY) else {"status": "RUNNING"}

    def get_paginator(self, name: str) -> Any:
        """Page through what has happened so far."""
        pages: list[dict[str, Any]] = [{"events": HISTORY[: self._looks]}]
        if name == "list_query_executions":
            pages = [{"QueryExecutionIds": ["old"] * 10}, {"QueryExecutionIds": ["new"] * self._looks}]
        return SimpleNamespace(paginate=lambda **_: iter(pages))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "LOOK_SECONDS", 0)


def run(aws: Aws, *arguments: str, outputs: dict[str, str] | None = None) -> int:
    """Run the command as it is typed."""
    parser = argparse.ArgumentParser()
    added: Any = SimpleNamespace(add=lambda *_args: parser)
    rollup.register(added)
    stack = SimpleNamespace(
        require_up=lambda: None,
        outputs={rollup.MACHINE: "machine", rollup.WORKGROUP: "group"} if outputs is None else outputs,
        client=lambda _name: aws,
    )
    context: Any = SimpleNamespace(stack=stack)
    return rollup.run_rollup(context, parser.parse_args(arguments))


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ((), {"act": False}),
        (("--act",), {"act": True}),
        (("--date", "2026-11-20"), {"date": "2026-11-20", "act": False}),
        (
            ("--from", "2026-10-01", "--to", "2026-11-20"),
            {"from": "2026-10-01", "to": "2026-11-20", "act": False},
        ),
    ],
)
def test_it_asks_for_what_was_typed(arguments: tuple[str, ...], asked: dict[str, Any]) -> None:
    """And never alerts or demotes unless it is told to."""
    aws = Aws()

    assert run(aws, *arguments) == 0
    assert [json.loads(started["input"]) for started in aws.started] == [asked]


def test_it_shows_states_and_statements_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever waits sees that something goes on; what ran before is not counted."""
    run(Aws(), "--date", "2026-11-20")
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]

    assert lines[1:7] == [
        "3 statements",
        "Begin the run",
        "6 statements",
        "Rebuild the partitions",
        "Rebuild the partitions",
        "Tell what was done",
    ]
    assert "Turns of 2026-11-13 to 2026-11-20" in lines[7]
    assert any(line.split()[:1] == ["141"] for line in lines[8:])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "2026-11-01"),
        ("--to", "2026-11-01"),
        ("--date", "2026-11-01", "--from", "2026-10-01", "--to", "2026-11-01"),
    ],
)
def test_half_a_backfill_and_two_runs_at_once_are_refused(arguments: tuple[str, ...]) -> None:
    """Before anything is started."""
    aws = Aws()

    with pytest.raises(LocalError):
        run(aws, *arguments)
    assert aws.started == []


def test_what_is_no_day_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With an example of one that is."""
    with pytest.raises(SystemExit):
        run(Aws(), "--date", "yesterday")
    assert "2026-11-21" in capsys.readouterr().err


def test_a_run_that_fails_says_where_to_look() -> None:
    """The alert is in the outbox, the reason in the log."""
    with pytest.raises(LocalError, match="FAILED") as failed:
        run(Aws("FAILED"))
    assert "outbox" in str(failed.value.remedy)


def test_a_stack_without_it_is_to_be_deployed() -> None:
    """One that was deployed before there was a rollup."""
    with pytest.raises(LocalError, match="not deployed"):
        run(Aws(), outputs={"ApiUrl": "x"})
