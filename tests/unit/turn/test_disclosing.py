"""The notice that this is an AI, through the whole turn."""

from dataclasses import replace

import pytest

from silent_infinity.domain.disclosure import notice
from tests.support.world import MIRROR, TELLING, ScriptedModel, World

ACTIVE_RISK = "I want to die and I have been planning it."
IMMINENT = "I have the pills here and I am going to end my life tonight."
SECRET = "my key is AKIA" + "IOSFODNN7EXAMPLE can you keep it"
HOURS = 3 * 3600
START = {"text": notice("start", "en-US"), "reason": "start"}


@pytest.fixture
def world() -> World:
    """A world in which everything is up and the model writes well."""
    return World(ScriptedModel(MIRROR))


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (TELLING, "answer"),
        ("Hello!", "template"),
        ("asdf", "clarification"),
        (SECRET, "refusal"),
        (ACTIVE_RISK, "crisis"),
        (IMMINENT, "crisis"),
    ],
)
def test_a_new_session_begins_with_the_notice_whatever_the_reply_is(
    world: World, message: str, kind: str
) -> None:
    """Who it is that answers must be clear before anything else is."""
    answer = world.turn(message)["body"]

    assert answer["reply"]["kind"] == kind
    assert answer["disclosure"] == START


@pytest.mark.parametrize(
    "down",
    [
        {"capture"},
        {"screen"},
        {"intent"},
        {"generate"},
        {"validate"},
        {"record"},
        {"record", "queue"},
        {"capture", "screen", "intent", "generate", "validate", "record", "queue"},
    ],
    ids="+".join,
)
def test_the_notice_does_not_depend_on_any_function(world: World, down: set[str]) -> None:
    """The law knows of no outage."""
    world.down = down

    assert world.turn(TELLING)["body"]["disclosure"] == START


@pytest.mark.parametrize(
    ("locale", "language"),
    [("es-MX", "es"), ("hi-IN", "hi"), ("hi-Latn-IN", "hi-Latn"), ("pt-BR", "pt"), ("ja-JP", "en")],
)
@pytest.mark.parametrize("down", [set(), {"capture"}], ids=["up", "no-capture"])
def test_the_notice_is_in_the_language_of_the_person(
    world: World, down: set[str], locale: str, language: str
) -> None:
    """Also when the workflow has to find the words itself, because capture is down."""
    world.down = down

    assert world.turn(TELLING, locale=locale)["body"]["disclosure"]["text"] == notice("start", language)


def test_whoever_changes_their_language_is_told_in_the_new_one(world: World) -> None:
    """The language of hours ago may be that of somebody else at the same screen."""
    session_id = world.turn(TELLING, locale="en-US")["body"]["session_id"]
    world.later(HOURS)

    told = world.turn("¡Hola!", session_id=session_id, locale="es-MX")["body"]["disclosure"]

    assert told == {"text": notice("interval", "es"), "reason": "interval"}


def test_within_three_hours_it_is_said_once_and_then_again(world: World) -> None:
    """At every message it would be noise that nobody reads."""
    session_id = world.turn(TELLING)["body"]["session_id"]
    told = []
    for pause in (60, HOURS - 61, 1, 60, HOURS):
        world.later(pause)
        told.append((world.turn("Hello!", session_id=session_id)["body"]["disclosure"] or {}).get("reason"))

    assert told == [None, None, "interval", None, "interval"]
    assert [event["disclosure"] for event in world.events()] == ["start", *told]


def test_a_repeated_turn_carries_the_same_notice(world: World) -> None:
    """An answer that was lost on its way is the answer that the person has not seen."""
    first = world.turn(TELLING, key="key-1")
    world.later(HOURS + 1)
    again = world.turn(TELLING, key="key-1")

    assert again["body"] == first["body"]
    assert again["body"]["disclosure"] == START


def test_a_notice_that_could_not_be_written_down_is_given_again(world: World) -> None:
    """Twice does no harm; not at all would break the law."""
    world.down = {"record", "queue"}
    session_id = world.turn(TELLING)["body"]["session_id"]
    world.down = set()
    world.later(60)

    assert world.turn("Hello!", session_id=session_id)["body"]["disclosure"] == START


def test_a_record_that_comes_late_takes_nothing_back(world: World) -> None:
    """A turn from the queue is hours old; the session has been told since."""
    session_id = world.turn(TELLING)["body"]["session_id"]
    world.later(HOURS)
    world.down = {"record"}
    world.turn("Hello!", session_id=session_id)
    world.down = set()
    world.later(60)
    assert world.turn("Hello!", session_id=session_id)["body"]["disclosure"]["reason"] == "interval"
    told_at = world.store.sessions[session_id].state.disclosed_at

    world.redrive()

    assert world.store.sessions[session_id].state.turn_count == 3
    assert world.store.sessions[session_id].state.disclosed_at == told_at


def test_a_session_of_an_earlier_version_is_told_at_its_next_turn(world: World) -> None:
    """It was opened before notices were counted."""
    session_id = world.turn(TELLING)["body"]["session_id"]
    session = world.store.sessions[session_id]
    world.store.sessions[session_id] = replace(session, state=replace(session.state, disclosed_at=""))

    assert world.turn("Hello!", session_id=session_id)["body"]["disclosure"] == START
