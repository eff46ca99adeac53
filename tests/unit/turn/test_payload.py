"""Payloads between states stay readable when two versions of the code run side by side."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.payload import PayloadError, from_payload, to_payload
from silent_infinity.domain.turn import (
    AssignedVariant,
    Client,
    Draft,
    Limit,
    ModelLatency,
    PostureState,
    SessionState,
    Turn,
    Usage,
    Utterance,
)

TURNS = st.builds(
    Turn,
    turn_id=st.text(),
    session_id=st.text(),
    message=st.text(),
    received_at=st.text(),
    client=st.builds(Client, network_ms=st.integers(0, 1000)),
    history=st.lists(st.builds(Utterance, role=st.text(), text=st.text())).map(tuple),
    posture=st.builds(PostureState, level=st.integers(0, 4)),
    session=st.builds(SessionState, last_kind=st.none() | st.text()),
    variants=st.dictionaries(st.text(), st.builds(AssignedVariant, variant_id=st.text())),
    limit=st.builds(Limit, reason=st.text()),
)


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
