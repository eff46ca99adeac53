"""Observe a turn that was recorded: one call of a model (TC2), one item of signals, no influence on the turn.

What goes wrong is skipped and counted. The person was answered long ago, and a record that waits for a model
would hold up those behind it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.json_answer import AnswerError
from silent_infinity.domain.payload import PayloadError, from_payload
from silent_infinity.domain.prompts import Prompt, PromptError, bundled
from silent_infinity.domain.sentinel import (
    OBSERVATION_VERSION,
    Observation,
    Signals,
    is_miss,
    is_observed,
    question,
    read_answer,
)
from silent_infinity.domain.turn import SystemBlock, Usage, Utterance, usage_of
from silent_infinity.domain.turn_classes import ModelChoice, model_for, turn_classes
from silent_infinity.domain.variants import production
from silent_infinity.ports.alerts import Alerts
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.conversations import ConversationStore, StoredTurn
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelReply, ModelRequest, ModelTimeoutError
from silent_infinity.ports.metrics import Metrics
from silent_infinity.ports.observations import ObservationStore
from silent_infinity.ports.variants import VariantRegistry

SENTINEL_CLASS = "TC2"
OBSERVED = "observed"
SCREEN_STAGES = frozenset({"screen", "rules", "learned", "semantic", "answers", "model_screen"})
"""Marks of a turn event that say that a stage of the screen was missing."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9-]{1,64}")
_HIGHEST_LEVEL = 4


_TIME_IS_UP = frozenset({"timeout", "deadline", "no-time", "left-behind"})
_GATEWAY = frozenset({"budget", "rate", "breaker"})
_ANSWERS = {"empty": "unreadable", "guarded": "refused"}


class _SkippedError(Exception):
    """This turn is not observed. The message is the reason, which is a dimension of a metric."""


@dataclass(frozen=True, slots=True)
class TurnToObserve:
    """What the sentinel needs of a turn event. Its other fields are none of its business."""

    turn_id: str
    session_id: str
    reply_kind: str
    screened_level: int
    degraded: tuple[str, ...] = ()

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "TurnToObserve":
        """Read a turn event.

        Raises:
            PayloadError: it is none. Names a field, never a value.
        """
        turn = from_payload(cls, event)
        for name in ("turn_id", "session_id"):
            value = getattr(turn, name)
            if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
                raise PayloadError(f"{name} is no identifier")
        level: Any = turn.screened_level
        if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= _HIGHEST_LEVEL:
            raise PayloadError("screened_level is no crisis level")
        return turn


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the model said, to which prompt, after how many milliseconds."""

    signals: Signals
    reply: ModelReply
    prompt: Prompt
    latency_ms: int


class ObserveTurn:
    """Asks production's model about a turn and keeps what it says.

    Called again for the same turn, it finds its own item and neither asks nor pays again.
    """

    def __init__(
        self,
        *,
        conversations: ConversationStore,
        observations: ObservationStore,
        variants: VariantRegistry,
        model: LanguageModel,
        schema: Callable[[], Mapping[str, Any]],
        alerts: Alerts,
        metrics: Metrics,
        clock: Clock,
        environment: str,
    ) -> None:
        self._conversations = conversations
        self._observations = observations
        self._variants = variants
        self._model = model
        self._schema = schema
        self._alerts = alerts
        self._metrics = metrics
        self._clock = clock
        self._environment = environment

    def __call__(self, turn: TurnToObserve) -> str:
        """Observe the turn; return `observed`, or the reason for which it was not.

        Raises:
            StoreUnavailableError: the conversation could not be read or the item not be written; the call can
                be repeated.
        """
        try:
            return self._observed(turn)
        except _SkippedError as skipped:
            reason = str(skipped)
            self._metrics.add("SentinelSkipped", 1, environment=self._environment, reason=reason)
            return reason
        finally:
            self._metrics.flush()

    def _observed(self, turn: TurnToObserve) -> str:
        stored = self._material(turn)
        observation = self._observation(turn, stored, self._answer(stored))
        if not self._observations.put(observation):
            # Deleted while the model was thinking, or observed by another delivery of the same record.
            raise _SkippedError("gone")
        self._metrics.add("SentinelObserved", 1, environment=self._environment)
        if observation.miss:
            self._tell(observation)
        return OBSERVED

    def _material(self, turn: TurnToObserve) -> StoredTurn:
        """Return the turn's words, if it is one to observe and was not observed yet."""
        if not is_observed(turn.reply_kind):
            raise _SkippedError("kind")
        if self._observations.find(turn.session_id, turn.turn_id) is not None:
            raise _SkippedError("duplicate")
        session = self._conversations.find_session(turn.session_id)
        stored = self._conversations.find_turn(turn.session_id, turn.turn_id)
        if session is None or session.deleted or stored is None:
            raise _SkippedError("gone")
        if not stored.message.strip():
            raise _SkippedError("no_text")
        return stored

    def _answer(self, stored: StoredTurn) -> _Answer:
        choice = model_for(SENTINEL_CLASS, production(self._variants.active()))
        prompt = _prompt()
        start_ms = unix_ms(self._clock.now())
        try:
            reply = self._model.complete(self._request(stored, choice, prompt, start_ms))
        except ModelError as failure:
            self._charge(usage_of(failure.calls))
            raise _SkippedError(_reason(failure)) from None
        latency_ms = unix_ms(self._clock.now()) - start_ms
        self._metrics.add("SentinelLatency", latency_ms, "Milliseconds", environment=self._environment)
        self._charge(reply.usage)
        return _Answer(_signals(reply), reply, prompt, latency_ms)

    def _charge(self, usage: Usage) -> None:
        """Count what a call cost, whether or not its answer can be read."""
        micro_usd = round(usage.cost_usd * 1e6)
        self._metrics.add("SentinelCostMicroUsd", micro_usd, "None", environment=self._environment)

    def _request(
        self, stored: StoredTurn, choice: ModelChoice, prompt: Prompt, start_ms: int
    ) -> ModelRequest:
        system, text = question(prompt, stored.message, stored.reply)
        return ModelRequest(
            system=(SystemBlock(system, choice.cache_ttls[0]),),
            messages=(Utterance("user", text),),
            model_id=choice.model_id,
            max_tokens=choice.max_tokens,
            temperature=choice.temperature,
            deadline_ms=start_ms + turn_classes()[SENTINEL_CLASS].budget_ms,
            turn_class=SENTINEL_CLASS,
            message=stored.message,
            seed=stored.turn_id,
            # No session_id: what the person may spend is not spent on watching them.
            response_schema=self._schema(),
            stream=False,
            prompt_id=prompt.prompt_id,
            prompt_sha=prompt.sha256,
        )

    def _observation(self, turn: TurnToObserve, stored: StoredTurn, answer: _Answer) -> Observation:
        signals, reply, usage = answer.signals, answer.reply, answer.reply.usage
        return Observation(
            schema_version=OBSERVATION_VERSION,
            turn_id=turn.turn_id,
            session_id=turn.session_id,
            observed_at=self._clock.now().isoformat(),
            expires_at=stored.expires_at,
            emotion=signals.emotion,
            valence=signals.valence,
            speech_act=signals.speech_act,
            frustration=signals.frustration,
            crisis_level=signals.crisis_level,
            screened_level=turn.screened_level,
            screen_degraded=bool(SCREEN_STAGES & set(turn.degraded)),
            miss=is_miss(signals.crisis_level, turn.screened_level),
            model_id=reply.model_id,
            provider=reply.provider,
            prompt_id=answer.prompt.prompt_id,
            prompt_sha=answer.prompt.sha256,
            tokens_input=usage.tokens_input,
            tokens_output=usage.tokens_output,
            tokens_cache_read=usage.tokens_cache_read,
            tokens_cache_write=usage.tokens_cache_write,
            cost_usd=usage.cost_usd,
            latency_ms=answer.latency_ms,
        )

    def _tell(self, observation: Observation) -> None:
        """Tell the people on call. The metric has an alarm of its own, in case the message gets lost."""
        self._metrics.add("SentinelMisses", 1, environment=self._environment)
        try:
            self._alerts.send(
                f"Silent Infinity {self._environment}: the screen may have missed a risk",
                {
                    "turn_id": observation.turn_id,
                    "session_id": observation.session_id,
                    "screened_level": observation.screened_level,
                    "sentinel_level": observation.crisis_level,
                    "see": "docs/operations.md, The sentinel",
                },
            )
        except StoreUnavailableError:
            self._metrics.add("SentinelAlertsLost", 1, environment=self._environment)


def _prompt() -> Prompt:
    wanted = turn_classes()[SENTINEL_CLASS].prompt
    if wanted is None:
        raise PromptError(f"{SENTINEL_CLASS} has no prompt")
    return bundled(wanted.template_id, wanted.version)


def _signals(reply: ModelReply) -> Signals:
    if reply.finish_reason not in ("stop", "length"):
        raise _SkippedError("refused")
    try:
        return read_answer(reply.text)
    except AnswerError:
        raise _SkippedError("unreadable") from None


def _reason(failure: ModelError) -> str:
    """Return why there is no answer, in one of few words: each of them is a metric of its own.

    A chain joins the codes of all that it tried, `who:what` each; the last one says how it ended.
    """
    who, _, what = str(failure).rpartition(",")[2].partition(":")
    if isinstance(failure, ModelTimeoutError) or what in _TIME_IS_UP:
        return "timeout"
    if who in _GATEWAY:
        return who
    return _ANSWERS.get(what, "provider")
