"""The weekly synthesis as a definition: structure, what holds on every path, walks with scripted tasks."""

import contextlib
import copy
import importlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from stacks.constructs.weekly_synthesis import DEFINITION
from stacks.paths import DATA
from tests.statemachines.definitions import PLACEHOLDER
from tests.statemachines.expressions import (
    JSONATA_FUNCTIONS,
    STEP_FUNCTIONS_FUNCTIONS,
    expressions_of,
    functions_called,
    variables_read,
)
from tests.statemachines.graph import Graph, unset_variable_complaints
from tests.statemachines.test_turn_structure import task_complaints
from tests.support.asl import StateError, StateMachine
from tests.support.synthesis import FUNCTIONS, definition

State = dict[str, Any]
STARTED = "2026-11-23T03:00:00Z"


def raw() -> dict[str, Any]:
    """The definition with its placeholders."""
    parsed: dict[str, Any] = json.loads(DEFINITION.read_text(encoding="utf-8"))
    return parsed


def flat() -> dict[str, Any]:
    """The definition with the states of its Map beside the others, so that task rules reach them."""
    made = copy.deepcopy(raw())
    for state in list(made["States"].values()):
        made["States"] |= state.get("ItemProcessor", {}).get("States", {})
    return made


def tasks(made: Mapping[str, Any]) -> Iterator[tuple[str, State]]:
    """Every task by name."""
    return ((name, state) for name, state in made["States"].items() if state["Type"] == "Task")


def test_every_task_has_a_timeout_retries_and_a_way_out() -> None:
    """What ends without a way out leaves files, a lease and perhaps a running batch behind."""
    assert task_complaints(flat()) == []


@pytest.mark.parametrize("field", ["TimeoutSeconds", "Retry", "Catch"])
@pytest.mark.parametrize("name", [name for name, _ in tasks(flat())])
def test_a_task_that_loses_one_of_them_is_noticed(name: str, field: str) -> None:
    """A proof that cannot fail proves nothing."""
    made = flat()
    del made["States"][name][field]

    assert any(complaint.startswith(name) for complaint in task_complaints(made))


def test_stores_that_are_busy_and_functions_that_die_are_tried_again() -> None:
    """Nobody waits for a summary, so every step has patience."""
    for name, state in tasks(flat()):
        retried = {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}
        assert {"StoreUnavailableError", "States.Timeout"} <= retried, name


def closing_complaints(made: Mapping[str, Any]) -> list[str]:
    """Ways out of a run that was begun without ending it: its files and its lease would stay."""
    graph = Graph(made)
    begun = {"Is anybody due?", "Start the batch", "Look at the batch", "Write the summaries"}
    closers = {"Close the run", "Close a failed run"}
    open_edges = graph.without(lambda edge: edge.source in closers)
    complaints = []
    for start in begun & set(graph.states):
        for name, path in graph.reachable(start, open_edges).items():
            if not graph.edges[name]:
                complaints.append(f"a run ends open: {' > '.join(path)}")
    return complaints


def test_every_run_that_was_begun_is_closed() -> None:
    """Whichever way it goes, what people wrote is deleted and the week is let go."""
    assert closing_complaints(raw()) == []


@pytest.mark.parametrize(
    ("state", "change"),
    [
        ("Look at the batch", lambda state: state["Catch"][0].update(Next="Fail the run")),
        ("Is anybody due?", lambda state: state.update(Default="Tell what was done")),
        ("Write the summaries", lambda state: state.update(Next="Tell what was done")),
    ],
)
def test_a_way_around_the_closing_is_noticed(state: str, change: Callable[[State], None]) -> None:
    """A proof that cannot fail proves nothing."""
    made = raw()
    change(made["States"][state])

    assert closing_complaints(made)


def test_every_failure_ends_in_a_failed_execution() -> None:
    """The alarm watches failed executions: a run that failed and succeeds would be heard of by nobody."""
    graph = Graph(raw())
    reached = graph.reachable("Close a failed run")

    assert {name for name in reached if not graph.edges[name]} == {"Fail the run"}


def test_every_variable_is_set_before_it_is_read() -> None:
    """Step Functions fails an execution that reads one that is not, on the rare path first."""
    assert unset_variable_complaints(raw()) == []


def test_an_assign_does_not_read_what_it_sets_beside_it() -> None:
    """All values of an Assign are computed before any is set; only a running sum may read its own."""
    for name, state in flat()["States"].items():
        for variable, value in state.get("Assign", {}).items():
            assert not (variables_read(value) & set(state["Assign"])) - {variable}, name


def test_only_counts_and_names_of_the_run_go_through_the_states() -> None:
    """The history of a Standard execution is kept for 90 days: no field may hold words or a pseudonym."""
    allowed = {
        "run", "week", "page", "parts", "records", "round", "part", "route", "code", "batch_id", "outcome",
    }  # fmt: skip
    for name, state in tasks(flat()):
        assert set(state["Arguments"]["Payload"]) <= allowed, name


def test_the_two_rounds_are_two() -> None:
    """A third one would never end where a provider refuses for good."""
    second = raw()["States"]["Begin the second round"]

    assert second["Assign"]["round"] == 2
    assert "$round = 1" in raw()["States"]["Write the summaries"]["Assign"]["again"]


def test_the_linter_finds_nothing() -> None:
    """What the linter knows is refused by AWS at deployment."""
    made = definition(
        {placeholder: f"arn:aws:lambda:us-east-1:0:function:{n}" for n, placeholder in FUNCTIONS.items()}
    )
    states = made["States"]
    # This version of the linter wants numbers here; AWS takes expressions.
    for name in ("Wait for the batch", "Give the provider time"):
        states[name]["Seconds"] = 1
    states["Write the summaries"]["MaxConcurrency"] = 1
    linter: Any = importlib.import_module("statelint.linter")

    assert linter.Linter.validate(made) == []


def test_the_placeholders_are_those_that_the_construct_fills() -> None:
    """A placeholder that nobody fills reaches AWS as it stands."""
    found = set(PLACEHOLDER.findall(DEFINITION.read_text(encoding="utf-8")))

    assert found == {*FUNCTIONS.values(), "PollSeconds", "PauseSeconds", "WriteConcurrency"}


def test_only_functions_that_exist_on_aws_are_called() -> None:
    """The local engine knows functions that Step Functions does not have."""
    assert functions_called(raw()) <= JSONATA_FUNCTIONS | STEP_FUNCTIONS_FUNCTIONS


def test_state_names_read_as_a_story_and_choices_have_a_default() -> None:
    """Names are what an operator sees of a run."""
    for name, state in flat()["States"].items():
        assert name.endswith("?") == (state["Type"] == "Choice"), name
        assert len(name) <= 80
        assert state["Type"] != "Choice" or "Default" in state, name
    assert max(len(expression) for expression in expressions_of(raw())) <= 120


def test_a_run_ends_before_the_execution_does() -> None:
    """Two batches of a day each, a pause, and the writing; the machine's own limit is for what hangs."""
    made = raw()
    batch = 24 * 3600 + 300 + made["States"]["Look at the batch"]["TimeoutSeconds"]

    assert 2 * batch + 900 < made["TimeoutSeconds"]


# -- walks


class Script:
    """Scripted functions: `steps` maps each to what its calls return or raise, the last again and again."""

    def __init__(self, **steps: list[Any]) -> None:
        self.steps = {**{name: [{}] for name in FUNCTIONS}, **steps}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.waited = 0.0
        self.visited: list[str] = []

    def run(self) -> Any:
        """Walk the machine."""
        machine = StateMachine(
            definition(),
            {name: self._task(name) for name in FUNCTIONS},
            now_ms=lambda: 1_800_000_000_000,
            sleep=self._wait,
        )
        try:
            return machine.run({}, execution_id="a:run-7", started_at=STARTED)
        finally:
            self.visited = machine.visited

    def payloads(self, name: str) -> list[dict[str, Any]]:
        """Return what a function was given."""
        return [payload for called, payload in self.calls if called == name]

    def _wait(self, seconds: float) -> None:
        self.waited += seconds

    def _task(self, name: str) -> Callable[[dict[str, Any]], Any]:
        def task(payload: dict[str, Any]) -> Any:
            self.calls.append((name, payload))
            steps = self.steps[name]
            step = steps.pop(0) if len(steps) > 1 else steps[0]
            if isinstance(step, str):
                raise StateError(step)
            return step

        return task


def found(
    records: int, parts: int, *, more: bool = False, batch: bool = False, **fields: Any
) -> dict[str, Any]:
    """A page of the search."""
    return {
        "outcome": "found", "week": "2026-W47", "more": more, "page": 2, "parts": parts, "records": records,
        "withheld": 1, "capped": False, "batch": batch, "batch_minimum": 100, **fields,
    }  # fmt: skip


def wrote(written: int = 0, waiting: int = 0, skipped: int = 0, dropped: int = 0) -> dict[str, int]:
    """What came of a part."""
    return {
        "written": written, "waiting": waiting, "skipped": skipped, "dropped": dropped, "cost_micro_usd": 7,
    }  # fmt: skip


def looked(state: str, code: str = "") -> dict[str, Any]:
    """How a batch stands."""
    return {"batch_id": "job", "state": state, "code": code, "answered": 0}


def test_a_walk_over_pages_and_parts() -> None:
    """Everything adds up, and each part is written once."""
    script = Script(
        prepare=[found(20, 2, more=True), found(30, 3)], write=[wrote(12), wrote(11, dropped=1), wrote(6)]
    )

    output = script.run()

    assert output == {
        "week": "2026-W47", "outcome": "done", "due": 30, "withheld": 2, "written": 29, "skipped": 0,
        "dropped": 1, "cost_micro_usd": 21,
    }  # fmt: skip
    assert [payload["page"] for payload in script.payloads("prepare")] == [1, 2]
    assert script.payloads("prepare")[1]["parts"] == 2
    assert [payload["part"] for payload in script.payloads("write")] == [1, 2, 3]
    assert {payload["route"] for payload in script.payloads("write")} == {"direct"}
    assert [payload["outcome"] for payload in script.payloads("close")] == ["done"]


def test_a_walk_through_a_batch_and_a_second_round_without_one() -> None:
    """Only the parts with something left are opened again, after a pause."""
    script = Script(
        prepare=[found(120, 3, batch=True)],
        batch_start=[looked("running")],
        batch_follow=[looked("running"), looked("running"), looked("done", "Completed")],
        write=[wrote(40), wrote(38, waiting=2), wrote(39, waiting=1), wrote(1, skipped=1), wrote(1)],
    )

    output = script.run()

    assert (output["written"], output["skipped"]) == (119, 1)
    written = script.payloads("write")
    assert [(payload["round"], payload["part"], payload["route"]) for payload in written] == [
        (1, 1, "batch"), (1, 2, "batch"), (1, 3, "batch"), (2, 2, "direct"), (2, 3, "direct"),
    ]  # fmt: skip
    assert [payload["batch_id"] for payload in script.payloads("batch_follow")] == ["job"] * 3
    assert script.waited == 3 * 300 + 900


def test_a_walk_through_two_batches() -> None:
    """A whole batch that failed is worth another one; how it ended is told to those who count it."""
    script = Script(
        prepare=[found(120, 1, batch=True)],
        batch_start=[{"batch_id": "first"}, {"batch_id": "second"}],
        batch_follow=[looked("failed", "Expired"), looked("done", "Completed")],
        write=[wrote(waiting=120), wrote(120)],
    )

    assert script.run()["written"] == 120
    assert [payload["round"] for payload in script.payloads("batch_start")] == [1, 2]
    assert [payload["code"] for payload in script.payloads("write")] == ["Expired", "Completed"]
    assert [payload["batch_id"] for payload in script.payloads("batch_follow")] == ["first", "second"]


@pytest.mark.parametrize("outcome", ["busy", "no_model"])
def test_a_walk_that_leaves_the_week_alone(outcome: str) -> None:
    """What is not this run's is not closed by it."""
    script = Script(prepare=[found(0, 0, outcome=outcome)])

    assert script.run() == {"week": "2026-W47", "outcome": outcome}
    assert script.payloads("close") == []


def test_a_walk_with_nobody_to_write_for() -> None:
    """Nothing is written, and the run is closed."""
    script = Script(prepare=[found(0, 0)])

    assert script.run()["due"] == 0
    assert script.payloads("write") == []
    assert len(script.payloads("close")) == 1


@pytest.mark.parametrize(
    ("steps", "batch_id"),
    [
        ({"prepare": ["ValueError"]}, ""),
        ({"prepare": [found(120, 1, batch=True)], "batch_start": ["BatchError"]}, ""),
        (
            {
                "prepare": [found(120, 1, batch=True)],
                "batch_start": [looked("running")],
                "batch_follow": ["WeekLostError"],
            },
            "job",
        ),
        ({"prepare": [found(20, 2)], "write": ["WeekLostError"]}, ""),
    ],
)
def test_a_walk_that_fails_closes_what_it_began(steps: dict[str, list[Any]], batch_id: str) -> None:
    """The closing is told that it failed, and of the batch that is to be ended."""
    script = Script(**steps)

    with pytest.raises(StateError, match="WeeklySynthesisFailed"):
        script.run()
    [closed] = script.payloads("close")
    assert (closed["outcome"], closed["batch_id"], closed["run"]) == ("failed", batch_id, "run-7")


@pytest.mark.parametrize(
    "steps",
    [
        {"prepare": [found(20, 2)], "write": [wrote(12), "ValueError"]},
        {"prepare": [found(20, 2, capped=True)], "write": [wrote(10)]},
    ],
    ids=["a part was lost", "there are more people"],
)
def test_a_walk_that_leaves_something_undone_says_so_at_its_end(steps: dict[str, list[Any]]) -> None:
    """What could be written is written first, and the run is closed as done."""
    script = Script(**steps)

    with pytest.raises(StateError, match="WeeklySynthesisFailed"):
        script.run()
    [closed] = script.payloads("close")
    assert closed["outcome"] == "done"


def test_a_closing_that_fails_is_a_failed_run() -> None:
    """Files may be left: the life cycle deletes them, and somebody should know."""
    script = Script(prepare=[found(0, 0)], close=["ValueError"])

    with pytest.raises(StateError, match="WeeklySynthesisFailed"):
        script.run()


def test_every_state_is_walked() -> None:
    """A state that no test enters is one that nobody has seen work."""
    visited: set[str] = set()
    for script in (
        Script(
            prepare=[found(120, 2, more=True, batch=True), found(120, 2, batch=True)],
            batch_start=[looked("running")],
            batch_follow=[looked("running"), looked("done")],
            write=["ValueError", wrote(60), wrote(60)],
        ),
        Script(prepare=[found(0, 0, outcome="busy")]),
        Script(prepare=[found(20, 1)], write=["WeekLostError"]),
    ):
        with contextlib.suppress(StateError):
            script.run()
        visited |= set(script.visited)

    assert visited == set(flat()["States"])


def test_the_bound_of_a_run_fits_an_execution() -> None:
    """A Standard execution ends at 25,000 events: a part costs seven, and so does a page of the search."""
    limits = json.loads((DATA / "synthesis.json").read_text(encoding="utf-8"))
    pages = 25_000 - limits["max_parts"] * 7 - 7 * 12 * 24

    # What is left for the second round and for pages with nobody on them.
    assert pages >= 5_000


def test_no_word_of_a_person_is_in_the_definition() -> None:
    """It is visible to whoever may see the template."""
    assert not re.search(r"suicid|988|crisis", DEFINITION.read_text(encoding="utf-8").lower())
