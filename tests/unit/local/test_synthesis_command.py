"""`./run synthesis`: what it starts, what it shows, and what it says when it cannot."""

import argparse
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from local.cli import synthesis
from local.tools.errors import LocalError

OUTPUT = {
    "week": "2026-W47", "outcome": "done", "due": 3, "withheld": 1, "written": 2, "skipped": 1, "dropped": 0,
    "cost_micro_usd": 4100,
}  # fmt: skip


class Machines:
    """Step Functions with one execution, which enters a state with every look."""

    def __init__(self, output: dict[str, Any], status: str = "SUCCEEDED") -> None:
        self.started: list[dict[str, Any]] = []
        self._states = ["Begin the run", "Find who is due", "Tell what was done"]
        self._looks = 0
        self._end = {"status": status, "output": json.dumps(output)}

    def start_execution(self, **arguments: Any) -> dict[str, str]:
        """Start it."""
        self.started.append(arguments)
        return {"executionArn": "arn"}

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        """Say that it runs until all states were entered."""
        self._looks += 1
        return self._end if self._looks >= len(self._states) else {"status": "RUNNING"}

    def get_paginator(self, _name: str) -> Any:
        """Page through the states entered so far."""
        events = [{"stateEnteredEventDetails": {"name": name}} for name in self._states[: self._looks]]
        return SimpleNamespace(paginate=lambda **_: iter([{"events": [{}, *events]}]))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "LOOK_SECONDS", 0)


def run(machines: Machines, week: str | None = "2026-W47", outputs: dict[str, str] | None = None) -> int:
    """Run the command."""
    stack = SimpleNamespace(
        require_up=lambda: None,
        outputs=outputs if outputs is not None else {synthesis.MACHINE: "machine"},
        client=lambda _name: machines,
    )
    arguments = argparse.Namespace(week=week, show=False)
    context: Any = SimpleNamespace(stack=stack)
    return synthesis.run_synthesis(context, arguments)


def test_it_shows_each_state_once_and_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever waits sees that something goes on."""
    machines = Machines(OUTPUT)

    assert run(machines) == 0
    printed = capsys.readouterr().out
    assert [json.loads(started["input"]) for started in machines.started] == [{"week": "2026-W47"}]
    for name in ("Begin the run", "Find who is due", "Tell what was done"):
        assert printed.count(name) == 1
    assert ["2", "written"] in [line.split() for line in printed.splitlines()]
    assert "$0.004100" in printed


def test_without_a_week_it_takes_the_one_under_way() -> None:
    """The people of a laptop have talked today."""
    machines = Machines(OUTPUT)
    run(machines, None)

    assert json.loads(machines.started[0]["input"])["week"] == synthesis.this_week(datetime.now(UTC))
    assert synthesis.this_week(datetime(2027, 1, 1, tzinfo=UTC)) == "2026-W53"


@pytest.mark.parametrize("week", ["2026-47", "last", "2026-W47; ls"])
def test_a_week_that_is_none_is_refused(week: str) -> None:
    """With an example of one that is."""
    with pytest.raises(LocalError, match="is not a week"):
        run(Machines(OUTPUT), week)


def test_a_run_that_fails_says_where_to_look() -> None:
    """The history names the state, the log the reason."""
    with pytest.raises(LocalError, match="FAILED") as failed:
        run(Machines(OUTPUT, "FAILED"))
    assert "logs synthesis" in str(failed.value.remedy)


def test_a_stack_without_it_is_to_be_deployed() -> None:
    """One that was deployed before there was a synthesis."""
    with pytest.raises(LocalError, match="not deployed"):
        run(Machines(OUTPUT), outputs={"ApiUrl": "x"})


@pytest.mark.parametrize(
    ("outcome", "words"), [("busy", "Another run"), ("no_model", "composer")], ids=["busy", "no model"]
)
def test_a_week_that_was_left_alone_is_explained(outcome: str, words: str) -> None:
    """A run that did nothing is no failure, and no success either."""
    assert words in synthesis.describe({"outcome": outcome})
