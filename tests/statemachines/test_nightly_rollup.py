"""The nightly rollup as a definition: structure, what holds on every path, and that it stays within AWS's
limits. Runs of it are in tests/unit/lake/test_rollup_runs.py.
"""

import contextlib
import copy
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import pytest

from silent_infinity.domain.lake.days import LATE_DAYS, LONGEST_DAYS
from silent_infinity.domain.variant_categories import categories
from silent_infinity.domain.variant_records import VariantRecord
from tests.statemachines.definitions import PLACEHOLDER, expressions
from tests.statemachines.expressions import (
    JSONATA_FUNCTIONS,
    STEP_FUNCTIONS_FUNCTIONS,
    functions_called,
    variables_read,
)
from tests.statemachines.graph import Graph, unset_variable_complaints
from tests.statemachines.test_turn_structure import LAMBDA, task_complaints
from tests.support.asl import StateError
from tests.support.rollup import ATHENA, DAY, DEFINITION, FUNCTIONS, NAMES, YESTERDAY, Night, definition

State = dict[str, Any]

MOST_EVENTS = 25_000
"""Events of a Standard execution: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""

MOST_BYTES = 262_144
"""The same page: what a state may take in or give out."""

MOST_ARMS = 100


def raw() -> dict[str, Any]:
    """The definition with its placeholders."""
    parsed: dict[str, Any] = json.loads(DEFINITION.read_text(encoding="utf-8"))
    return parsed


def flat() -> dict[str, Any]:
    """The definition with the states of its Maps beside the others."""
    made = copy.deepcopy(raw())
    for state in list(made["States"].values()):
        made["States"] |= state.get("ItemProcessor", {}).get("States", {})
    return made


def outer() -> dict[str, Any]:
    """The definition without the states inside its Maps."""
    made = raw()
    for state in made["States"].values():
        state.pop("ItemProcessor", None)
    return made


def tasks(made: Mapping[str, Any]) -> Iterator[tuple[str, State]]:
    """Every task by name."""
    return ((name, state) for name, state in made["States"].items() if state["Type"] == "Task")


def maps(made: Mapping[str, Any]) -> Iterator[tuple[str, State]]:
    """Every Map by name."""
    return ((name, state) for name, state in made["States"].items() if state["Type"] == "Map")


def shape_complaints(made: Mapping[str, Any]) -> list[str]:
    """Tasks without a time-out, retries, jitter or a way out.

    A statement that writes is the one task that must not be tried again in its place after it failed: what it
    left there would be counted twice.
    """
    found = []
    for complaint in task_complaints(made):
        name = complaint.removesuffix(" does not retry ['States.TaskFailed']")
        if name == complaint or "ClientRequestToken" not in made["States"][name]["Arguments"]:
            found.append(complaint)
    for name, state in tasks(made):
        retried = {error for retrier in state.get("Retry", ()) for error in retrier["ErrorEquals"]}
        if state["Resource"] == ATHENA and "Athena.TooManyRequestsException" not in retried:
            found.append(f"{name} has no patience with a busy Athena")
        if "ClientRequestToken" in state["Arguments"] and retried & {"States.TaskFailed", "States.Timeout"}:
            found.append(f"{name} writes twice to one place")
    return found


CUT_OFF = ("Lambda.Unknown", "Sandbox.Timedout", "Lambda.ClientExecutionTimeoutException")
"""A function whose time or memory was up, which is before its state's time is:
https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html"""


def test_every_task_has_a_timeout_retries_and_a_way_out() -> None:
    """What ends without a way out keeps the lake for two hours, and tells nobody."""
    assert shape_complaints(flat()) == []


@pytest.mark.parametrize("field", ["TimeoutSeconds", "Retry", "Catch"])
@pytest.mark.parametrize("name", [name for name, _ in tasks(flat())])
def test_a_task_that_loses_one_of_them_is_noticed(name: str, field: str) -> None:
    """A proof that cannot fail proves nothing."""
    made = flat()
    del made["States"][name][field]

    assert any(complaint.startswith(name) for complaint in shape_complaints(made))


def test_a_statement_that_could_write_twice_is_noticed() -> None:
    """A proof that cannot fail proves nothing."""
    made = flat()
    made["States"]["Run the statement"]["Retry"][0]["ErrorEquals"].append("States.TaskFailed")

    assert shape_complaints(made) == ["Run the statement writes twice to one place"]


def test_what_writes_is_started_once_under_its_token() -> None:
    """UNLOAD adds to what lies in a place, so a repeated start must be the same statement."""
    for name, state in tasks(flat()):
        if state["Resource"] == ATHENA:
            token = state["Arguments"].get("ClientRequestToken")
            assert token == ("{% $states.input.token %}" if name == "Run the statement" else None)
            assert state["Arguments"]["WorkGroup"] == "${Workgroup}"
            assert state["Arguments"]["QueryExecutionContext"] == {"Database": "${Database}"}


def test_functions_that_die_and_stores_that_are_busy_are_tried_again() -> None:
    """Nobody waits for a rollup, so every step has patience."""
    for name, state in tasks(flat()):
        retried = {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}
        if state["Resource"] == LAMBDA:
            assert {"StoreUnavailableError", "States.Timeout", *CUT_OFF} <= retried, name


# -- every failure is told, leaves a letter, and lets the lake go

TELLING = ("Leave a dead letter", "Tell the operators", "Let the lake go after a failure")


def telling_complaints(made: Mapping[str, Any]) -> list[str]:
    """Ways to the failed end around the letter, the alert or the lease, and failures that do not fail."""
    graph = Graph(made)
    complaints = []
    for step in TELLING:
        around = graph.without(lambda edge, step=step: edge.target == step)  # type: ignore[misc] # mypy cannot infer a lambda with a default
        if "Fail the run" in graph.reachable(graph.start, around):
            complaints.append(f"a failure goes around {step}")
    ends = {name for name in graph.reachable(TELLING[0]) if not graph.edges[name]}
    if ends != {"Fail the run"}:
        complaints.append(f"a failure ends in {sorted(ends)}")
    for name, state in graph.states.items():
        complaints += [
            f"an error in {name} ends in {catcher['Next']}"
            for catcher in state.get("Catch", ())
            if name not in TELLING and catcher["Next"] != TELLING[0]
        ]
    return complaints


def test_every_failure_is_told_and_lets_the_lake_go() -> None:
    """Whichever step fails: an operator hears of it, can run it again at once, and the alarm sees it."""
    assert telling_complaints(outer()) == []


@pytest.mark.parametrize(
    ("state", "change"),
    [
        ("Choose the days", lambda state: state["Catch"][0].update(Next="Fail the run")),
        ("Tell the operators", lambda state: state.update(Next="Tell what was done")),
        ("Leave a dead letter", lambda state: state["Catch"][0].update(Next="Fail the run")),
        (
            "Is the lake free?",
            lambda state: state["Choices"][1].update(Next="Let the lake go after a failure"),
        ),
    ],
)
def test_a_way_around_the_telling_is_noticed(state: str, change: Callable[[State], None]) -> None:
    """A proof that cannot fail proves nothing."""
    made = outer()
    change(made["States"][state])

    assert telling_complaints(made)


def test_a_letter_names_the_state_that_failed() -> None:
    """The names are written by hand: one that is wrong would send somebody to the wrong place."""
    for name, state in flat()["States"].items():
        for catcher in state.get("Catch", ()):
            if name in TELLING:
                continue
            told = catcher.get("Assign", {}).get("failure", {}) or catcher["Output"]
            assert told["state"] == name
            assert told["error"] == "{% $states.errorOutput.Error %}"


def test_no_cause_leaves_the_execution() -> None:
    """Causes quote statements and functions' words; letters and alerts are read elsewhere."""
    assert not [text for text in expressions(raw()) if "Cause" in text]


def test_nothing_is_judged_before_every_partition_is_right() -> None:
    """An alert, a demotion or a published figure from half a night would be about nothing."""
    graph = Graph(outer())
    cut = graph.without(lambda edge: edge.source == "Was every partition rebuilt?" and edge.kind == "default")
    reached = set(graph.reachable("Rebuild the partitions", cut))

    assert reached == {"Rebuild the partitions", "Was every partition rebuilt?", *TELLING, "Fail the run"}


def test_only_a_run_that_may_act_wakes_or_demotes() -> None:
    """A backfill looks at days that are over."""
    graph = Graph(outer())
    cut = graph.without(lambda edge: edge.condition == "$act")

    assert not {"Take back what regressed", "Send the alerts"} & set(graph.reachable(graph.start, cut))


# -- variables


def test_every_variable_is_set_before_it_is_read() -> None:
    """Step Functions fails an execution that reads one that is not, on the rare path first."""
    made = outer()
    for name, state in maps(raw()):
        inside = state["ItemProcessor"]
        own = {variable for inner in inside["States"].values() for variable in inner.get("Assign", {})}
        given = variables_read(inside) - own
        # Inside, everything that the Map's own place has is there already.
        begun = {
            "Type": "Pass",
            "Assign": dict.fromkeys(given, 0),
            "Next": inside["StartAt"],
        }
        assert (
            unset_variable_complaints({"StartAt": "Given", "States": {"Given": begun, **inside["States"]}})
            == []
        )
        made["States"][name]["Reads"] = [f"{{% ${variable} %}}" for variable in sorted(given)]

    assert unset_variable_complaints(made) == []


def test_no_inner_variable_has_the_name_of_an_outer_one() -> None:
    """Step Functions refuses it: an inner scope may read what is outside, and may not hide it."""
    outside = {variable for state in outer()["States"].values() for variable in state.get("Assign", {})} | {
        variable
        for state in outer()["States"].values()
        for rule in (*state.get("Choices", ()), *state.get("Catch", ()))
        for variable in rule.get("Assign", {})
    }
    for _, state in maps(raw()):
        for inner in state["ItemProcessor"]["States"].values():
            assert not set(inner.get("Assign", {})) & outside


def test_an_assign_does_not_read_what_it_sets_beside_it() -> None:
    """All values of an Assign are computed before any is set."""
    for name, state in flat()["States"].items():
        for variable, value in state.get("Assign", {}).items():
            assert not (variables_read(value) & set(state["Assign"])) - {variable, "phase"}, name


# -- what AWS accepts


def test_the_linter_finds_nothing() -> None:
    """What the linter knows is refused by AWS at deployment."""
    made = definition(
        **{
            placeholder: f"arn:aws:lambda:us-east-1:0:function:{name}"
            for name, placeholder in FUNCTIONS.items()
        }
    )
    for _, state in maps(made):
        # This version of the linter wants numbers here; AWS takes expressions.
        state["MaxConcurrency"] = 1
    linter: Any = importlib.import_module("statelint.linter")

    assert linter.Linter.validate(made) == []


def test_the_placeholders_are_those_that_are_agreed() -> None:
    """A placeholder that nobody fills reaches AWS as it stands."""
    found = set(PLACEHOLDER.findall(DEFINITION.read_text(encoding="utf-8")))

    assert found == {*FUNCTIONS.values(), *NAMES}


def test_only_functions_that_exist_on_aws_are_called() -> None:
    """The local engine knows functions that Step Functions does not have."""
    assert functions_called(raw()) <= JSONATA_FUNCTIONS | STEP_FUNCTIONS_FUNCTIONS


def test_state_names_read_as_a_story_and_choices_have_a_default() -> None:
    """Names are what an operator sees of a run."""
    for name, state in flat()["States"].items():
        assert name.endswith("?") == (state["Type"] == "Choice"), name
        assert len(name) <= 80
        assert state["Type"] != "Choice" or "Default" in state, name


def test_subjects_fit_into_an_e_mail() -> None:
    """SNS takes a hundred characters."""
    for _, state in tasks(flat()):
        subject = state["Arguments"].get("Subject", "")
        assert len(subject) <= 99


# -- limits


def events_of(state: State) -> int:
    """The most events that a state leaves in the history each time that it is entered, its items apart."""
    if state["Type"] != "Task":
        return 4 if state["Type"] == "Map" else 2
    attempts: int = 1 + sum(retrier["MaxAttempts"] for retrier in state["Retry"])
    # Scheduled, started, ended; a job that is waited for is also submitted.
    return 2 + attempts * (4 if state["Resource"].endswith(".sync") else 3)


def events_of_item(processor: Mapping[str, Any], times: Mapping[str, int]) -> int:
    """The most events of one iteration, its begin and its end included."""
    return 2 + sum(events_of(state) * times.get(name, 1) for name, state in processor["States"].items())


def longest_night() -> Night:
    """A night with as many arms as a statement takes."""
    made = Night()
    old = "2026-01-01T00:00:00+00:00"
    names = [name for name, category in categories().items() if not category.crisis]
    for name in names:
        made.registry.records[name, "base"] = VariantRecord(name, "base", "production", last_modified=old)
    for number in range(MOST_ARMS):
        record = VariantRecord(
            names[number % len(names)],
            f"arm-with-a-name-as-long-as-people-give-{number:03d}",
            "staged",
            rollout_percent=1,
            ranges=((number * 50, number * 50 + 50),),
            last_modified=old,
        )
        made.registry.records[record.key] = record
    return made


LONGEST = {"from": (YESTERDAY - (LONGEST_DAYS - 1) * DAY).isoformat(), "to": YESTERDAY.isoformat()}


def test_the_longest_backfill_stays_within_the_limits_of_an_execution() -> None:
    """A run that AWS ends in its middle after hours could never be finished.

    The count of events supposes that every state is entered as often, and fails as often, as its retries let
    it, at the same time; the size is that of what really goes from state to state.
    """
    made = longest_night()
    sizes: list[int] = []
    made.on_call = lambda _name, payload: sizes.append(len(json.dumps(payload).encode()))
    planned: list[dict[str, Any]] = []
    plan = made._plan

    def watched(event: dict[str, Any]) -> Any:
        planned.append(plan(event))
        sizes.append(len(json.dumps(planned[-1]).encode()))
        return planned[-1]

    made._plan = watched  # type: ignore[method-assign] # the answers are looked at
    made.run(**LONGEST)
    phases, publications = planned[1]["phases"], planned[1]["publications"]
    states = raw()["States"]
    rebuild, publish = states["Rebuild the partitions"], states["Publish the metrics"]
    again = dict.fromkeys(
        ("Write the statement", "Run the statement", "Is an attempt left?", "Give Athena time"), 3
    )
    items = sum(len(phase["items"]) for phase in phases)
    waits = 37 * sum(
        events_of(states[name])
        for name in ("Ask for the lake", "Is the lake free?", "Wait for the other run")
    )
    events = (
        waits
        + sum(events_of(state) for state in states.values()) * len(phases)
        + items * events_of_item(rebuild["ItemProcessor"], again)
        + len(publications) * events_of_item(publish["ItemProcessor"], {})
    )

    assert len(planned[1]["arms"]) == MOST_ARMS
    assert max(sizes) < MOST_BYTES / 2
    assert events < MOST_EVENTS


def test_a_longer_backfill_is_refused() -> None:
    """The two limits above are held by this one."""
    made = Night()
    first = (date.fromisoformat(LONGEST["from"]) - DAY).isoformat()

    with pytest.raises(StateError, match="NightlyRollupFailed"):
        made.run(**{**LONGEST, "from": first})
    assert made.catalog.tables == {}


def test_a_night_of_late_days_stays_within_the_limits_too() -> None:
    """The worst search: something late on every other day, so that no two days make one statement."""
    made = longest_night()
    made.late = [(YESTERDAY - step * DAY).isoformat() for step in range(8, LATE_DAYS + 1, 2)]
    sizes: list[int] = []
    made.on_call = lambda _name, payload: sizes.append(len(json.dumps(payload).encode()))
    made.run(act=True)

    assert max(sizes) < MOST_BYTES / 2


def test_a_run_ends_before_the_execution_does() -> None:
    """Waiting for another run, then a backfill of statements of some minutes, four at a time."""
    made = raw()
    waiting = 37 * made["States"]["Wait for the other run"]["Seconds"]

    assert made["TimeoutSeconds"] == 12 * 3600
    assert waiting < made["TimeoutSeconds"] / 3


def test_every_state_is_walked() -> None:
    """A state that no test enters is one that nobody has seen work."""
    visited: set[str] = set()

    def walk(made: Night, **asked: Any) -> None:
        with contextlib.suppress(StateError):
            made.run(**asked)
        visited.update(made.visited)

    fine = Night()
    fine.breaches = [{"name": "a", "subject": "a", "message": "a"}]
    fine.regressions = [{"category": "LLM_MODEL"}]
    walk(fine, act=True)
    for down in ("athena", "metrics", "demote", "sns"):
        broken = Night()
        broken.breaches, broken.regressions = fine.breaches, fine.regressions

        def fail(name: str, payload: dict[str, Any], down: str = down) -> None:
            if name == down and (name != "athena" or "ClientRequestToken" in payload):
                raise StateError("States.TaskFailed")

        broken.on_call = fail
        walk(broken, act=True)
    waiting = Night()
    waiting.lake.take("another")
    walk(waiting)

    assert visited == set(flat()["States"])
