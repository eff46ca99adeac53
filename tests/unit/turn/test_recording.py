"""The record by itself: what becomes of each fact of a turn in event, session, budget and metrics."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.adapters.memory.store import Counters
from silent_infinity.domain.crisis.posture import Posture, advance
from silent_infinity.domain.ids import body_hash, user_id_hash
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.turn import (
    AssignedVariant,
    Block,
    CaptureTimings,
    Client,
    Draft,
    ModelCall,
    ModelLatency,
    ScreenModelCall,
    SessionOrigin,
    SessionState,
    Turn,
    Usage,
)
from silent_infinity.ports.claims import Claim
from silent_infinity.ports.conversations import Session
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from silent_infinity.ports.limits import LimitPolicy
from silent_infinity.usecases.record_turn import REMEMBERED_REPLY_IDS, Identity, Record, RecordRequest
from tests.support.world import START, TELLING, ScriptedModel, World

SESSION = "00000000-0000-4000-8000-000000000001"
TURN = "01930000-0000-7000-8000-000000000001"
USER = user_id_hash("salt", "person-1")
DAY = START.date().isoformat()


@pytest.fixture
def world() -> World:
    """A world in which everything is up, two seconds after the turn began."""
    world = World()
    world.later(2)
    return world


def _turn(**fields: Any) -> Turn:
    known: dict[str, Any] = {
        "turn_id": TURN,
        "session_id": SESSION,
        "message": TELLING,
        "received_at": START.isoformat(),
        "user_id_hash": USER,
        "claim_key": "claim-1",
        "locale": "en-GB",
        "client": Client(
            "/talk", "organic", "mobile", "safari", 40, {"MANDALA_FACE": "none", "TOPIC_HIERARCHY": "tabs"}
        ),
        "variants": {"LLM_MODEL": AssignedVariant("arm"), "SYSTEM_PROMPT": AssignedVariant("v3")},
        "production": {"LLM_MODEL": AssignedVariant("prod"), "SYSTEM_PROMPT": AssignedVariant("v2")},
        "assignment_version": 7,
        "degraded": ("history", "variants"),
        "timings": CaptureTimings(db_read_ms=3, db_write_ms=5, guardrail_ms=7, variant_ms=11),
        **fields,
    }
    return Turn(**known)


def _answer(**fields: Any) -> dict[str, Any]:
    return {
        "turn_id": TURN,
        "session_id": SESSION,
        "reply": {"text": "You keep going over it.", "kind": "answer"},
        "crisis": {"level": 0, "resources": []},
        "turn_class": "TC4",
        "intent": {"name": "share_feeling", "confidence": 0.75},
        "variants": {"LLM_MODEL": "arm"},
        "client_variants": {
            "MANDALA_FACE": {"variant_id": "none", "config": {}},
            "TOPIC_HIERARCHY": {"variant_id": "flat", "config": {}},
        },
        "quality": {"score": 0.875, "attempts": 2},
        "usage": {
            "model_id": "model-a",
            "tokens_input": 101,
            "tokens_output": 23,
            "tokens_cache_read": 5,
            "tokens_cache_write": 7,
            "cost_usd": 0.00125,
        },
        **fields,
    }


SCREEN_MODEL = {
    "model_id": "model-s",
    "provider": "scripted-s",
    "prompt_id": "crisis_screen/v1",
    "tokens_input": 201,
    "tokens_output": 12,
    "tokens_cache_read": 31,
    "tokens_cache_write": 37,
    "cost_usd": 0.0005,
    "ms": 410,
    "level": 1,
    "error": None,
}


CALL = ModelCall(
    turn_class="TC4",
    model_asked="model-x",
    model_answered="model-a",
    provider="scripted",
    prompt_id="reflective_mirror/1",
    prompt_sha="c0ffee",
    tokens_input=51,
    tokens_output=52,
    tokens_cache_read=53,
    tokens_cache_write=54,
    cost_usd=0.00055,
    ttft_ms=56,
    total_ms=57,
    outcome="ok",
    notes=("retry:1", "budget:reduced"),
)


def _record(**fields: Any) -> Record:
    known: dict[str, Any] = {
        "turn": _turn(),
        "answer": _answer(),
        "path": "generate",
        "started_at": (START - timedelta(milliseconds=10)).isoformat(),
        "replied_at": (START + timedelta(milliseconds=1200)).isoformat(),
        "screen": {
            "path": "clear",
            "level": 0,
            "screened_level": 1,
            "rule_ids": ["distress.sad"],
            "safe_exit": True,
            "degraded": [],
            "screen_ms": 13,
            "model": dict(SCREEN_MODEL),
        },
        "intent": {
            "intent_ms": 17,
            "sentiment": {"label": "negative", "score": -0.5},
            "entities": [
                {"type": "time", "start": 9, "end": 12},
                {"type": "person", "start": 3, "end": 8},
                {"type": "time", "start": 20, "end": 22},
            ],
        },
        "draft": Draft(
            text="You keep going over it.",
            source="model",
            attempt=2,
            model_id="model-a",
            provider="scripted",
            prompt_id="reflective_mirror/1",
            prompt_sha="c0ffee",
            usage=Usage(101, 23, 5, 7, 0.00125),
            latency=ModelLatency(llm_ttft_ms=190, llm_complete_ms=230),
            finish_reason="stop",
            exposures={"LLM_MODEL": "arm"},
            retry_count=1,
            model_calls=(CALL,),
            budget_level="reduced",
        ),
        "validation": {
            "acceptable": True,
            "parts": {"length": 1.0, "echo": 0.75},
            "failures": ["too_long"],
            "guard": {"triggered": True, "rule_ids": ["pii.phone"]},
            "guardrail_ms": 29,
        },
        "attempts": 2,
        "degraded": ("model", "variants"),
        **fields,
    }
    return Record(**known)


def _write(world: World, **fields: Any) -> dict[str, Any]:
    """Record a turn and return its event."""
    world.record_turn(RecordRequest(_record(**fields)))
    return world.store.events[TURN]


def test_what_was_tried_counts_as_used_whoever_answered(world: World) -> None:
    """People got a fallback because the arm's model failed: its bounds must see it."""
    draft = Draft(text="", source="composer", fallback_used=True, tried={"LLM_MODEL": "arm"})
    answer = _record().answer
    reserve = {**answer, "variants": {}}

    event = _write(world, draft=draft, answer=reserve)

    assert event["exposures"] == {"LLM_MODEL": "arm", "MANDALA_FACE": "none"}


def test_what_was_tried_in_a_crisis_is_no_exposure(world: World) -> None:
    """Its variants are production's, and it is part of no comparison."""
    draft = Draft(text="", source="none", fallback_used=True, tried={"CRISIS_FLOW_MODEL": "prod"})
    answer = _record().answer
    crisis = {**answer, "variants": {}, "crisis": {"level": 3, "resources": []}}

    event = _write(world, draft=draft, answer=crisis)

    assert event["exposures"] == {}


def test_every_field_of_the_event_is_the_fact_that_it_is_named_for(world: World) -> None:
    """Two fields in each other's place are noticed by nobody until a decision has been based on them."""
    assert to_payload(_write(world)) == {
        "schema_version": 1,
        "turn_id": TURN,
        "user_id_hash": USER,
        "conversation_id": SESSION,
        "session_id": SESSION,
        "timestamp": START.isoformat(),
        "recorded_at": (START + timedelta(seconds=2)).isoformat(),
        "turn_number": 1,
        "active_variants": {
            "LLM_MODEL": "arm",
            "SYSTEM_PROMPT": "v3",
            "MANDALA_FACE": "none",
            "TOPIC_HIERARCHY": "flat",
        },
        "exposures": {"LLM_MODEL": "arm", "MANDALA_FACE": "none"},
        "latency_ms": {
            "total_ms": 1210,
            "stt_ms": None,
            "llm_ttft_ms": 190,
            "llm_complete_ms": 230,
            "tts_ms": None,
            "network_ms": 40,
            "guardrail_ms": 36,
            "db_read_ms": 3,
            "db_write_ms": 5,
            "screen_ms": 13,
            "intent_ms": 17,
        },
        "tokens_input": 101,
        "tokens_output": 23,
        "tokens_cache_read": 5,
        "tokens_cache_write": 7,
        "cost_usd": 0.00125,
        "model_id": "model-a",
        "provider": "scripted",
        "prompt_id": "reflective_mirror/1",
        "prompt_sha": "c0ffee",
        "voice_id": None,
        "page_url": "/talk",
        "referrer_class": "organic",
        "device_class": "mobile",
        "browser": "safari",
        "region": "us-east-1",
        "locale": "en-GB",
        "environment": "test",
        "crisis_flag_level": 0,
        "screened_level": 1,
        "screen_rule_ids": ["distress.sad"],
        "screen_model": SCREEN_MODEL,
        "safe_exit": True,
        "referrals": 0,
        "session_referrals": 0,
        "referral_country": None,
        "disclosure": None,
        "guardrail_triggered": True,
        "guardrail_rule_id": "pii.phone",
        "guardrail_rule_ids": ["pii.phone"],
        "rating": None,
        "rating_variant_id": None,
        "feedback_text": None,
        "error_class": None,
        "error_message": None,
        "retry_count": 1,
        "turn_class": "TC4",
        "intent": "share_feeling",
        "intent_confidence": 0.75,
        "sentiment": "negative",
        "sentiment_score": -0.5,
        "entity_types": ["person", "time"],
        "path": "generate",
        "reply_kind": "answer",
        "reply_source": "model",
        "reply_id": None,
        "quality_score": 0.875,
        "quality_parts": {"length": 1.0, "echo": 0.75},
        "quality_failures": ["too_long"],
        "attempts": 2,
        "fallback_used": False,
        "degraded": ["history", "variants", "model"],
        "finish_reason": "stop",
        "model_calls": [
            {
                "turn_class": "TC4",
                "model_asked": "model-x",
                "model_answered": "model-a",
                "provider": "scripted",
                "prompt_id": "reflective_mirror/1",
                "prompt_sha": "c0ffee",
                "tokens_input": 51,
                "tokens_output": 52,
                "tokens_cache_read": 53,
                "tokens_cache_write": 54,
                "cost_usd": 0.00055,
                "ttft_ms": 56,
                "total_ms": 57,
                "outcome": "ok",
                "notes": ["retry:1", "budget:reduced"],
            }
        ],
        "budget_level": "reduced",
        "assignment_version": 7,
    }


def test_no_event_holds_a_word_that_was_said(world: World) -> None:
    """Invariant 4: events go to the lake, where free text never goes."""
    failed = replace(_draft(), error_class="ModelTimeoutError")
    event = _write(world, draft=failed, turn=_turn(block=Block("secrets.password", "Kind words.")))

    assert TELLING not in repr(event)
    assert "You keep going" not in repr(event)
    assert "Kind words" not in repr(event)
    assert event["error_class"] == "ModelTimeoutError"
    assert event["guardrail_rule_ids"] == ["secrets.password", "pii.phone"]


def _draft() -> Draft:
    draft = _record().draft
    assert draft is not None
    return draft


@pytest.mark.parametrize(
    ("level", "degraded", "in_force"),
    [
        (0, [], "arm"),
        (1, [], "arm"),
        (2, [], "prod"),
        (4, [], "prod"),
        (0, ["screen"], "prod"),
        (0, ["other"], "arm"),
    ],
)
def test_no_experiment_is_in_force_in_a_crisis_nor_for_an_unscreened_message(
    world: World, level: int, degraded: list[str], in_force: str
) -> None:
    """Invariant 2: such a turn must not count for any arm, from level 2 on, whatever was assigned."""
    screen = {"screened_level": level, "degraded": degraded}

    event = _write(world, answer=_answer(crisis={"level": level, "resources": []}), screen=screen)

    assert event["active_variants"]["LLM_MODEL"] == in_force


@pytest.mark.parametrize(
    ("kind", "path", "source"),
    [("answer", "generate", "model"), ("fallback", "generate", "generate"), ("crisis", "crisis", "crisis")],
)
def test_a_draft_that_was_not_served_is_not_the_source_of_the_reply(
    world: World, kind: str, path: str, source: str
) -> None:
    """Quality is compared by source: a vetted text must not be counted as a model's work."""
    event = _write(world, answer=_answer(reply={"text": "Other words.", "kind": kind}), path=path)

    assert event["reply_source"] == source
    assert event["fallback_used"] is (kind == "fallback")


def test_a_vetted_reply_counts_as_used_only_if_it_was_served(world: World) -> None:
    """The screen brings one along with every verdict; one that nobody saw may come next time."""
    vetted = {"reply_id": "crisis_1", "text": "I am here."}
    screen = {"screened_level": 3, "vetted_reply": vetted}
    event = _write(world, screen=screen)
    assert event["reply_id"] is None
    assert world.store.sessions[SESSION].state.used_reply_ids == ()

    answer = _answer(turn_id="t-2", reply={"text": "I am here.", "kind": "crisis"})
    world.record_turn(
        RecordRequest(_record(turn=_turn(turn_id="t-2", claim_key=""), screen=screen, answer=answer))
    )
    assert world.store.events["t-2"]["reply_id"] == "crisis_1"
    assert world.store.sessions[SESSION].state.used_reply_ids == ("crisis_1",)


def test_the_latest_used_replies_are_remembered_and_the_oldest_forgotten(world: World) -> None:
    """A session may be long; its item may not. What was said last must not be repeated next."""
    used = tuple(f"r{number}" for number in range(REMEMBERED_REPLY_IDS))
    world.store.sessions[SESSION] = _session(state=SessionState(9, "crisis", used))
    reply = {"reply_id": "new", "text": "You keep going over it."}

    _write(world, intent={"reply": reply})

    state = world.store.sessions[SESSION].state
    assert state.used_reply_ids == (*used[1:], "new")
    assert (state.turn_count, state.last_kind) == (10, "answer")


def _session(**fields: Any) -> Session:
    return Session(SESSION, USER, START.isoformat(), START.isoformat(), 5, **fields)


def test_a_session_lives_on_with_every_turn(world: World) -> None:
    """Retention counts from the last turn, not from the first."""
    world.store.sessions[SESSION] = _session()

    _write(world)

    session = world.store.sessions[SESSION]
    expected = int((START + timedelta(seconds=2, days=30)).timestamp())
    assert session.expires_at == expected
    assert session.updated_at == (START + timedelta(seconds=2)).isoformat()
    stored = world.store.turns[SESSION][TURN]
    assert stored.expires_at == expected
    assert (stored.claim_key, stored.reply, stored.reply_kind) == (
        "claim-1",
        "You keep going over it.",
        "answer",
    )


def test_a_session_that_the_record_has_to_open_keeps_its_variants(world: World) -> None:
    """The queue may be older than the session's item; the next turn must still find the same arms."""
    _write(world)

    assert world.store.sessions[SESSION].variants == {"LLM_MODEL": "arm", "SYSTEM_PROMPT": "v3"}


def test_a_session_that_the_record_has_to_open_again_is_what_capture_made_of_it(world: World) -> None:
    """Its item was lost in between; what the person was assigned was not."""
    origin = SessionOrigin("", "en-GB", {"MANDALA_FACE": "none"}, returning=True)
    _write(world, turn=_turn(origin=origin))

    session = world.store.sessions[SESSION]
    assert (session.variants, session.returning) == ({"MANDALA_FACE": "none"}, True)


def test_the_level_of_a_crisis_is_stored_with_its_turn(world: World) -> None:
    """The person, who may read the session, is told the same as the event."""
    _write(world, answer=_answer(crisis={"level": 3, "resources": []}))

    assert world.store.turns[SESSION][TURN].crisis_level == 3


@pytest.mark.parametrize(
    "session",
    [
        _session(deleted=True),
        replace(_session(), user_id_hash="another"),
    ],
    ids=["deleted", "another person's"],
)
def test_a_session_that_is_not_the_persons_own_is_left_alone(world: World, session: Session) -> None:
    """The event is counted; but no word returns to what was deleted, or gets into what is another's."""
    world.store.sessions[SESSION] = session

    _write(world)

    assert world.store.sessions[SESSION] == session
    assert world.store.turns.get(SESSION, {}) == {}


def test_a_secret_does_not_come_back_with_the_record(world: World) -> None:
    """The workflow carries the message as it was sent; claim, turn and event must not."""
    secret = "AKIA" + "IOSFODNN7EXAMPLE"
    world.store.claims["claim-1"] = Claim("claim-1", "", TURN, SESSION, "execution-1", 0, 0)
    world.store.unavailable = {"turn_events"}
    request = RecordRequest(_record(turn=_turn(message=f"my key is {secret}")))

    with pytest.raises(StoreUnavailableError):
        world.record_turn(request)
    assert world.store.claims["claim-1"].record is not None
    assert secret not in repr(world.store)
    world.store.unavailable = set()
    world.record_turn(request)

    assert "my key is" in world.store.turns[SESSION][TURN].message
    assert secret not in repr(world.store)


def test_the_reply_that_was_fixed_first_is_the_one_that_counts(world: World) -> None:
    """Two attempts came through: both callers get the same words, and one of them is recorded."""
    world.store.claims["claim-1"] = Claim("claim-1", "", TURN, SESSION, "execution-1", 0, 0)
    world.store.unavailable = {"turn_events"}
    with pytest.raises(StoreUnavailableError):
        world.record_turn(RecordRequest(_record()))
    world.store.unavailable = set()
    late = _answer(reply={"text": "Later words.", "kind": "answer"}, turn_class="TC5")

    recorded = [world.record_turn(RecordRequest(_record(answer=late))).answer for _ in range(2)]

    assert recorded == [_answer(), _answer()]
    assert world.store.events[TURN]["turn_class"] == "TC4"
    assert world.store.turns[SESSION][TURN].reply == "You keep going over it."


def test_a_turn_that_capture_could_not_claim_becomes_the_turn_of_whoever_sent_it(world: World) -> None:
    """Otherwise the same key would be answered anew, and nobody could ever delete what was said."""
    turn = _turn(user_id_hash="", variants={}, production={})
    identity = Identity("person-1", "execution-1", {"message": TELLING})
    request = RecordRequest(_record(turn=turn), identity)

    world.record_turn(request)

    assert world.store.events[TURN]["user_id_hash"] == USER
    assert world.store.sessions[SESSION].user_id_hash == USER
    claim = world.store.claims["claim-1"]
    assert claim.body_hash == body_hash({"message": TELLING})
    assert claim.expires_at == int(START.timestamp()) + 2 + 24 * 3600
    assert "person-1" not in repr(world.store)


def test_a_turn_that_capture_could_not_claim_takes_the_names_of_the_claim_that_stands(world: World) -> None:
    """Capture had claimed it before it died: event, session and answer must all speak of the same turn."""
    world.store.claims["claim-1"] = Claim("claim-1", "", "turn-first", "session-first", "execution-1", 0, 0)
    request = RecordRequest(_record(turn=_turn(user_id_hash="")), Identity("person-1", "execution-1"))

    answer = world.record_turn(request).answer

    assert (answer["turn_id"], answer["session_id"]) == ("turn-first", "session-first")
    assert list(world.store.events) == ["turn-first"]
    assert world.store.sessions["session-first"].user_id_hash == USER


def test_a_budget_is_settled_once_by_what_the_turn_really_used(world: World) -> None:
    """Reserved 2,500, used 136: the rest is given back, however often the record is repeated."""
    world.store.counters[USER] = Counters(day=DAY, used_tokens=2500)
    for _ in range(3):
        world.record_turn(RecordRequest(_record(turn=_turn(reserved_tokens=2500))))

    assert world.store.counters[USER].used_tokens == 136


def test_a_turn_without_a_reservation_settles_nothing(world: World) -> None:
    """Limits were down, or did not apply: there is nothing to correct."""
    world.store.counters[USER] = Counters(day=DAY, used_tokens=1000)

    _write(world)

    assert world.store.counters[USER].used_tokens == 1000


def test_a_reservation_is_settled_on_the_day_on_which_it_was_made(world: World) -> None:
    """Recorded after midnight from the queue: the new day's budget has nothing to do with it."""
    world.later(86_400)
    tomorrow = (START + timedelta(days=1)).date().isoformat()
    world.store.counters[USER] = Counters(day=tomorrow, used_tokens=1000)

    _write(world, turn=_turn(reserved_tokens=2500))

    assert world.store.counters[USER].used_tokens == 1000


def test_the_budget_that_is_used_up_is_what_the_turns_used() -> None:
    """Through the whole workflow: reservations come and go, and the sum of the tokens stays."""
    limits = LimitPolicy(turns_per_minute=6000, burst=100, tokens_per_day=10**6, reserve_tokens=2500)
    world = World(ScriptedModel(), limits)

    for _ in range(3):
        world.turn(TELLING)

    assert world.store.counters[USER].used_tokens == sum(
        event["tokens_input"] + event["tokens_output"] for event in world.events()
    )


def test_metrics_say_what_happened_and_of_nobody(world: World) -> None:
    """Dimensions are kept for months and shown to many: they name the environment and rules, no person."""
    _write(
        world,
        answer=_answer(crisis={"level": 2, "resources": []}),
        turn=_turn(degraded=("history",)),
        degraded=(),
    )

    totals = {entry.name: entry.value for entry in world.metrics.flushed}
    assert totals == {
        "Turns": 1,
        "TurnLatency": 2010,
        "CrisisTurns": 1,
        "FallbackTurns": 0,
        "RefusedTurns": 0,
        "DegradedTurns": 1,
        "Regenerations": 1,
        "ModelBypasses": 0,
        "ModelScreens": 1,
        "CostMicroUsd": 1750,
        "GuardrailTriggers": 1,
    }
    dimensions = {name for entry in world.metrics.flushed for name, _ in entry.dimensions}
    assert dimensions == {"environment", "rule"}


def test_a_turn_whose_screen_asked_no_model_says_so(world: World) -> None:
    """Most turns, and every record that an earlier version left in the queue."""
    screen = {"path": "clear", "level": 0, "screened_level": 0, "degraded": [], "screen_ms": 2}
    event = _write(world, screen=screen)

    assert event["screen_model"] == to_payload(ScreenModelCall())
    assert event["screen_model"]["model_id"] == ""
    totals = {entry.name: entry.value for entry in world.metrics.flushed}
    assert (totals["ModelScreens"], totals["CostMicroUsd"]) == (0, 1250)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("fallback", "FallbackTurns"),
        ("refusal", "RefusedTurns"),
        ("template", "ModelBypasses"),
        ("clarification", "ModelBypasses"),
    ],
)
def test_every_kind_of_reply_is_counted_as_what_it_is(world: World, kind: str, metric: str) -> None:
    """Alarms stand on these counters."""
    _write(world, answer=_answer(reply={"text": "Words.", "kind": kind}), attempts=1)

    counted = {entry.name for entry in world.metrics.flushed if entry.value == 1}
    assert metric in counted
    assert not {"FallbackTurns", "RefusedTurns", "ModelBypasses", "Regenerations"} & counted - {metric}


def test_a_turn_is_counted_once_however_often_its_record_is_repeated(world: World) -> None:
    """Redrives and retries must not raise an alarm about traffic that never was."""
    for _ in range(3):
        world.record_turn(RecordRequest(_record()))

    assert world.metrics.total("Turns") == 1


def test_a_session_that_never_stands_still_is_not_taken_for_recorded(world: World) -> None:
    """Whoever gives up must say so, or the record would be lost with nothing in the queue."""

    def clash(point: str) -> None:
        if point == "before record":
            raise ConflictError("session")

    world.on_write = clash

    with pytest.raises(StoreUnavailableError):
        world.record_turn(RecordRequest(_record()))


SCREENS = st.one_of(
    st.tuples(st.integers(0, 4), st.booleans(), st.just(False)),
    st.tuples(st.sampled_from([0, 3]), st.just(False), st.just(True)),
)
"""Screened level, safe exit, and whether only the red flags have read the message."""


@settings(max_examples=60, deadline=None)
@given(st.lists(SCREENS, max_size=12), st.randoms(use_true_random=False))
def test_any_run_of_turns_leaves_the_posture_and_the_counters_of_a_replay(
    screens: list[tuple[int, bool, bool]], random: Any
) -> None:
    """Levels are sticky whatever the order, however many turns collide and whatever is recorded twice."""
    world = World()
    expected = Posture()
    for number, (level, safe_exit, down) in enumerate(screens):
        if not down or level:
            expected = advance(expected, level, safe_exit)
        screen = {
            "level": level,
            "screened_level": level,
            "safe_exit": safe_exit,
            "degraded": ["screen"] if down else [],
        }
        turn = _turn(turn_id=f"turn-{number}", claim_key=f"claim-{number}" if random.random() < 0.5 else "")
        answer = _answer(turn_id=turn.turn_id)
        request = RecordRequest(_record(turn=turn, screen=screen, answer=answer))
        clashes = [random.randrange(3)]

        def clash(point: str, left: list[int] = clashes) -> None:
            # Somebody else's turn moved the session between reading and writing.
            if point == "before record" and left[0]:
                left[0] -= 1
                raise ConflictError("session")

        world.on_write = clash
        for _ in range(random.randrange(1, 3)):
            world.record_turn(request)

    assert len(world.store.events) == len(screens)
    if screens:
        session = world.store.sessions[SESSION]
        assert session.state.turn_count == len(screens)
        assert session.posture.version == len(screens)
        stood = replace(from_payload(Posture, to_payload(expected)), version=session.posture.version)
        assert session.posture == stood
        assert [event["turn_number"] for event in world.events()] == list(range(1, len(screens) + 1))
