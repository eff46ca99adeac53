"""The promotion workflow as a definition: structure, and what holds on every path.

Runs of it are in test_promotion_runs.py.
"""

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from silent_infinity.domain.promotion.outcomes import Outcome
from stacks.environment import ENVIRONMENTS, EnvironmentConfig
from stacks.paths import ROOT
from tests.statemachines.definitions import PLACEHOLDER, expressions
from tests.statemachines.expressions import (
    JSONATA_FUNCTIONS,
    STEP_FUNCTIONS_FUNCTIONS,
    functions_called,
    variables_read,
)
from tests.statemachines.graph import Graph, unset_variable_complaints
from tests.statemachines.test_turn_structure import SERVICE_ERRORS, task_complaints
from tests.support.promotion_workflow import DEFINITION, FUNCTIONS, definition

State = dict[str, Any]
Change = Callable[[dict[str, State]], Any]

DAY = 86_400
ASK, APPLY, CLOSE = "Ask the approvers", "Apply the step", "Close the promotion"
DEMOTE = "Take the arm back"
TOLD = ("Tell the people on call", "Tell the team")
ALONE = "Leave it to the other"
"""Where an execution ends that has nothing to do with the promotion."""
CUT_OFF = {"Lambda.Unknown", "Sandbox.Timedout", "Lambda.ClientExecutionTimeoutException"}
"""A function whose time or memory was up."""


def raw() -> dict[str, Any]:
    """The definition with its placeholders."""
    parsed: dict[str, Any] = json.loads(DEFINITION.read_text(encoding="utf-8"))
    return parsed


def tasks(made: Mapping[str, Any]) -> Iterator[tuple[str, State]]:
    """Every task by name."""
    return ((name, state) for name, state in made["States"].items() if state["Type"] == "Task")


def retried(state: Mapping[str, Any]) -> set[str]:
    """The names of the errors after which a task is tried again."""
    return {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}


# -- each task


def shape_complaints(made: Mapping[str, Any]) -> list[str]:
    """Tasks without a time-out, retries, jitter or a way out."""
    found = []
    for complaint in task_complaints(made):
        name = complaint.removesuffix(" does not retry ['States.TaskFailed']")
        # Written for services that are called without a function; here a function writes down what it waits
        # for, and its errors have the names of functions' errors.
        if name == complaint or not retried(made["States"][name]) >= SERVICE_ERRORS:
            found.append(complaint)
    return found


def test_every_task_has_a_timeout_retries_and_a_way_out() -> None:
    """What ends without a way out leaves a promotion open, and its variant locked."""
    assert shape_complaints(raw()) == []


@pytest.mark.parametrize("field", ["TimeoutSeconds", "Retry", "Catch"])
@pytest.mark.parametrize("name", [name for name, _ in tasks(raw())])
def test_a_task_that_loses_one_of_them_is_noticed(name: str, field: str) -> None:
    """A proof that cannot fail proves nothing."""
    made = raw()
    if field == "Retry":
        made["States"][name]["Retry"] = []
    else:
        del made["States"][name][field]

    assert any(complaint.startswith(name) for complaint in shape_complaints(made))


def test_functions_that_die_and_stores_that_are_busy_are_tried_again() -> None:
    """Nobody waits for a promotion, so every step has patience."""
    for name, state in tasks(raw()):
        assert {"StoreUnavailableError", *CUT_OFF} <= retried(state), name


def test_a_time_out_is_tried_again_but_where_it_is_an_answer() -> None:
    """Nobody decided in time: asking for another week would make an end of nothing."""
    again = {name for name, state in tasks(raw()) if "States.Timeout" in retried(state)}

    assert again == {name for name, _ in tasks(raw())} - {ASK}


def patience(state: Mapping[str, Any]) -> float:
    """How long a task is tried again at most, in seconds, if every attempt fails at once."""
    total = 0.0
    for retrier in state["Retry"]:
        for number in range(retrier["MaxAttempts"]):
            pause = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** number
            total += min(pause, retrier["MaxDelaySeconds"])
    return total


def test_what_a_promotion_is_locked_by_has_the_patience_that_it_needs() -> None:
    """With full jitter a pause is half as long on average. A cooldown of the category takes five minutes, an
    outage of a table seldom a day.
    """
    states = raw()["States"]

    assert patience(states[APPLY]) / 2 > 6 * 60
    assert patience(states[CLOSE]) > DAY
    assert patience(states["Collect the figures"]) > 3 * 3600


def test_people_are_waited_for_as_long_as_their_links_are_good() -> None:
    """A wait that ends sooner or later than the links would answer an approver with an error."""
    ask = raw()["States"][ASK]

    assert ask["Resource"].endswith(".waitForTaskToken")
    assert ask["TimeoutSeconds"] == "{% $approvalSeconds %}"
    assert ask["Arguments"]["Payload"]["approval_seconds"] == ask["TimeoutSeconds"]
    assert ask["Catch"][0]["ErrorEquals"] == ["States.Timeout"]
    assert ask["Catch"][0]["Assign"] == {"outcome": "expired"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_longest_promotion_ends_before_its_execution_is_ended(name: str) -> None:
    """Thirty days for figures, the approvers' time, a watched day, fourteen more, and a day to close."""
    block = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"][name]
    environment = EnvironmentConfig.from_block(name, block)
    longest = 30 * DAY + environment.approval_hours * 3600 + environment.promotion_watch_seconds + 14 * DAY

    assert longest + 2 * DAY < raw()["TimeoutSeconds"] == 60 * DAY


# -- every end is closed and told


def end_complaints(made: Mapping[str, Any]) -> list[str]:
    """Ways to an end around the closing or the telling, and errors that go elsewhere."""
    graph = Graph(made)
    complaints = []
    for step in (CLOSE, *TOLD):
        around = graph.without(lambda edge, step=step: edge.target == step)  # type: ignore[misc] # mypy cannot infer a lambda with a default
        ends = graph.ends() & set(graph.reachable(graph.start, around)) - {ALONE}
        complaints += [f"{end} is reached around {step}" for end in sorted(ends)]
    after = graph.reachable(CLOSE)
    complaints += [f"{name} comes after the end" for name in (APPLY, ASK, DEMOTE) if name in after]
    alone = [edge.source for edges in graph.edges.values() for edge in edges if edge.target == ALONE]
    if alone != ["Is it this execution's?"]:
        complaints.append(f"{ALONE} is reached from {alone}")
    return complaints


def test_every_end_is_closed_and_told() -> None:
    """A promotion that is open for ever locks its variant, and one that nobody hears of is looked for."""
    assert end_complaints(raw()) == []


def test_an_execution_that_has_not_the_promotion_touches_nothing() -> None:
    """It is asked for by whoever can start executions; the other one is at work."""
    graph = Graph(raw())
    taken = graph.without(lambda edge: edge.condition == "$outcome = 'taken'" or edge.kind == "catch")

    assert set(graph.reachable(graph.start, taken)) == {
        "Begin the promotion",
        "Take the promotion",
        "Is it this execution's?",
        ALONE,
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda states: states["Tell the team"].update(Next="Tell how it ended"),
        lambda states: states[CLOSE]["Catch"][0].update(Next="Fail the promotion"),
        lambda states: states["What did they decide?"]["Choices"][1].update(Next="Tell how it ended"),
        lambda states: states["Collect the figures"]["Catch"][0].update(Next=ALONE),
        lambda states: states["Did everything work?"]["Choices"][0].update(Next=APPLY),
    ],
)
def test_a_way_around_the_end_is_noticed(change: Change) -> None:
    """A proof that cannot fail proves nothing."""
    made = raw()
    change(made["States"])
    if made["States"]["Tell the team"]["Next"] == "Tell how it ended":
        made["States"]["Did everything work?"]["Default"] = ALONE

    assert end_complaints(made)


# -- nothing is applied without a yes


def apply_complaints(made: Mapping[str, Any]) -> list[str]:
    """Ways to a step without a person's yes to it or to the one before, or without gates that passed."""
    graph = Graph(made)
    approved = graph.without(lambda edge: edge.condition == "$decision = 'approved'")
    complaints = []
    watched = "$verdict = 'passed'"
    # Before the first yes the phase is `entry`, which the edge of the second step comes after.
    first = {
        name: tuple(edge for edge in edges if edge.condition != watched) for name, edges in approved.items()
    }
    if APPLY in graph.reachable(graph.start, first):
        complaints.append("a step is applied without a yes")
    if ASK in graph.reachable(graph.start, graph.without(lambda edge: "'passed'" in edge.condition)):
        complaints.append("people are asked about what did not pass")
    setting = [
        edge.source for edges in graph.edges.values() for edge in edges if edge.assign.get("phase") == "watch"
    ]
    if setting != ["Was it applied?"]:
        complaints.append(f"the second step is entered from {setting}")
    rules = made["States"]["What do the gates say?"]["Choices"]
    conditions = [rule["Condition"].removeprefix("{% ").removesuffix(" %}") for rule in rules]
    asked = conditions.index("$verdict = 'passed' and $phase = 'entry'")
    if rules[asked]["Next"] != ASK or conditions.index(watched) < asked:
        complaints.append("a first step that passed is not asked about")
    looks = graph.without(lambda edge: edge.source in ("Evaluate the gates", ASK))
    if APPLY in graph.reachable("Was it applied?", looks):
        complaints.append("a second step is not looked at")
    return complaints


def test_nothing_is_applied_without_a_yes_and_a_look() -> None:
    """What the registry checks again; but a machine that asked it wrongly would be one mistake away."""
    assert apply_complaints(raw()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda states: states["What did they decide?"].update(Default=APPLY),
        lambda states: states[ASK]["Catch"][0].update(Next=APPLY),
        lambda states: states["What do the gates say?"]["Choices"][3].update(Next=APPLY),
        lambda states: states["What do the gates say?"]["Choices"][5].update(Next=ASK),
        lambda states: states["Was it applied?"]["Choices"][0].update(Next=APPLY),
        lambda states: states["Begin the promotion"]["Assign"].update(phase="watch"),
        lambda states: states["Watch the step"].update(Next=APPLY),
    ],
)
def test_a_way_to_a_step_without_a_yes_is_noticed(change: Change) -> None:
    """A proof that cannot fail proves nothing."""
    made = raw()
    change(made["States"])

    assert apply_complaints(made)


def test_an_arm_is_taken_back_for_harm_alone() -> None:
    """A gate that was not passed says that it is not better, not that it is worse."""
    graph = Graph(raw())
    cut = graph.without(lambda edge: edge.condition == "$verdict = 'failed' and $regression")

    assert DEMOTE not in graph.reachable(graph.start, cut)


def test_every_outcome_that_the_machine_knows_is_one_of_the_records() -> None:
    """A word that the registry does not know would leave the promotion open."""
    said = set()
    for state in raw()["States"].values():
        for place in (state, *state.get("Choices", ()), *state.get("Catch", ())):
            outcome = place.get("Assign", {}).get("outcome", "")
            said |= {outcome} if not outcome.startswith("{%") else set()

    assert said - {""} <= set(Outcome)
    assert said >= {"expired", "no_approvers", "not_passed", "not_enough_data", "applied", "applied_in_part"}


# -- privacy


def test_no_state_hands_on_what_a_person_said_or_where_they_are_reached() -> None:
    """AWS keeps what goes through a Standard workflow for ninety days, for all who may read executions."""
    named = {
        key
        for _, state in tasks(raw())
        for key in state["Arguments"]["Payload"]
        if key not in {"promotion_id", "phase", "figures", "execution", "outcome", "step", "code", "to"}
    }

    assert named == {
        "evidence_hash",
        "task_token",
        "approval_seconds",
        "failure",
        "error",
        # Of the demotion, whose reason the machine makes of the gates' summary.
        "category",
        "variant_id",
        "reason",
        "trigger",
        "request_id",
    }
    assert not [text for text in expressions(raw()) if "Cause" in text]


def test_the_token_goes_to_who_asks_and_nowhere_else() -> None:
    """Whoever has it can say yes."""
    found = [name for name, state in raw()["States"].items() if "Task.Token" in json.dumps(state)]

    assert found == [ASK]


# -- what AWS accepts


def test_every_variable_is_set_before_it_is_read() -> None:
    """Step Functions fails an execution that reads one that is not, on the rare path first."""
    assert unset_variable_complaints(raw()) == []


def test_an_assign_does_not_read_what_it_sets_beside_it() -> None:
    """All values of an Assign are computed before any is set."""
    for name, state in raw()["States"].items():
        for variable, value in state.get("Assign", {}).items():
            beside = (variables_read(value) & set(state["Assign"])) - {variable}
            assert not beside, name


def test_the_linter_finds_nothing() -> None:
    """What the linter knows is refused by AWS at deployment."""
    made = definition(
        **{arn: f"arn:aws:lambda:us-east-1:0:function:{name}" for name, arn in FUNCTIONS.items()}
    )
    for _, state in tasks(made):
        # This version of the linter wants numbers here; AWS takes expressions.
        state["TimeoutSeconds"] = 1
    for state in made["States"].values():
        if state["Type"] == "Wait":
            state["Seconds"] = 1
    linter: Any = importlib.import_module("statelint.linter")

    assert linter.Linter.validate(made) == []


def test_the_placeholders_are_those_that_are_agreed() -> None:
    """A placeholder that nobody fills reaches AWS as it stands."""
    assert set(PLACEHOLDER.findall(DEFINITION.read_text(encoding="utf-8"))) == set(FUNCTIONS.values())


def test_only_functions_that_exist_on_aws_are_called() -> None:
    """The local engine knows functions that Step Functions does not have."""
    assert functions_called(raw()) <= JSONATA_FUNCTIONS | STEP_FUNCTIONS_FUNCTIONS


def test_state_names_read_as_a_story_and_choices_have_a_default() -> None:
    """Names are what an operator sees of a run."""
    for name, state in raw()["States"].items():
        assert name.endswith("?") == (state["Type"] == "Choice"), name
        assert len(name) <= 80
        assert state["Type"] != "Choice" or "Default" in state, name


def test_a_failure_names_its_state() -> None:
    """The names are written by hand: one that is wrong would send somebody to the wrong place."""
    told = [
        (name, catcher["Assign"])
        for name, state in tasks(raw())
        for catcher in state["Catch"]
        if "failure" in catcher.get("Assign", {})
    ]

    # Nobody could be told that telling failed.
    assert {name for name, _ in told} == {name for name, _ in tasks(raw())} - set(TOLD)
    for name, assigned in told:
        assert assigned["failure"] == name
        assert assigned["error"] == "{% $states.errorOutput.Error %}"


def test_a_month_of_looks_stays_within_the_events_of_an_execution() -> None:
    """A run that AWS ends after weeks could never be finished. Forty-four nights, every task failing to its
    last attempt each night: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    nightly = 0
    rest = 0
    for name, state in tasks(raw()):
        events = 2 + 3 * (1 + sum(retrier["MaxAttempts"] for retrier in state["Retry"]))
        if name in ("Collect the figures", "Evaluate the gates"):
            nightly += events
        else:
            rest += 2 * events
    choices_and_waits = 8

    assert 44 * (nightly + choices_and_waits) + rest < 25_000
