"""Invariant 3: one generation served and recorded, one turn event, one reply, whatever dies and however often
the request is sent.

The real state machine runs over the real use cases, on in-memory stores. The crash points are not chosen: a
first run lists every state and every write, and each of them is made the last one in a run of its own.
"""

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from silent_infinity.adapters.memory.conversations import MemoryConversationStore
from silent_infinity.ports.conversations import Session
from tests.support.asl import StateError
from tests.support.world import TELLING, Crash, ScriptedModel, World

LEASE_SECONDS = 31


def _world() -> World:
    return World(ScriptedModel())


def _points(world: World) -> list[str]:
    points: list[str] = []
    world.on_write = points.append
    world.turn(TELLING, key="key-1", on_state=lambda name: points.append(f"state {name}"))
    return points


@cache
def _all_points() -> tuple[str, ...]:
    return tuple(_points(_world()))


def _die_at(world: World, number: int, error: Callable[[], BaseException]) -> Callable[[str], None]:
    seen = [0]

    def visit(_point: str) -> None:
        seen[0] += 1
        if seen[0] == number + 1:
            raise error()

    world.on_write = visit
    return lambda name: visit(f"state {name}")


def _assert_once(world: World, answer: dict[str, Any]) -> None:
    events = world.events()
    assert len(events) == 1
    assert events[0]["turn_id"] == answer["turn_id"]
    turns = world.store.turns[answer["session_id"]]
    assert [turn.reply for turn in turns.values()] == [answer["reply"]["text"]]
    assert world.store.sessions[answer["session_id"]].state.turn_count == 1
    assert all(claim.record is None for claim in world.store.claims.values())
    assert not world.queue


def test_a_turn_passes_every_kind_of_crash_point() -> None:
    """The enumeration below is worth nothing if the points are not there."""
    points = _all_points()

    assert "after put_if_absent" in points
    assert "after store_message" in points
    assert "after complete" in points
    assert "after record" in points
    assert "state Generate a reply" in points
    assert len(points) >= 20


@pytest.mark.parametrize("number", range(len(_all_points())))
def test_an_execution_that_dies_anywhere_leaves_one_turn_after_a_retry(number: int) -> None:
    """The process is gone: the client sends the same request again, once the dead one's lease is over."""
    world = _world()
    die = _die_at(world, number, Crash)
    with pytest.raises(Crash):
        world.turn(TELLING, key="key-1", on_state=die)
    world.on_write = lambda _point: None
    world.later(LEASE_SECONDS)

    answer = world.turn(TELLING, key="key-1")["body"]
    again = world.turn(TELLING, key="key-1")["body"]

    assert again == answer
    _assert_once(world, answer)


@pytest.mark.parametrize("number", range(sum(not point.startswith("state ") for point in _all_points())))
def test_a_function_that_dies_at_any_write_leaves_one_turn(number: int) -> None:
    """The function is gone but the workflow goes on; what could not be recorded waits in the queue."""
    world = _world()
    _die_at(world, number, lambda: StateError("Lambda.Unknown"))

    answer = world.turn(TELLING, key="key-1")["body"]
    world.on_write = lambda _point: None
    world.redrive()
    again = world.turn(TELLING, key="key-1")["body"]

    assert answer["reply"]["text"]
    assert again == answer
    _assert_once(world, answer)


@pytest.mark.parametrize("store", ["turn_events", "claims", "conversations"])
def test_a_store_that_refuses_writes_while_recording_loses_no_turn(store: str) -> None:
    """The record lands in the queue, and the redrive restores it exactly once, however often it runs."""
    world = _world()
    world.on_call = lambda name: world.store.unavailable.add(store) if name == "record" else None

    answer = world.turn(TELLING, key="key-1")["body"]
    assert len(world.queue) == 1
    world.redrive()
    assert len(world.queue) == 1
    world.store.unavailable.clear()
    world.queue.append(world.queue[0])
    world.redrive()

    assert answer["reply"]["kind"] == "answer"
    _assert_once(world, answer)


def test_a_turn_without_any_store_is_still_answered_and_recorded_later() -> None:
    """Capture could not even claim it; the record is made whole when the stores are back."""
    world = _world()
    world.store.unavailable.update({"conversations", "claims", "limits", "turn_events"})

    answer = world.turn(TELLING, key="key-1")["body"]
    world.store.unavailable.clear()
    world.redrive()

    assert answer["reply"]["text"]
    assert [event["turn_id"] for event in world.events()] == [answer["turn_id"]]


def test_a_request_that_is_sent_again_while_everything_is_down_is_one_turn_in_the_end() -> None:
    """Neither claimed nor recorded, several times over: the queue still knows that it was one request."""
    world = _world()
    world.down = {"capture", "record"}
    answers = [world.turn(TELLING, key="key-1") for _ in range(3)]
    world.down = set()
    world.redrive()
    late = world.turn(TELLING, key="key-1")

    assert [answer["status_code"] for answer in [*answers, late]] == [200] * 4
    assert len(world.events()) == 1
    assert late["body"]["turn_id"] == world.events()[0]["turn_id"]
    assert not world.queue


@pytest.mark.parametrize("point", ["after take_turn", "before complete", "after complete"])
def test_a_turn_that_is_made_again_is_counted_once_against_the_budget(point: str) -> None:
    """A retry must not cost a person a turn's worth of tokens for the rest of the day."""
    world = _world()
    world.on_write = lambda name: _raise(Crash()) if name == point else None
    with pytest.raises(Crash):
        world.turn(TELLING, key="key-1")
    world.on_write = lambda _point: None
    world.later(LEASE_SECONDS)

    world.turn(TELLING, key="key-1")

    [counters] = world.store.counters.values()
    assert counters.used_tokens == 120


def test_a_pasted_secret_waits_in_no_queue() -> None:
    """What is kept for later is kept as it may be stored."""
    world = _world()
    world.down = {"record"}
    secret = "AKIA" + "IOSFODNN7EXAMPLE"

    world.turn(f"my key is {secret} can you keep it")

    assert len(world.queue) == 1
    assert secret not in repr(world.queue)
    assert "my key is" in repr(world.queue)


def test_the_same_request_twenty_times_at_once_is_one_turn() -> None:
    """Impatient clients and retrying proxies send the same message side by side."""
    # The clock stands still, so that no lease runs out however slow this machine is; waiting is real.
    world = World(_SlowModel(), sleep=lambda _seconds: time.sleep(0.01))
    answers: list[dict[str, Any]] = []
    barrier = threading.Barrier(20)

    def send() -> None:
        barrier.wait()
        answers.append(world.turn(TELLING, key="key-1"))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer["status_code"] for answer in answers] == [200] * 20
    assert len({answer["body"]["turn_id"] for answer in answers}) == 1
    assert len({answer["body"]["reply"]["text"] for answer in answers}) == 1
    assert len(world.model.requests) == 1  # type: ignore[attr-defined]  # the scripted model counts
    _assert_once(world, answers[0]["body"])


def test_concurrent_turns_of_one_session_lose_no_counter() -> None:
    """Two devices write at once: each turn counts, and the session's posture is advanced by both."""
    world = _world()
    session_id = world.turn(TELLING)["body"]["session_id"]
    clashes = [2]

    def clash(point: str) -> None:
        if point == "before record" and clashes[0]:
            clashes[0] -= 1
            world.on_write = lambda _point: None
            world.turn("And my brother calls me about it every single evening.", session_id=session_id)
            world.on_write = clash

    world.on_write = clash
    world.turn("I think I was too hard on her back then.", session_id=session_id)

    assert len(world.events()) == 4
    assert world.store.sessions[session_id].state.turn_count == 4


def test_recording_does_not_read_again_what_capture_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person is waiting: a session is read a second time only when it has changed in between."""
    world = _world()
    stage = [""]
    reads: list[str] = []
    find = MemoryConversationStore.find_session

    def counted(store: MemoryConversationStore, session_id: str) -> Session | None:
        reads.append(stage[0])
        return find(store, session_id)

    monkeypatch.setattr(MemoryConversationStore, "find_session", counted)
    world.on_call = lambda name: stage.__setitem__(0, name)
    session_id = world.turn(TELLING)["body"]["session_id"]
    world.turn("And my brother calls me about it every single evening.", session_id=session_id)

    assert reads == ["capture"]
    assert world.store.sessions[session_id].state.turn_count == 2


def test_a_key_that_is_used_for_another_message_is_refused() -> None:
    """A client that mixes up its keys must learn it, not get somebody's earlier reply."""
    world = _world()
    world.turn(TELLING, key="key-1")

    refused = world.turn("Something else entirely.", key="key-1")

    assert refused["status_code"] == 422
    assert refused["body"]["type"] == "urn:silent-infinity:problem:idempotency-key-reused"
    assert refused["body"]["help"]["resources"]


def test_a_limited_turn_can_be_sent_again_with_the_same_key() -> None:
    """Being asked to wait must not use up the key."""
    from silent_infinity.ports.limits import LimitPolicy

    world = World(
        ScriptedModel(), LimitPolicy(turns_per_minute=6, burst=1, tokens_per_day=10**9, reserve_tokens=1)
    )
    world.turn(TELLING, key="key-0")

    limited = world.turn("And another thing about the funeral.", key="key-1")
    world.later(int(limited["headers"]["Retry-After"]))
    answered = world.turn("And another thing about the funeral.", key="key-1")

    assert limited["status_code"] == 429
    assert answered["status_code"] == 200
    assert len(world.events()) == 2


def _raise(error: BaseException) -> None:
    raise error


class _SlowModel(ScriptedModel):
    """Long enough that the others arrive while the first is still at work."""

    def complete(self, request: Any) -> Any:
        time.sleep(0.1)
        return super().complete(request)
