"""What people do with a session besides talking in it: read, rate, delete. Only ever their own."""

import json
from typing import Any

import pytest

from silent_infinity.adapters.memory.claims import MemoryClaimStore
from silent_infinity.adapters.memory.conversations import MemoryConversationStore
from silent_infinity.adapters.memory.feedback import MemoryFeedbackStore
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.memory.summaries import MemorySummaryStore
from silent_infinity.adapters.memory.user_salt import MemoryUserSalt
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.ids import user_id_hash
from silent_infinity.domain.problems import HttpResponse
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.feedback import Feedback
from silent_infinity.ports.summaries import Summary, SummaryState
from silent_infinity.usecases.capture_message import CaptureRequest
from silent_infinity.usecases.give_feedback import GiveFeedback
from silent_infinity.usecases.sessions import DeleteSession, ReadSession
from tests.support.world import START, TELLING, World

ACTIVE_RISK = "I want to die and I have been planning it."
NOW = int(START.timestamp())


@pytest.fixture
def world() -> World:
    """A world in which everything is up."""
    return World()


def _read(world: World, session_id: str, subject: str = "person-1") -> HttpResponse:
    read = ReadSession(conversations=MemoryConversationStore(world.store), salt=MemoryUserSalt())
    return read(subject, session_id)


def _delete(world: World, session_id: str, subject: str = "person-1") -> HttpResponse:
    delete = DeleteSession(
        conversations=MemoryConversationStore(world.store),
        claims=MemoryClaimStore(world.store),
        feedback=MemoryFeedbackStore(world.store),
        summaries=MemorySummaryStore(world.store),
        salt=MemoryUserSalt(),
        clock=world.clock,
    )
    return delete(subject, session_id)


def _rate(world: World, body: dict[str, Any], subject: str = "person-1") -> HttpResponse:
    rate = GiveFeedback(
        validator=JsonSchemaValidator(),
        conversations=MemoryConversationStore(world.store),
        feedback=MemoryFeedbackStore(world.store),
        salt=MemoryUserSalt(),
        metrics=world.metrics,
        clock=world.clock,
        randomness=SeededRandomness(3),
        retention_days=30,
        environment="test",
    )
    return rate(subject, body)


def _feedback(world: World) -> list[Feedback]:
    return list(world.store.feedback.values())


def test_a_session_is_read_as_it_was_spoken(world: World) -> None:
    """Messages, replies and levels, in order; what waits for its reply has none yet."""
    first = world.turn(TELLING, locale="en-GB")["body"]
    world.later(1)
    second = world.turn(ACTIVE_RISK, session_id=first["session_id"])["body"]
    world.later(1)
    world.capture_message(
        CaptureRequest(
            {"message": "And then", "session_id": first["session_id"]}, "person-1", "id", "claim-x", "e-x"
        )
    )

    session = json.loads(_read(world, first["session_id"]).body)

    assert session["session_id"] == first["session_id"]
    assert session["locale"] == "en-GB"
    assert [turn["message"] for turn in session["turns"]] == [TELLING, ACTIVE_RISK, "And then"]
    assert [turn["reply"] for turn in session["turns"]] == [first["reply"], second["reply"], None]
    levels = [turn["crisis_level"] for turn in session["turns"]]
    assert [level >= 2 for level in levels] == [False, True, False]


def test_nobody_reads_rates_or_deletes_what_is_another_persons(world: World) -> None:
    """404 in every case: whether it exists is nobody else's business, and nothing has changed."""
    answer = world.turn(TELLING)["body"]
    session_id = answer["session_id"]
    before = repr(world.store)

    refused = [
        _read(world, session_id, "person-2"),
        _delete(world, session_id, "person-2"),
        _rate(world, {"session_id": session_id, "nps": 1}, "person-2"),
    ]

    assert [response.status_code for response in refused] == [404, 404, 404]
    assert {json.loads(response.body)["type"] for response in refused} == {
        "urn:silent-infinity:problem:session-not-found"
    }
    assert repr(world.store) == before
    assert TELLING not in "".join(response.body for response in refused)


def test_a_deleted_session_is_gone_for_its_owner_too(world: World) -> None:
    """A tombstone is there to refuse late writes, not to be shown."""
    session_id = world.turn(TELLING)["body"]["session_id"]
    _delete(world, session_id)

    again = [_read(world, session_id), _rate(world, {"session_id": session_id, "nps": 1})]

    assert [response.status_code for response in again] == [404, 404]
    assert _feedback(world) == []


def test_a_deletion_that_died_half_way_is_finished_by_sending_it_again(world: World) -> None:
    """The session is buried first; whoever hears of no success asks again, and nothing may be left then."""
    session_id = world.turn(TELLING, key="key-1")["body"]["session_id"]
    MemoryConversationStore(world.store).bury_session(session_id, START.isoformat(), 2_000_000_000)

    finished = _delete(world, session_id)
    once_more = _delete(world, session_id)

    assert json.loads(finished.body)["turns_deleted"] == 1
    assert json.loads(once_more.body)["turns_deleted"] == 0
    assert TELLING not in repr(world.store)


def test_a_message_that_arrives_during_the_deletion_leaves_nothing_behind(world: World) -> None:
    """Captured just before the session was buried, recorded just after it was gone."""
    session_id = world.turn(TELLING)["body"]["session_id"]
    late = "Something that I wrote a moment before I deleted all of this."

    def delete_before_recording(name: str) -> None:
        if name == "record":
            _delete(world, session_id)

    world.on_call = delete_before_recording

    answer = world.turn(late, session_id=session_id, key="key-late")

    assert answer["status_code"] == 200
    assert len(world.events()) == 2
    assert late not in repr(world.store)
    assert answer["body"]["reply"]["text"] not in repr(world.store)


def test_deleting_leaves_no_word_anywhere_and_a_tombstone_for_a_month(world: World) -> None:
    """Messages, replies, feedback, and the answers that a replayed key would bring back."""
    answer = world.turn(TELLING, key="key-1")["body"]
    session_id = answer["session_id"]
    world.turn(ACTIVE_RISK, session_id=session_id, key="key-2")
    _rate(world, {"session_id": session_id, "text": "My sister would laugh."})

    response = _delete(world, session_id)

    assert json.loads(response.body) == {
        "session_id": session_id,
        "turns_deleted": 2,
        "feedback_deleted": 1,
        "summaries_deleted": 0,
    }
    left = repr(world.store)
    assert TELLING not in left
    assert answer["reply"]["text"] not in left
    assert "My sister" not in left
    assert world.store.claims == {}
    tombstone = world.store.sessions[session_id]
    assert tombstone.deleted
    assert tombstone.expires_at == NOW + 30 * 86_400


@pytest.mark.parametrize("down", ["claims", "feedback"])
def test_a_deletion_that_was_interrupted_is_finished_by_sending_it_again(world: World, down: str) -> None:
    """The turns name the claims: were they gone first, nobody could find the answers any more."""
    answer = world.turn(TELLING, key="key-1")["body"]
    _rate(world, {"session_id": answer["session_id"], "text": "My sister would laugh."})
    world.store.unavailable = {down}
    with pytest.raises(StoreUnavailableError):
        _delete(world, answer["session_id"])
    world.store.unavailable = set()

    assert _delete(world, answer["session_id"]).status_code == 200
    left = repr(world.store)
    assert answer["reply"]["text"] not in left
    assert "My sister" not in left


def test_what_is_recorded_after_a_deletion_brings_nothing_back(world: World) -> None:
    """The person deletes while a reply is on its way: the event counts, the words stay away."""
    session_id = world.turn(TELLING)["body"]["session_id"]

    def delete(point: str) -> None:
        if point == "before record":
            world.on_write = lambda _point: None
            _delete(world, session_id)

    world.on_write = delete
    late = "She used to call me every evening before that."
    world.turn(late, session_id=session_id, key="key-9")

    assert late not in repr((world.store.turns, world.store.sessions, world.store.events))
    assert len(world.events()) == 2


def _rate_asked(world: World, asked: str, answer: dict[str, Any], **about: Any) -> str | None:
    """Give feedback, asked for in this way; return the way that is kept with it."""
    world.later(1)
    body = {"session_id": answer["session_id"], "nps": 9, "rating_variant_id": asked, **about}
    assert _rate(world, body).status_code == 201
    return _feedback(world)[-1].rating_variant_id


def _refused(world: World) -> list[dict[str, str]]:
    return [dict(entry.dimensions) for entry in world.metrics.flushed if entry.name == "ExposuresRefused"]


def test_a_way_of_asking_that_was_not_assigned_is_left_out_and_counted(world: World) -> None:
    """The rating is the person's and is kept; the experiment must not be told of what it did not do."""
    answer = world.turn(TELLING)["body"]
    assigned = answer["client_variants"]["RATING_VARIANT"]["variant_id"]

    kept = _rate_asked(world, assigned, answer)
    refused_of_the_right_one = _refused(world)
    left_out = _rate_asked(world, "stars-5", answer)

    assert (kept, left_out) == (assigned, None)
    assert refused_of_the_right_one == []
    assert _refused(world) == [{"category": "RATING_VARIANT", "environment": "test"}]


@pytest.mark.parametrize("rated", ["the turn", "the session"])
def test_a_rating_in_a_crisis_is_no_part_of_an_experiment(world: World, rated: str) -> None:
    """Whatever is reported, right or wrong: nobody in a crisis is an observation."""
    calm = world.turn("Hello!")["body"]
    crisis = world.turn(ACTIVE_RISK, session_id=calm["session_id"])["body"]
    about = {"turn_id": crisis["turn_id"]} if rated == "the turn" else {}

    kept = [
        _rate_asked(world, answer["client_variants"]["RATING_VARIANT"]["variant_id"], answer, **about)
        for answer in (calm, crisis)
    ]

    assert kept == [None, None]
    assert _refused(world) == []


def test_a_turn_before_the_crisis_may_be_rated_as_it_was(world: World) -> None:
    """The turn decides, where one is named."""
    calm = world.turn("Hello!")["body"]
    world.turn(ACTIVE_RISK, session_id=calm["session_id"])
    asked = calm["client_variants"]["RATING_VARIANT"]["variant_id"]

    assert _rate_asked(world, asked, calm, turn_id=calm["turn_id"]) == asked


def test_feedback_is_kept_as_it_was_given(world: World) -> None:
    """A rating in the place of a score would look plausible and be wrong."""
    answer = world.turn(TELLING)["body"]
    response = _rate(
        world,
        {
            "session_id": answer["session_id"],
            "turn_id": answer["turn_id"],
            "rating": 4,
            "nps": 9,
            "text": " It helped\x00 a lot\r\n ",
            "rating_variant_id": answer["client_variants"]["RATING_VARIANT"]["variant_id"],
        },
    )

    assert response.status_code == 201
    [kept] = _feedback(world)
    assert kept == Feedback(
        feedback_id=json.loads(response.body)["feedback_id"],
        session_id=answer["session_id"],
        user_id_hash=user_id_hash("salt", "person-1"),
        created_at=START.isoformat(),
        expires_at=NOW + 30 * 86_400,
        turn_id=answer["turn_id"],
        rating=4,
        nps=9,
        text="It helped a lot",
        rating_variant_id=answer["client_variants"]["RATING_VARIANT"]["variant_id"],
    )


def test_a_turn_of_another_session_cannot_be_rated(world: World) -> None:
    """Even if it is the same person's: the rating would count for the wrong conversation."""
    mine = world.turn(TELLING)["body"]
    other = world.turn(TELLING)["body"]

    refused = _rate(world, {"session_id": mine["session_id"], "turn_id": other["turn_id"], "rating": 1})

    assert refused.status_code == 404
    assert json.loads(refused.body)["type"] == "urn:silent-infinity:problem:turn-not-found"
    assert json.loads(refused.body)["help"]["resources"]
    assert _feedback(world) == []


@pytest.mark.parametrize("body", [{"nps": 11}, {"rating": 5}, {"session_id": "x"}, {}])
def test_feedback_that_breaks_its_schema_is_refused_without_being_quoted(
    world: World, body: dict[str, Any]
) -> None:
    """Numbers out of range would be averaged; a rating without a turn rates nothing."""
    session_id = world.turn(TELLING)["body"]["session_id"]

    refused = _rate(world, {"session_id": session_id, "text": "canary words", **body, "more": 1})

    assert refused.status_code == 400
    assert "canary words" not in refused.body
    assert _feedback(world) == []


def test_a_deletion_takes_the_summaries_that_tell_of_the_session(world: World) -> None:
    """A summary of a week is made of several sessions, and repeats what was said in each."""
    session_id = world.turn(TELLING)["body"]["session_id"]
    user = user_id_hash(MemoryUserSalt().salt(), "person-1")
    for week, sessions in {"2026-W46": ("other",), "2026-W47": ("other", session_id)}.items():
        MemorySummaryStore(world.store).claim(
            Summary(user, week, SummaryState.DUE, "run", 1, sessions, 2_000_000_000)
        )

    body = json.loads(_delete(world, session_id).body)

    assert body["summaries_deleted"] == 1
    assert [week for _, week in world.store.summaries] == ["2026-W46"]


def test_a_deletion_that_could_not_reach_the_summaries_can_be_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turns still name what has to go."""
    session_id = world.turn(TELLING)["body"]["session_id"]

    def down(*_: Any) -> int:
        raise StoreUnavailableError("Unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(MemorySummaryStore, "forget_session", down)
        with pytest.raises(StoreUnavailableError):
            _delete(world, session_id)

    assert json.loads(_delete(world, session_id).body)["turns_deleted"] == 1
