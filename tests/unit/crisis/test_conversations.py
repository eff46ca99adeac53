"""Conversations of several turns: what the screen makes of a message depends on those before it.

Each turn goes through the whole workflow on in-memory stores, so the posture that one turn leaves is the one
that the next turn finds.
"""

import itertools
from typing import Any

import pytest

from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from tests.support.vectors import load_vectors
from tests.support.world import ScriptedModel, World

CONVERSATIONS = load_vectors("crisis_conversations.json")
IN_FLOW = ("imminent", "crisis", "check_in")


def turns(conversation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the turn events of the conversation, a minute apart."""
    world = World(ScriptedModel())
    session_id: str | None = None
    locale = {"locale": conversation["locale"]} if "locale" in conversation else {}
    for turn in conversation["turns"]:
        answer = world.turn(turn["say"], session_id=session_id, **locale)["body"]
        session_id = answer["session_id"]
        world.later(60)
    return world.events()


def stated(turn: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """Return of the event what the vector states of the turn: path and level, either or neither."""
    got = {"path": path_of(event), "level": event["crisis_flag_level"]}
    return {name: got[name] for name in got if name in turn}


def path_of(event: dict[str, Any]) -> str:
    """Return the screen's path: everything that is not the crisis flow lies behind clear."""
    return str(event["path"]) if event["path"] in IN_FLOW else "clear"


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda conversation: conversation["name"])
def test_every_turn_of_a_conversation_is_met_as_it_should_be(conversation: dict[str, Any]) -> None:
    """Found late, a disclosure is missed; found for ever, nobody gets out of the flow."""
    expected = conversation["turns"]
    events = turns(conversation)

    assert [stated(turn, event) for turn, event in zip(expected, events, strict=True)] == [
        {name: turn[name] for name in ("path", "level") if name in turn} for turn in expected
    ]


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda conversation: conversation["name"])
def test_the_level_of_a_session_never_falls_while_the_flow_lasts(conversation: dict[str, Any]) -> None:
    """Whatever is said: only leaving the flow takes the level away."""
    events = turns(conversation)

    for before, after in itertools.pairwise(events):
        if path_of(before) in IN_FLOW and path_of(after) in IN_FLOW and path_of(before) != "check_in":
            assert after["crisis_flag_level"] >= before["crisis_flag_level"]
        if path_of(after) == "clear":
            assert after["screened_level"] < RISK_LEVEL


def test_the_conversations_cover_what_was_asked_for() -> None:
    """Enough of them, two to six turns each, every path among them, and no name twice."""
    names = [conversation["name"] for conversation in CONVERSATIONS]
    paths = {turn.get("path") for conversation in CONVERSATIONS for turn in conversation["turns"]}

    assert len(names) >= 25
    assert len(set(names)) == len(names)
    assert all(2 <= len(conversation["turns"]) <= 6 for conversation in CONVERSATIONS)
    assert paths >= {*IN_FLOW, "clear"}
    assert all("path" in conversation["turns"][-1] for conversation in CONVERSATIONS)
