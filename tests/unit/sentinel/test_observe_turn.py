"""One observation for each turn, none for what need not be observed, and never a consequence for the turn."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from silent_infinity.adapters.memory.alerts import MemoryAlerts
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.conversations import MemoryConversationStore
from silent_infinity.adapters.memory.metrics import MemoryMetrics
from silent_infinity.adapters.memory.observations import MemoryObservationStore
from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.adapters.memory.variants import MemoryVariants
from silent_infinity.domain.payload import PayloadError
from silent_infinity.domain.prompts import bundled
from silent_infinity.domain.sentinel import Observation
from silent_infinity.domain.turn import ModelCall, Usage
from silent_infinity.domain.variants import Variant
from silent_infinity.ports.conversations import Session, StoredTurn
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelReply, ModelRequest, ModelTimeoutError
from silent_infinity.schemas import schema
from silent_infinity.usecases.observe_turn import OBSERVED, ObserveTurn, TurnToObserve
from tests.support.world import START, TELLING, World

SIGNALS = {
    "emotion": "grief",
    "valence": -0.5,
    "speech_act": "telling",
    "frustration": 0.1,
    "crisis_level": 1,
}
USAGE = Usage(tokens_input=700, tokens_output=40, cost_usd=0.0009)
EXPIRES_AT = 2_000_000_000
SESSION = Session(
    session_id="session-1",
    user_id_hash="user-1",
    created_at="2026-11-21T09:00:00+00:00",
    updated_at="2026-11-21T09:00:00+00:00",
    expires_at=EXPIRES_AT,
)
STORED = StoredTurn(
    turn_id="turn-1",
    session_id="session-1",
    message=TELLING,
    received_at="2026-11-21T09:00:00+00:00",
    expires_at=EXPIRES_AT,
    reply="The silence since the funeral is still with you.",
    reply_kind="answer",
)
TURN = TurnToObserve("turn-1", "session-1", "answer", screened_level=0)


class Answering:
    """A model that answers with `text`, or raises it, after 300 ms; `meanwhile` happens during the call."""

    def __init__(self, text: str | ModelError, clock: FixedClock) -> None:
        self.text = text
        self.clock = clock
        self.requests: list[ModelRequest] = []
        self.finish_reason = "stop"
        self.meanwhile: Callable[[], None] = lambda: None

    def complete(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        self.clock.advance(0.3)
        self.meanwhile()
        if isinstance(self.text, ModelError):
            raise self.text
        return ModelReply(self.text, request.model_id, "scripted", USAGE, self.finish_reason, 300, 300)


class Sentinel:
    """The use case over stores in memory, which hold one turn."""

    def __init__(self) -> None:
        self.clock = FixedClock(START)
        self.store = MemoryStore()
        self.conversations = MemoryConversationStore(self.store)
        self.conversations.store_message(SESSION, STORED)
        self.observations = MemoryObservationStore(self.store)
        self.model = Answering(json.dumps(SIGNALS), self.clock)
        self.metrics = MemoryMetrics()
        self.alerts = MemoryAlerts()
        self.variants = MemoryVariants(())

    def observe(self, turn: TurnToObserve = TURN, model: LanguageModel | None = None) -> str:
        """Call the use case."""
        return ObserveTurn(
            conversations=self.conversations,
            observations=self.observations,
            variants=self.variants,
            model=model or self.model,
            schema=lambda: schema("sentinel_answer"),
            alerts=self.alerts,
            metrics=self.metrics,
            clock=self.clock,
            environment="test",
        )(turn)

    def skipped(self) -> list[str]:
        """Return the reasons that were counted."""
        return [
            dict(entry.dimensions)["reason"]
            for entry in self.metrics.flushed
            if entry.name == "SentinelSkipped"
        ]

    def kept(self) -> Observation | None:
        """Return the item of the turn."""
        return self.observations.find("session-1", "turn-1")


@pytest.fixture
def sentinel() -> Sentinel:
    """A sentinel with one turn to look at."""
    return Sentinel()


def test_an_observation_says_what_was_noticed_by_whom_and_at_what_price(sentinel: Sentinel) -> None:
    """Every field is what somebody will ask for: signals, lineage, cost, latency, and when it has to go."""
    assert sentinel.observe(replace(TURN, degraded=("model_screen",))) == OBSERVED

    prompt = bundled("sentinel", 1)
    assert sentinel.kept() == Observation(
        schema_version=1,
        turn_id="turn-1",
        session_id="session-1",
        observed_at="2026-11-21T09:00:00.300000+00:00",
        expires_at=EXPIRES_AT,
        emotion="grief",
        valence=-0.5,
        speech_act="telling",
        frustration=0.1,
        crisis_level=1,
        screened_level=0,
        screen_degraded=True,
        miss=False,
        model_id="claude-haiku-4-5",
        provider="scripted",
        prompt_id="sentinel/v1",
        prompt_sha=prompt.sha256,
        tokens_input=700,
        tokens_output=40,
        tokens_cache_read=0,
        tokens_cache_write=0,
        cost_usd=0.0009,
        latency_ms=300,
    )


def test_the_model_is_asked_once_as_the_class_says(sentinel: Sentinel) -> None:
    """128 tokens, temperature 0.1, five seconds, the answer's schema, one piece; no session pays for it."""
    sentinel.observe()

    [request] = sentinel.model.requests
    assert (request.turn_class, request.model_id, request.max_tokens) == ("TC2", "claude-haiku-4-5", 128)
    assert request.temperature == 0.1
    assert request.deadline_ms == int(START.timestamp() * 1000) + 5000
    assert request.response_schema == schema("sentinel_answer")
    assert (request.stream, request.session_id, request.fallback_models) == (False, "", ())
    assert (request.prompt_id, request.prompt_sha) == ("sentinel/v1", bundled("sentinel", 1).sha256)
    assert TELLING in request.messages[0].text
    assert STORED.reply in request.messages[0].text
    assert TELLING not in request.system_text


def test_productions_variant_decides_and_no_other(sentinel: Sentinel) -> None:
    """An experiment on the observer would change the ruler while it measures."""
    sentinel.variants = MemoryVariants(
        (
            Variant("SENTINEL_MODEL", "sonnet", "production", config={"model_id": "claude-sonnet-4-6"}),
            Variant(
                "SENTINEL_MODEL",
                "opus",
                "canary",
                rollout_percent=100,
                ranges=((0, 10_000),),
                config={"model_id": "claude-opus-4-7"},
            ),
        )
    )
    sentinel.observe()

    assert sentinel.model.requests[0].model_id == "claude-sonnet-4-6"


def test_a_redelivered_record_changes_nothing_and_costs_nothing(sentinel: Sentinel) -> None:
    """Streams deliver at least once."""
    sentinel.observe()
    before = sentinel.kept()
    sentinel.model.text = json.dumps({**SIGNALS, "emotion": "joy"})

    assert sentinel.observe() == "duplicate"
    assert sentinel.kept() == before
    assert len(sentinel.model.requests) == 1
    assert sentinel.metrics.total("SentinelCostMicroUsd") == 900
    assert sentinel.metrics.total("SentinelObserved") == 1


@pytest.mark.parametrize("kind", ["template", "clarification", "something new"])
def test_what_was_answered_with_ready_words_is_not_asked_about(kind: str, sentinel: Sentinel) -> None:
    """A greeting holds nothing to observe, and half of all calls would be for greetings."""
    assert sentinel.observe(replace(TURN, reply_kind=kind)) == "kind"
    assert sentinel.model.requests == []


def test_a_deleted_session_is_left_alone(sentinel: Sentinel) -> None:
    """Words that somebody has deleted go to no model, even while the deletion is still at work."""
    sentinel.conversations.bury_session("session-1", START.isoformat(), EXPIRES_AT)

    assert sentinel.observe() == "gone"
    assert sentinel.model.requests == []


def test_a_turn_that_is_gone_or_unknown_is_left_alone(sentinel: Sentinel) -> None:
    """It may have expired, or was recorded without a person: then its words are in no session."""
    assert sentinel.observe(replace(TURN, turn_id="turn-2")) == "gone"
    assert sentinel.observe(replace(TURN, session_id="session-2")) == "gone"
    assert sentinel.model.requests == []


def test_a_turn_without_text_is_left_alone(sentinel: Sentinel) -> None:
    """There is nothing to observe in a blank."""
    sentinel.store.turns["session-1"]["turn-1"] = replace(STORED, message=" \n ")

    assert sentinel.observe() == "no_text"
    assert sentinel.model.requests == []


def test_a_deletion_during_the_call_wins(sentinel: Sentinel) -> None:
    """Whatever is written after a deletion would outlive it."""

    def delete() -> None:
        sentinel.conversations.bury_session("session-1", START.isoformat(), EXPIRES_AT)
        sentinel.conversations.remove_turns("session-1")

    sentinel.model.meanwhile = delete

    assert sentinel.observe() == "gone"
    assert sentinel.kept() is None
    assert sentinel.alerts.sent == []


def test_deleting_a_session_deletes_what_was_observed(sentinel: Sentinel) -> None:
    """Signals about somebody's mental health are as personal as their words."""
    sentinel.observe()
    assert sentinel.kept() is not None
    sentinel.conversations.bury_session("session-1", START.isoformat(), EXPIRES_AT)

    assert sentinel.conversations.remove_turns("session-1") == 1
    assert sentinel.store.observations == {}


def spent(code: str, cost_usd: float) -> ModelError:
    """Return the error of a chain in which a call cost something."""
    error = ModelError(code)
    error.calls = (ModelCall(cost_usd=cost_usd),)
    return error


FAILURES: list[tuple[ModelError, str]] = [
    (ModelTimeoutError("deadline:left-behind"), "timeout"),
    (ModelError("deadline:left-behind"), "timeout"),
    (ModelError("openai_compatible:timeout"), "timeout"),
    (ModelError("chain:no-time"), "timeout"),
    (ModelError("openai_compatible:unreachable"), "provider"),
    (ModelError("bedrock:http-500"), "provider"),
    (ModelError("bedrock:http-500,breaker:open"), "breaker"),
    (ModelError("breaker:open"), "breaker"),
    (ModelError("rate:limited"), "rate"),
    (ModelError("budget:day-spent"), "budget"),
    (ModelError("bedrock:empty"), "unreadable"),
    (ModelError("bedrock:guarded"), "refused"),
    (ModelError("chain:nobody"), "provider"),
]


@pytest.mark.parametrize(("failure", "reason"), FAILURES, ids=[str(f) for f, _ in FAILURES])
def test_without_an_answer_the_turn_is_skipped_and_counted(
    failure: ModelError, reason: str, sentinel: Sentinel
) -> None:
    """Silently: no item, no alarm, no second attempt; by reason, so that a provider that is down shows."""
    sentinel.model.text = failure

    assert sentinel.observe() == reason
    assert sentinel.skipped() == [reason]
    assert sentinel.kept() is None
    assert len(sentinel.model.requests) == 1
    assert sentinel.alerts.sent == []


@pytest.mark.parametrize(
    "answer", ["", "I think they are sad.", '{"emotion": "grief"', '{"emotion": "grief"}', "[]"]
)
def test_an_answer_that_cannot_be_read_is_skipped_and_paid_for(answer: str, sentinel: Sentinel) -> None:
    """The provider charged for it: what observing costs must not hide what went wrong."""
    sentinel.model.text = answer

    assert sentinel.observe() == "unreadable"
    assert sentinel.kept() is None
    assert sentinel.metrics.total("SentinelCostMicroUsd") == 900


def test_a_failed_call_that_cost_something_is_counted(sentinel: Sentinel) -> None:
    """Money may be spent without an answer."""
    sentinel.model.text = spent("bedrock:empty", 0.0005)
    sentinel.observe()

    assert sentinel.metrics.total("SentinelCostMicroUsd") == 500


def test_a_refusal_of_the_provider_is_skipped(sentinel: Sentinel) -> None:
    """Its text is the provider's own."""
    sentinel.model.finish_reason = "content_filter"

    assert sentinel.observe() == "refused"
    assert sentinel.kept() is None


@pytest.mark.parametrize(
    ("seen", "screened", "missed"), [(2, 1, True), (4, 0, True), (2, 2, False), (1, 0, False)]
)
def test_a_miss_is_kept_counted_and_told(seen: int, screened: int, missed: bool, sentinel: Sentinel) -> None:
    """The safety gate counts it, and people look at it: identifiers and levels, nothing that was said."""
    sentinel.model.text = json.dumps({**SIGNALS, "crisis_level": seen})
    sentinel.observe(replace(TURN, screened_level=screened))

    kept = sentinel.kept()
    assert kept is not None
    assert kept.miss is missed
    assert sentinel.metrics.total("SentinelMisses") == missed
    assert len(sentinel.alerts.sent) == missed
    for subject, facts in sentinel.alerts.sent:
        assert len(subject) <= 99
        assert facts["turn_id"] == "turn-1"
        assert (facts["screened_level"], facts["sentinel_level"]) == (screened, seen)
        assert TELLING not in json.dumps([subject, facts])
        assert "grief" not in json.dumps([subject, facts])


def test_a_miss_is_told_once(sentinel: Sentinel) -> None:
    """A redelivery is no second miss."""
    sentinel.model.text = json.dumps({**SIGNALS, "crisis_level": 3})
    sentinel.observe()
    sentinel.observe()

    assert len(sentinel.alerts.sent) == 1
    assert sentinel.metrics.total("SentinelMisses") == 1


def test_a_miss_that_cannot_be_told_is_kept_and_counted(sentinel: Sentinel) -> None:
    """The metric has an alarm of its own: a topic that is down must not hide a miss."""
    sentinel.alerts.unavailable = True
    sentinel.model.text = json.dumps({**SIGNALS, "crisis_level": 3})

    assert sentinel.observe() == OBSERVED
    assert sentinel.metrics.total("SentinelMisses") == 1
    assert sentinel.metrics.total("SentinelAlertsLost") == 1


def test_a_crisis_turn_is_observed_like_any_other(sentinel: Sentinel) -> None:
    """Whether the screen was right about it is worth knowing too."""
    sentinel.model.text = json.dumps({**SIGNALS, "crisis_level": 3})

    assert sentinel.observe(replace(TURN, reply_kind="crisis", screened_level=3)) == OBSERVED
    assert sentinel.alerts.sent == []


def test_a_store_that_is_down_is_told_to_whoever_called(sentinel: Sentinel) -> None:
    """Nobody's record is poison because a table is down: it is read again."""
    sentinel.store.unavailable.add("conversations")

    with pytest.raises(StoreUnavailableError):
        sentinel.observe()
    assert sentinel.model.requests == []


def test_nothing_that_was_said_reaches_a_metric(sentinel: Sentinel) -> None:
    """Dimensions are few and name nobody."""
    sentinel.observe()
    sentinel.model.text = "unreadable"
    sentinel.observe(replace(TURN, turn_id="turn-2"))

    assert sentinel.metrics.flushed
    for entry in sentinel.metrics.flushed:
        assert {name for name, _ in entry.dimensions} <= {"environment", "reason"}
        assert "turn-1" not in json.dumps(entry.dimensions)


EVENT: dict[str, Any] = {
    "turn_id": "turn-1",
    "session_id": "session-1",
    "reply_kind": "answer",
    "screened_level": 2,
    "degraded": ["model_screen"],
    "cost_usd": 0.1,
}


def test_a_turn_event_is_read_and_what_is_not_needed_left() -> None:
    """It grows with every version."""
    assert TurnToObserve.from_event(EVENT) == TurnToObserve(
        "turn-1", "session-1", "answer", screened_level=2, degraded=("model_screen",)
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("turn_id", "../turn"),
        ("turn_id", ""),
        ("turn_id", 7),
        ("session_id", "a b"),
        ("session_id", None),
        ("screened_level", 5),
        ("screened_level", True),
        ("screened_level", "0"),
        ("screened_level", -1),
    ],
)
def test_what_is_no_turn_event_is_refused_without_quoting_it(field: str, value: Any) -> None:
    """The error's message is logged nowhere, and still holds no value."""
    with pytest.raises(PayloadError) as refused:
        TurnToObserve.from_event({**EVENT, field: value})

    assert field in str(refused.value)
    assert repr(value) not in str(refused.value) or value == ""


@pytest.mark.parametrize("missing", ["turn_id", "session_id", "reply_kind", "screened_level"])
def test_an_event_without_what_is_needed_is_refused(missing: str) -> None:
    """Guessing a level would invent misses."""
    with pytest.raises(PayloadError, match=missing):
        TurnToObserve.from_event({name: value for name, value in EVENT.items() if name != missing})


def test_the_turns_of_the_real_workflow_can_be_observed() -> None:
    """What the workflow records is what the sentinel reads: kinds, levels and words are in their places."""
    world = World()
    answers = [
        world.turn(message)["body"] for message in (TELLING, "I want to die and I have a plan.", "Hello!")
    ]
    sentinel = Sentinel()
    sentinel.store = world.store
    sentinel.conversations = MemoryConversationStore(world.store)
    sentinel.observations = MemoryObservationStore(world.store)

    outcomes = [sentinel.observe(TurnToObserve.from_event(event)) for event in world.events()]

    assert outcomes == [OBSERVED, OBSERVED, "kind"]
    for answer, message in zip(answers[:2], (TELLING, "I want to die"), strict=True):
        kept = sentinel.observations.find(answer["session_id"], answer["turn_id"])
        assert kept is not None
        assert kept.screened_level == answer["crisis"]["level"]
        assert any(message in request.messages[0].text for request in sentinel.model.requests)
