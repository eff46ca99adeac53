"""The shape that every state of the turn keeps, and the names that the stacks fill in."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from stacks import templates
from tests.statemachines.definitions import (
    PLACEHOLDER,
    RESOURCES,
    WORDS,
    all_states,
    raw_turn,
    turn,
)
from tests.statemachines.expressions import (
    JSONATA_FUNCTIONS,
    STEP_FUNCTIONS_FUNCTIONS,
    expressions_of,
    functions_called,
    variables_read,
)

LAMBDA = "arn:aws:states:::lambda:invoke"
SERVICE_ERRORS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}


def task_complaints(definition: Mapping[str, Any]) -> list[str]:
    """Tasks that could hang, fail on a hiccup, or take the execution down with them."""
    complaints = []
    for name, state in all_states(definition):
        if state["Type"] != "Task":
            continue
        if "TimeoutSeconds" not in state:
            complaints.append(f"{name} has no time-out")
        retried = {error for retrier in state.get("Retry", ()) for error in retrier["ErrorEquals"]}
        wanted = SERVICE_ERRORS if state["Resource"] == LAMBDA else {"States.TaskFailed"}
        if not wanted <= retried:
            complaints.append(f"{name} does not retry {sorted(wanted - retried)}")
        if any(retrier.get("JitterStrategy") != "FULL" for retrier in state.get("Retry", ())):
            complaints.append(f"{name} retries without jitter")
        caught = [error for catcher in state.get("Catch", ()) for error in catcher["ErrorEquals"]]
        if caught[-1:] != ["States.ALL"]:
            complaints.append(f"{name} does not catch everything")
    return complaints


def test_every_task_has_a_timeout_retries_and_a_way_out() -> None:
    """One task without them is one way for a person to get no answer."""
    assert task_complaints(raw_turn()) == []


@pytest.mark.parametrize("field", ["TimeoutSeconds", "Retry", "Catch"])
@pytest.mark.parametrize("name", [n for n, s in all_states(raw_turn()) if s["Type"] == "Task"])
def test_a_task_that_loses_one_of_them_is_noticed(name: str, field: str) -> None:
    """A proof that cannot fail proves nothing."""
    definition = copy.deepcopy(raw_turn())
    del dict(all_states(definition))[name][field]

    assert any(complaint.startswith(name) for complaint in task_complaints(definition))


def test_the_parallel_state_catches_what_its_branches_do_not() -> None:
    """An error between two branches must not end the turn."""
    parallel = raw_turn()["States"]["Understand the message"]

    assert parallel["Catch"] == [{"ErrorEquals": ["States.ALL"], "Next": "Look for red flags"}]


def test_the_placeholders_are_those_that_the_stacks_fill() -> None:
    """A placeholder that nobody fills reaches AWS as it stands."""
    found = set(PLACEHOLDER.findall(templates.turn_definition()))

    assert found == set(RESOURCES) | set(templates.turn_substitutions(WORDS))


def test_the_definition_is_valid_json_before_and_after_substitution() -> None:
    """CloudFormation replaces text and understands nothing: every value must fit where it stands."""
    assert raw_turn()["QueryLanguage"] == "JSONata"
    assert not PLACEHOLDER.search(json.dumps(turn()))


def test_the_machine_gives_up_before_api_gateway_does() -> None:
    """API Gateway waits 29 s; its own time-out gives the fixed fallback, not a gateway error."""
    assert raw_turn()["TimeoutSeconds"] == 28


def test_state_names_read_as_a_story() -> None:
    """The picture of the workflow is made of these names."""
    for name, state in all_states(raw_turn()):
        assert name.endswith("?") == (state["Type"] == "Choice"), name
        assert name[0].isupper(), name
        assert len(name) <= 80, name


def test_every_choice_has_a_way_for_everything_else() -> None:
    """A choice without a default ends the execution on the first value that nobody thought of."""
    for name, state in all_states(raw_turn()):
        assert state["Type"] != "Choice" or "Default" in state, name


def test_the_linter_finds_nothing() -> None:
    """What the linter knows is refused by AWS at deployment."""
    definition = turn()
    for _name, state in all_states(definition):
        if isinstance(state.get("TimeoutSeconds"), str):
            # This version of the linter wants a number here; AWS takes an expression (CDK: Timeout.jsonata).
            state["TimeoutSeconds"] = 1
    linter: Any = importlib.import_module("statelint.linter")

    assert linter.Linter.validate(definition) == []


def test_only_functions_that_exist_on_aws_are_called() -> None:
    """The local engine knows functions that Step Functions does not have, $eval above all."""
    assert functions_called(raw_turn()) <= JSONATA_FUNCTIONS | STEP_FUNCTIONS_FUNCTIONS


def test_an_assign_does_not_read_what_it_sets_beside_it() -> None:
    """All values of an Assign are computed before any is set: reading a neighbour gives the old value."""
    for name, state in all_states(raw_turn()):
        assign = state.get("Assign", {})
        for variable, value in assign.items():
            assert not (variables_read(value) & set(assign)) - {variable}, f"{name}: {variable}"


def test_branches_assign_nothing() -> None:
    """What a branch assigns is gone when it ends; a result that matters is its output."""
    for branch in raw_turn()["States"]["Understand the message"]["Branches"]:
        for name, state in all_states(branch):
            assert "Assign" not in state, name


def test_nobodys_words_are_in_the_definition() -> None:
    """Fixed words come from the data files alone: two copies of a help line drift apart."""
    text = templates.turn_definition()

    assert "988" not in text
    assert "suicide" not in text.lower()


def test_the_expressions_are_short_enough_to_read() -> None:
    """Logic belongs in functions; the longest expression here is one that a reader takes in at a glance."""
    assert max(len(expression) for expression in expressions_of(raw_turn())) <= 300
