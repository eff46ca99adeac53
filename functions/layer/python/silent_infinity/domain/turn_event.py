"""The turn event: the immutable record of one turn, without a word of what was said.

Field for field it is the `TurnEvent` of the variants memo, plus what the turn's design adds (turn class,
intent, quality, attempts, degraded stages, exposures). `schemas/turn_event.schema.json` describes it; a
test holds the two together.
"""

from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.turn import ModelCall, ScreenModelCall

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class LatencyBreakdown:
    """Milliseconds. Speech fields are None for text turns; `network_ms` is the client's estimate."""

    total_ms: int
    stt_ms: int | None
    llm_ttft_ms: int
    llm_complete_ms: int
    tts_ms: int | None
    network_ms: int
    guardrail_ms: int
    db_read_ms: int
    db_write_ms: int
    screen_ms: int
    intent_ms: int


@dataclass(frozen=True, slots=True)
class TurnEvent:
    """One turn, as experiments are judged by it.

    `active_variants` is the snapshot of what was in force in every category, by version `assignment_version`
    of the algorithm (0: not told). `exposures` is the part of it that was really used: what had a part in the
    reply that was served or was tried for it and failed, and what the client has rendered. `timestamp` is
    when the message arrived (ISO 8601, UTC), `recorded_at` when the event was made. `cost_usd` (US dollars)
    and the tokens are those of all generations of the reply, failed attempts included, whose calls are in
    `model_calls`; `screen_model` has those of the screen's own model call. `budget_level` is `reduced` or
    `minimal` when a budget made the last generation smaller or kept it from a model, else empty.
    `feedback_text` stays None: free text never enters the record; explicit feedback joins by `turn_id`.
    `referrals` is 1 if the answer showed help lines, else 0, and `session_referrals` the session's turns so
    far that did, this one included; `referral_country` says whose lines they were. `disclosure` is the reason
    for which the answer said that this is an AI, if it did. `sentiment` and its score (-1 to 1) are None and
    `entity_types` empty where no intent was detected.
    """

    schema_version: int
    turn_id: str
    user_id_hash: str
    conversation_id: str
    session_id: str
    timestamp: str
    recorded_at: str
    turn_number: int
    active_variants: dict[str, str]
    exposures: dict[str, str]
    latency_ms: LatencyBreakdown
    tokens_input: int
    tokens_output: int
    tokens_cache_read: int
    tokens_cache_write: int
    cost_usd: float
    model_id: str
    provider: str
    prompt_id: str
    prompt_sha: str
    voice_id: str | None
    page_url: str
    referrer_class: str
    device_class: str
    browser: str
    region: str
    locale: str
    environment: str
    crisis_flag_level: int
    screened_level: int
    screen_rule_ids: tuple[str, ...]
    screen_model: ScreenModelCall
    safe_exit: bool
    referrals: int
    session_referrals: int
    referral_country: str | None
    disclosure: str | None
    guardrail_triggered: bool
    guardrail_rule_id: str | None
    guardrail_rule_ids: tuple[str, ...]
    rating: float | None
    rating_variant_id: str | None
    feedback_text: str | None
    error_class: str | None
    error_message: str | None
    retry_count: int
    turn_class: str
    intent: str
    intent_confidence: float
    sentiment: str | None
    sentiment_score: float | None
    entity_types: tuple[str, ...]
    path: str
    reply_kind: str
    reply_source: str
    reply_id: str | None
    quality_score: float | None
    quality_parts: dict[str, float]
    quality_failures: tuple[str, ...]
    attempts: int
    fallback_used: bool
    degraded: tuple[str, ...]
    finish_reason: str
    model_calls: tuple[ModelCall, ...]
    budget_level: str
    assignment_version: int = 0


def guardrail_rules(block_rule: str, validation: dict[str, Any] | None) -> tuple[str, ...]:
    """Return the ids of every guard that acted on the turn, the one before generation first."""
    after = tuple(((validation or {}).get("guard") or {}).get("rule_ids") or ())
    return ((block_rule,) if block_rule else ()) + after
