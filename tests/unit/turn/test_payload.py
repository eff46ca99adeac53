"""Payloads between states stay readable when two versions of the code run side by side."""

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.payload import PayloadError, from_payload, to_payload
from silent_infinity.domain.problems import HttpResponse
from silent_infinity.domain.turn import (
    AssignedVariant,
    Block,
    CaptureTimings,
    Client,
    Draft,
    Limit,
    ModelLatency,
    SessionState,
    Turn,
    Usage,
    Utterance,
)
from silent_infinity.domain.variants import Variant
from silent_infinity.usecases.detect_intent import IntentRequest
from silent_infinity.usecases.generate_reply import GenerateRequest
from silent_infinity.usecases.record_turn import Identity, Record, RecordRequest
from silent_infinity.usecases.screen_for_crisis import ScreenRequest
from silent_infinity.usecases.validate_reply import CrisisContext, ValidateRequest

TURNS = st.builds(
    Turn,
    turn_id=st.text(),
    session_id=st.text(),
    message=st.text(),
    received_at=st.text(),
    client=st.builds(Client, network_ms=st.integers(0, 1000)),
    history=st.lists(st.builds(Utterance, role=st.text(), text=st.text())).map(tuple),
    posture=st.builds(Posture, level=st.integers(0, 4)),
    session=st.builds(SessionState, last_kind=st.none() | st.text()),
    variants=st.dictionaries(st.text(), st.builds(AssignedVariant, variant_id=st.text())),
    limit=st.builds(Limit, reason=st.text()),
)


PAYLOADS = (
    AssignedVariant,
    Block,
    CaptureTimings,
    Client,
    CrisisContext,
    Draft,
    GenerateRequest,
    HttpResponse,
    Identity,
    IntentRequest,
    Limit,
    ModelLatency,
    Posture,
    Record,
    RecordRequest,
    ScreenRequest,
    SessionState,
    Turn,
    Usage,
    Utterance,
    ValidateRequest,
    Variant,
)
"""Every dataclass that crosses a boundary between states, or waits in a queue, a claim or a table."""

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
@pytest.mark.parametrize("cls", PAYLOADS, ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_every_payload_survives_the_journey_through_json(cls: type[Any], data: st.DataObject) -> None:
    """Whatever the fields hold: what is written is what is read, by the next state or next week."""
    value = data.draw(_instances(cls))

    assert from_payload(cls, json.loads(json.dumps(to_payload(value)))) == value


def _instances(cls: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: _values(hints[field.name]) for field in fields(cls)})


def _values(hint: Any) -> st.SearchStrategy[Any]:
    origin, args = get_origin(hint), get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return _instances(hint)
    if origin is tuple:
        if args[-1] is not Ellipsis:
            return st.tuples(*(_values(arg) for arg in args))
        return st.lists(_values(args[0]), max_size=2).map(tuple)
    if origin in (dict, Mapping):
        return st.dictionaries(st.text(), _values(args[1]), max_size=2)
    if origin in (Union, types.UnionType):
        return st.one_of(*(_values(arg) for arg in args))
    if hint is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    return JSON_VALUES if hint is Any else st.from_type(hint)


@given(TURNS)
def test_a_turn_survives_the_journey_through_json(turn: Turn) -> None:
    """What one state writes, the next must read without loss, in any script."""
    payload = json.loads(json.dumps(to_payload(turn)))

    assert from_payload(Turn, payload) == turn


def test_a_draft_survives_the_journey_through_json() -> None:
    """Numbers keep their kinds: a cost of 0 is still a float."""
    draft = Draft("text", "model", usage=Usage(1, 2, 3, 4, 0.5), latency=ModelLatency(5, 6), error_class=None)

    assert from_payload(Draft, json.loads(json.dumps(to_payload(draft)))) == draft
    assert isinstance(from_payload(Usage, {"cost_usd": 0}).cost_usd, float)


def test_fields_of_a_newer_version_are_ignored() -> None:
    """During a deployment an old function may be handed what a new one wrote."""
    assert from_payload(Limit, {"reason": "rate", "unheard_of": 1}) == Limit("rate")


def test_fields_that_an_older_version_did_not_write_take_their_defaults() -> None:
    """During a deployment a new function may be handed what an old one wrote."""
    assert (
        from_payload(Turn, {"turn_id": "t", "session_id": "s", "message": "m", "received_at": "r"}).history
        == ()
    )


def test_a_missing_field_is_named_without_any_value() -> None:
    """The error ends up in a log, and the payload holds what a person wrote."""
    with pytest.raises(PayloadError, match=r"^Turn lacks the field 'turn_id'$"):
        from_payload(Turn, {"message": "secret words"})


def test_what_is_no_object_is_refused() -> None:
    """A state that got a string must not end in an AttributeError that quotes it."""
    with pytest.raises(PayloadError, match=r"^Limit needs an object$"):
        from_payload(Limit, "secret words")  # type: ignore[arg-type]  # the very mistake under test
