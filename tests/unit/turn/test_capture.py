"""Capture by itself: what is claimed and stored in which order, and what a turn is told of its session."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from silent_infinity.adapters.memory.claims import MemoryClaimStore
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.conversations import MemoryConversationStore
from silent_infinity.adapters.memory.limits import MemoryLimitStore
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.memory.user_salt import MemoryUserSalt
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.ids import user_id_hash, uuid7
from silent_infinity.domain.turn import SessionState, Turn, Utterance
from silent_infinity.domain.variants import BUCKETS, Variant
from silent_infinity.ports.conversations import Session, StoredTurn
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.limits import LimitPolicy
from silent_infinity.usecases.capture_message import (
    HISTORY_TURNS,
    Captured,
    CaptureMessage,
    CapturePolicy,
    CaptureRequest,
)
from tests.support.world import GENEROUS, START, TELLING, Crash, World

SESSION = "00000000-0000-4000-8000-000000000001"
USER = user_id_hash("salt", "person-1")
HISTORY_LIMIT = 64_000
PRODUCTION = Variant("LLM_MODEL", "prod", "production", config={"model_id": "claude-sonnet-4-6"})
ARM = Variant("LLM_MODEL", "arm", "canary", ranges=((0, BUCKETS),), config={"model_id": "claude-opus-4-7"})


@pytest.fixture
def world() -> World:
    """A world in which everything is up."""
    return World()


def _request(
    message: str = TELLING, *, claim: str = "claim-1", execution: str = "execution-1", **body: Any
) -> CaptureRequest:
    return CaptureRequest(
        body={"message": message, **body},
        subject="person-1",
        token_use="id",
        claim_key=claim,
        execution_id=execution,
    )


def _accepted(captured: Captured) -> Turn:
    assert captured.outcome == "accepted"
    assert captured.turn is not None
    return captured.turn


def _over(world: World, conversations: Any, limits: LimitPolicy = GENEROUS) -> CaptureMessage:
    """Return the capture over another store of conversations."""
    return CaptureMessage(
        validator=JsonSchemaValidator(),
        conversations=conversations,
        claims=MemoryClaimStore(world.store),
        limits=MemoryLimitStore(world.store),
        variants=world.variants,
        salt=MemoryUserSalt(),
        clock=world.clock,
        randomness=SeededRandomness(1),
        policy=CapturePolicy(limits=limits, retention_days=30),
    )


def _session(**fields: Any) -> Session:
    known: dict[str, Any] = {"state": SessionState(turn_count=1), **fields}
    return Session(SESSION, USER, START.isoformat(), START.isoformat(), 2_000_000_000, **known)


def _with_session(world: World, *turns: tuple[str, str], **fields: Any) -> None:
    """Put a session with these messages and replies into the store."""
    world.store.sessions[SESSION] = _session(**fields)
    world.store.turns[SESSION] = {}
    for number, (message, reply) in enumerate(turns):
        turn_id = uuid7(number + 1, bytes(10))
        world.store.turns[SESSION][turn_id] = StoredTurn(
            turn_id, SESSION, message, START.isoformat(), 2_000_000_000, reply=reply
        )


def test_a_token_that_names_nobody_is_refused(world: World) -> None:
    """Everybody without a subject would be one and the same person, and read each other's sessions."""
    captured = world.capture_message(replace(_request(), subject=""))

    assert captured.response is not None
    assert captured.response.status_code == 401
    assert world.store.claims == {}


def test_a_message_of_which_nothing_is_left_is_invalid(world: World) -> None:
    """Control characters pass the schema; what remains after cleaning is no message."""
    captured = world.capture_message(_request("\x00\x07"))

    assert captured.response is not None
    assert captured.response.status_code == 400
    assert world.store.claims == {}


def test_a_deleted_session_is_refused_before_anything_is_claimed(world: World) -> None:
    """Whoever deleted a session must not find a new trace of it anywhere."""
    _with_session(world, deleted=True)

    captured = world.capture_message(_request(session_id=SESSION))

    assert captured.response is not None
    assert captured.response.status_code == 404
    assert world.store.claims == {}
    assert world.store.turns[SESSION] == {}


def test_a_session_that_is_deleted_meanwhile_gives_the_claim_back(world: World) -> None:
    """Nobody works on the claim any more, so nobody shall wait for it."""
    _with_session(world)

    def delete(point: str) -> None:
        if point == "before store_message":
            world.store.sessions[SESSION] = _session(deleted=True)

    world.on_write = delete
    captured = world.capture_message(_request(session_id=SESSION))

    assert captured.response is not None
    assert captured.response.status_code == 404
    assert world.store.claims["claim-1"].lease_until_ms <= START.timestamp() * 1000


def test_the_message_is_stored_before_anything_else_is_counted(world: World) -> None:
    """A process that dies while it counts has lost no word of what was said."""

    def die(point: str) -> None:
        if point == "before take_turn":
            raise Crash

    world.on_write = die
    with pytest.raises(Crash):
        world.capture_message(_request())

    assert [turn.message for turns in world.store.turns.values() for turn in turns.values()] == [TELLING]


def test_a_secret_is_never_stored_not_even_until_the_turn_is_recorded(world: World) -> None:
    """The record replaces the message later, if it is ever written; a key is stolen in the meantime."""
    secret = "AKIA" + "IOSFODNN7EXAMPLE"
    turn = _accepted(world.capture_message(_request(f"my key is {secret}")))

    assert turn.blocked
    assert secret not in repr(world.store)


def test_an_execution_waits_for_another_until_its_lease_is_over(world: World) -> None:
    """Half a minute is longer than any execution lives; before that, taking over would answer twice."""
    first = _accepted(world.capture_message(_request()))
    world.later(29)
    early = world.capture_message(_request(execution="execution-2"))
    world.later(2)
    late = _accepted(world.capture_message(_request(execution="execution-2")))

    assert early.outcome == "in_progress"
    assert early.claim_key == "claim-1"
    assert (late.turn_id, late.session_id) == (first.turn_id, first.session_id)


def test_a_function_that_is_called_again_by_the_same_execution_goes_on(world: World) -> None:
    """Step Functions retries a function that timed out: it must not wait for itself."""
    first = _accepted(world.capture_message(_request()))
    again = _accepted(world.capture_message(_request()))

    assert again.turn_id == first.turn_id


def test_of_two_that_want_to_take_over_only_one_does(world: World) -> None:
    """Both saw that the lease was over; the store decides, and the loser waits."""
    world.capture_message(_request())
    world.later(31)

    def overtake(point: str) -> None:
        if point == "before take_over":
            world.on_write = lambda _point: None
            assert world.capture_message(_request(execution="execution-3")).outcome == "accepted"

    world.on_write = overtake

    assert world.capture_message(_request(execution="execution-2")).outcome == "in_progress"


def test_a_claim_without_a_body_is_answered_whatever_the_body_is(world: World) -> None:
    """A claim that was made late, from the queue, does not know what was sent: it still has a reply."""
    _accepted(world.capture_message(_request()))
    claim = world.store.claims["claim-1"]
    world.store.claims["claim-1"] = replace(claim, body_hash="", answer='{"turn_id": "t"}')

    captured = world.capture_message(_request("Something else."))

    assert captured.outcome == "replayed"
    assert captured.response is not None
    assert (captured.response.status_code, captured.response.body) == (200, '{"turn_id": "t"}')


def test_a_claim_is_remembered_for_a_day_and_a_message_for_as_long_as_was_promised(world: World) -> None:
    """Both are personal: they go by themselves, and not before the client has stopped retrying."""
    turn = _accepted(world.capture_message(_request()))
    now = int(START.timestamp())

    assert world.store.claims["claim-1"].expires_at == now + 24 * 3600
    assert world.store.sessions[turn.session_id].expires_at == now + 30 * 86_400
    stored = world.store.turns[turn.session_id][turn.turn_id]
    assert stored.expires_at == now + 30 * 86_400
    assert stored.claim_key == "claim-1"  # or a deletion would not find the reply in the claim


def test_with_the_limits_down_the_person_is_answered_and_nothing_is_settled(world: World) -> None:
    """No reservation was made, so none may be corrected later."""
    world.store.unavailable = {"limits"}

    turn = _accepted(world.capture_message(_request()))

    assert not turn.limited
    assert turn.degraded == ("limits",)
    assert turn.reserved_tokens == 0


def test_a_limited_turn_reserves_nothing(world: World) -> None:
    """Settling a reservation that was never made would give tokens away."""
    tight = LimitPolicy(turns_per_minute=1, burst=1, tokens_per_day=10**6, reserve_tokens=2500)
    capture = _over(world, MemoryConversationStore(world.store), tight)

    first = _accepted(capture(_request()))
    second = _accepted(capture(_request(claim="claim-2")))

    assert (first.limited, first.reserved_tokens) == (False, 2500)
    assert (second.limited, second.reserved_tokens) == (True, 0)
    assert second.limit.reason == "rate"


class _Forgetful(MemoryConversationStore):
    """Stores and finds, but cannot list turns."""

    def recent_turns(self, session_id: str, limit: int) -> tuple[StoredTurn, ...]:
        raise StoreUnavailableError("Unavailable")


def test_without_its_history_a_turn_goes_on_and_says_so(world: World) -> None:
    """A reply that knows only this message is better than none; whoever judges it must know."""
    _with_session(world, ("earlier", "a reply"))

    turn = _accepted(_over(world, _Forgetful(world.store))(_request(session_id=SESSION)))

    assert turn.history == ()
    assert turn.degraded == ("history",)


def test_a_message_is_not_its_own_history(world: World) -> None:
    """It was stored by the attempt that died; the model would read it twice."""
    _with_session(world, ("earlier", "a reply"))
    _accepted(world.capture_message(_request(session_id=SESSION)))
    world.later(31)

    again = _accepted(world.capture_message(_request(session_id=SESSION, execution="execution-2")))

    assert again.history == (Utterance("user", "earlier"), Utterance("assistant", "a reply"))


WORDS = st.builds(lambda unit, count: unit * count, st.sampled_from("aü漢😀"), st.integers(1, 9000))
CONVERSATIONS = st.lists(st.tuples(WORDS, st.one_of(st.just(""), WORDS)), max_size=2 * HISTORY_TURNS)


@settings(max_examples=60, deadline=None)
@given(CONVERSATIONS)
@example([("😀" * 2000, "漢" * 2500)] * 14)
@example([("a", "b"), ("ü" * 32_000, ""), ("c", "d")])
@example([(f"message {number}", f"reply {number}") for number in range(20)])
def test_the_history_is_the_end_of_the_conversation_in_order_and_always_fits(
    turns: list[tuple[str, str]],
) -> None:
    """Step Functions ends an execution whose payload is too large; a gap or another order makes no sense."""
    world = World()
    _with_session(world, *turns)

    history = _accepted(world.capture_message(_request(session_id=SESSION))).history

    told = [
        [Utterance("user", message)] + ([Utterance("assistant", reply)] if reply else [])
        for message, reply in turns
    ]
    ends = [tuple(u for pair in told[start:] for u in pair) for start in range(len(told) + 1)]
    assert len("".join(utterance.text for utterance in history).encode()) < HISTORY_LIMIT
    assert history in ends[-HISTORY_TURNS - 1 :]
    # And no shorter than it has to be: a conversation that forgets without need is none.
    longer = ends[: ends.index(history)][-1:]
    if longer and len(turns) - ends.index(history) < HISTORY_TURNS:
        assert len("".join(utterance.text for utterance in longer[0]).encode()) > 60_000


def test_a_turn_knows_where_its_session_stands(world: World) -> None:
    """Posture, counters and language come from the session; a crisis does not begin anew each time."""
    posture = Posture(active=True, level=3, peak=3, calm_turns=1, version=4)
    state = SessionState(turn_count=4, last_kind="crisis", used_reply_ids=("a", "b"))
    _with_session(world, posture=posture, state=state, locale="en-GB")

    turn = _accepted(world.capture_message(_request(session_id=SESSION)))

    assert (turn.posture, turn.session, turn.locale) == (posture, state, "en-GB")


def test_the_locale_of_a_message_comes_before_that_of_its_session(world: World) -> None:
    """Help lines follow the person, who may have travelled."""
    _with_session(world, locale="en-GB")

    turn = _accepted(world.capture_message(_request(session_id=SESSION, locale="hi-IN")))

    assert turn.locale == "hi-IN"


def test_variants_of_a_registry_that_is_down_are_marked(world: World) -> None:
    """Nobody may judge an experiment by turns that could not know whether it was still running."""
    world.variants.stale = True

    assert _accepted(world.capture_message(_request())).degraded == ("variants",)


def test_a_session_keeps_its_arm_when_the_next_one_gets_another(world: World) -> None:
    """A ramp in the middle of a conversation would mix two treatments in one unit."""
    world.variants.replace([PRODUCTION])
    before = _accepted(world.capture_message(_request()))
    world.store.sessions[before.session_id] = replace(
        world.store.sessions[before.session_id], state=SessionState(turn_count=1)
    )
    world.variants.replace([PRODUCTION, ARM])

    kept = _accepted(world.capture_message(_request(claim="claim-2", session_id=before.session_id)))
    fresh = _accepted(world.capture_message(_request(claim="claim-3")))

    assert kept.variants["LLM_MODEL"].variant_id == "prod"
    assert fresh.variants["LLM_MODEL"].variant_id == "arm"
    assert fresh.production["LLM_MODEL"].variant_id == "prod"


def test_whoever_takes_over_keeps_the_arm_that_was_assigned_first(world: World) -> None:
    """The session was opened by the attempt that died: its assignment stands."""
    world.variants.replace([PRODUCTION])
    first = _accepted(world.capture_message(_request()))
    world.variants.replace([PRODUCTION, ARM])
    world.later(31)

    second = _accepted(world.capture_message(_request(execution="execution-2")))

    assert second.session_id == first.session_id
    assert second.variants["LLM_MODEL"].variant_id == "prod"


class _Slow(MemoryConversationStore):
    """Takes its time, a different one for each kind of call."""

    def __init__(self, world: World, clock: FixedClock) -> None:
        super().__init__(world.store)
        self._wait: Callable[[float], None] = clock.advance

    def find_session(self, session_id: str) -> Session | None:
        self._wait(0.003)
        return super().find_session(session_id)

    def recent_turns(self, session_id: str, limit: int) -> tuple[StoredTurn, ...]:
        self._wait(0.005)
        return super().recent_turns(session_id, limit)

    def store_message(self, session: Session, turn: StoredTurn) -> None:
        self._wait(0.070)
        super().store_message(session, turn)


def test_time_is_told_by_where_it_went() -> None:
    """Whoever looks for what makes turns slow must not look in the wrong place."""
    clock = FixedClock(START)
    world = World(clock=clock)
    _with_session(world)

    turn = _accepted(_over(world, _Slow(world, clock))(_request(session_id=SESSION)))

    assert (turn.timings.db_read_ms, turn.timings.db_write_ms) == (8, 70)
    assert datetime.fromisoformat(turn.received_at) - START < timedelta(milliseconds=1)
