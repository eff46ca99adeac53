"""What was written stays readable: columns join at the end, and nothing else ever happens to them."""

import json
from copy import deepcopy
from dataclasses import dataclass, field, fields, make_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from jsonschema import Draft202012Validator

from silent_infinity.domain.lake.bronze import FEEDBACK, TURN_EVENTS
from silent_infinity.domain.lake.columns import columns_of
from silent_infinity.domain.lake.evolution import breaches, paths
from silent_infinity.domain.lake.feedback_event import FeedbackEvent
from silent_infinity.domain.turn import ModelCall
from silent_infinity.domain.turn_event import SCHEMA_VERSION, TurnEvent
from silent_infinity.schemas import generate
from silent_infinity.schemas.generate import SINCE, history
from tests.support.lake_events import turn_item
from tests.support.vectors import description, load_vectors

KNOWN = json.loads((Path(generate.__file__).with_name(generate.HISTORY)).read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", load_vectors("lake_evolution.json"), ids=description)
def test_only_additions_at_the_end_are_allowed(case: dict[str, Any]) -> None:
    """In the event and in every struct of it, however deep."""
    assert breaches(case["before"], case["after"]) == case["says"]


def _turn_event(added: Any = None, **changed: Any) -> type:
    """Return the turn event of another release: with one more field, or with other types."""
    hints = get_type_hints(TurnEvent)
    members = [
        (each.name, changed.get(each.name, hints[each.name]), field(default=each.default))
        for each in fields(TurnEvent)
    ]
    more = [("added", added, field(default=None))] if added else []
    return make_dataclass("TurnEvent", [*members, *more])


def _history_with(event: Any, version: int) -> Any:
    return history(KNOWN, [(replace(TURN_EVENTS, columns=columns_of(event)), event, version)])


def test_a_change_without_a_new_version_is_refused() -> None:
    """The history is how a later release knows what an object of today looks like."""
    with pytest.raises(ValueError, match="raise its schema version"):
        _history_with(_turn_event(int | None), SCHEMA_VERSION)


def test_a_new_column_is_a_new_version() -> None:
    """The versions before it stay as they are."""
    after = _history_with(_turn_event(int | None), SCHEMA_VERSION + 1)

    versions = after["bronze_turn_events"]
    assert versions["1"] == KNOWN["bronze_turn_events"]["1"]
    assert versions[str(SCHEMA_VERSION + 1)][-1] == ["added", "bigint"]


def test_a_new_version_with_another_type_is_refused() -> None:
    """A number does not excuse it: half of the objects would hold integers, the other half text."""
    with pytest.raises(ValueError, match="turn_number was bigint and is string"):
        _history_with(_turn_event(turn_number=str), SCHEMA_VERSION + 1)


def test_a_new_part_of_a_struct_has_to_say_since_when() -> None:
    """Else the schema demands it of events that were written before it was thought of."""

    def calls(**options: Any) -> type:
        retries = ("retries", int, field(default=0, **options))
        call = make_dataclass("Call", [retries], bases=(ModelCall,), frozen=True)
        return _turn_event(model_calls=tuple[call, ...])  # type: ignore[valid-type]

    with pytest.raises(ValueError, match=r"model_calls\[\]\.retries is required, and older events lack it"):
        _history_with(calls(), SCHEMA_VERSION + 1)
    _history_with(calls(metadata={SINCE: SCHEMA_VERSION + 1}), SCHEMA_VERSION + 1)


def test_an_event_of_yesterday_is_valid_by_the_schema_of_tomorrow() -> None:
    """Demonstrated with a new column and with a new part of each call of a model."""

    @dataclass(frozen=True)
    class Call(ModelCall):
        retries: int = field(default=0, metadata={SINCE: 2})

    tomorrow = _turn_event(int | None, model_calls=tuple[Call, ...])
    rule = {
        **generate._of(tomorrow),
        "required": generate._without_default(tomorrow),
    }
    event = turn_item(model_calls=[_call()])
    del event["expires_at"]
    old = json.loads(json.dumps(event))

    assert list(Draft202012Validator(rule).iter_errors(old)) == []
    new = deepcopy(old)
    new["added"] = 3
    new["model_calls"][0]["retries"] = 1
    assert list(Draft202012Validator(rule).iter_errors(new)) == []
    del new["model_calls"][0]["outcome"]
    assert [error.validator for error in Draft202012Validator(rule).iter_errors(new)] == ["required"]


def _call() -> dict[str, Any]:
    return {each.name: each.default if each.name != "notes" else [] for each in fields(ModelCall)}


def test_the_history_holds_every_version_up_to_this_one() -> None:
    """A gap would let a change slip through between the versions beside it."""
    assert list(KNOWN["bronze_turn_events"]) == [str(number) for number in range(1, SCHEMA_VERSION + 1)]
    assert KNOWN["bronze_turn_events"][str(SCHEMA_VERSION)] == paths(TURN_EVENTS.columns)
    assert KNOWN["bronze_feedback"]["1"] == paths(FEEDBACK.columns) == paths(columns_of(FeedbackEvent))
