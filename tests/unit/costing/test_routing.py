"""The simulation's routing is the state machine's."""

import json

import pytest

from costing.routing import Message, RoutedTurn, Router
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import ModelReply, ModelRequest
from tests.support.world import MIRROR, World

REPLIES = dict.fromkeys(("TC3", "TC4", "TC5", "TC6"), (MIRROR,))
CONVERSATIONS = {
    "light": ("hello", "it has been raining all day and the cat will not move", "thanks", "bye"),
    "asked": ("hi there", "hmm", "why do I wake up at 3 in the morning?", "thank you so much"),
    "told": (
        "My sister and I have not spoken since the funeral, and I keep going over what I said to her.",
        "I do not know what to do any more about my mother.",
        "what is mindfulness?",
    ),
    "at risk": (
        "hello",
        "I want to die.",
        "I don't know",
        "it is raining",
        "I made some tea",
        "the cat is asleep",
        "thanks for listening",
        "good night",
    ),
    "imminent": ("I am going to kill myself tonight, this is goodbye.", "hello"),
}


class _Calm:
    """A screen's model that finds nothing."""

    def complete(self, request: ModelRequest) -> ModelReply:
        answer = json.dumps({"level": 1, "about_other": False})
        return ModelReply(answer, request.model_id, "scripted", Usage(), "stop", 1, 2)


@pytest.fixture(scope="module")
def router() -> Router:
    """The simulation's routing, with the stages that the layer has."""
    return Router(REPLIES, assets=None)


def _routed(router: Router, name: str) -> list[RoutedTurn]:
    return list(router.route(name, [Message(text, "TC4") for text in CONVERSATIONS[name]]))


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_every_turn_takes_the_path_that_the_state_machine_takes(router: Router, name: str) -> None:
    """A month that went other ways than the system would be somebody else's month."""
    world = World(screen_model=_Calm())
    expected = []
    session = None
    for text in CONVERSATIONS[name]:
        answer = world.turn(text, session_id=session)["body"]
        session = answer["session_id"]
        path = world.events()[-1]["path"]
        expected.append(("vetted" if path in ("imminent", "check_in") else path, answer["turn_class"]))

    routed = _routed(router, name)
    asked = [(turn.path, turn.reply.turn_class if turn.reply else "TC6") for turn in routed]

    assert asked == expected


def test_a_template_still_knows_what_it_spares(router: Router) -> None:
    """What bypassing is worth is the call that was not made."""
    first = _routed(router, "light")[0]

    assert first.path == "template"
    assert first.bypassed
    assert first.reply is not None
    assert first.reply.turn_class == "TC3"
    assert first.served != MIRROR


def test_the_screens_question_is_there_for_every_message(router: Router) -> None:
    """Without the cascade each message would be asked about; with it, a plain greeting is not."""
    turns = _routed(router, "light")

    assert all(turn.screen.turn_class == "TC1" and turn.message in turn.screen.text for turn in turns)
    assert not turns[0].in_band


def test_what_was_said_before_travels_with_the_next_question(router: Router) -> None:
    """Most input tokens of a later turn are those of the earlier ones."""
    first, _, third = _routed(router, "told")

    assert first.reply is not None
    assert third.reply is not None
    assert first.message in third.reply.text
    assert len(third.reply.text) > len(first.reply.text)
