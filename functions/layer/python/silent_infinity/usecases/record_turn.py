"""Record a turn: fix its reply, then write reply, turn event and counters, exactly once.

The reply is fixed in a write of its own, together with the record that is still due. Whoever comes after a
crash finds either nothing (and may answer anew), or the reply with its record (and finishes the job), or the
reply alone (and has nothing left to do).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from silent_infinity.domain.crisis.posture import advance
from silent_infinity.domain.exposures import accepted
from silent_infinity.domain.guards.before import redact
from silent_infinity.domain.ids import body_hash, user_id_hash
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.referral import referral
from silent_infinity.domain.turn import (
    CRISIS_FLOW_LEVEL,
    AssignedVariant,
    Draft,
    ScreenModelCall,
    SessionState,
    Turn,
)
from silent_infinity.domain.turn_event import SCHEMA_VERSION, LatencyBreakdown, TurnEvent, guardrail_rules
from silent_infinity.ports.claims import CLAIM_SECONDS, Claim, ClaimStore
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.conversations import ConversationStore, Session, StoredTurn
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from silent_infinity.ports.limits import LimitStore
from silent_infinity.ports.metrics import Metrics
from silent_infinity.ports.turn_records import TurnRecord, TurnRecorder
from silent_infinity.ports.user_salt import UserSalt

SESSION_ATTEMPTS = 6
"""How often the session is read again when concurrent turns of it collide."""

REMEMBERED_REPLY_IDS = 60


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sent what, for turns that capture could not claim. Never part of a record."""

    subject: str = ""
    execution_id: str = ""
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """The turn as the workflow tells it. `screen`, `intent` and `validation` are those states' outputs."""

    turn: Turn
    answer: dict[str, Any]
    path: str
    started_at: str
    screen: dict[str, Any] = field(default_factory=dict)
    intent: dict[str, Any] = field(default_factory=dict)
    draft: Draft | None = None
    validation: dict[str, Any] | None = None
    attempts: int = 0
    degraded: tuple[str, ...] = ()
    replied_at: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """What the state is given: the record, and who it is about if nobody has established that yet."""

    record: Record
    identity: Identity = Identity()

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "RecordRequest":
        """Read the state's input, or a message of the queue of unrecorded turns.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answer that counts: ours, or that of the attempt that was quicker."""

    status_code: int
    answer: dict[str, Any]

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        payload: dict[str, Any] = to_payload(self)
        return payload


@dataclass(frozen=True, slots=True)
class RecordPolicy:
    """Where this runs, and how long things are kept (days)."""

    environment: str
    region: str
    retention_days: int


class RecordTurn:
    """Completes the claim and writes the record."""

    def __init__(
        self,
        *,
        conversations: ConversationStore,
        claims: ClaimStore,
        recorder: TurnRecorder,
        limits: LimitStore,
        salt: UserSalt,
        metrics: Metrics,
        clock: Clock,
        policy: RecordPolicy,
    ) -> None:
        self._conversations = conversations
        self._claims = claims
        self._recorder = recorder
        self._limits = limits
        self._salt = salt
        self._metrics = metrics
        self._clock = clock
        self._policy = policy

    def __call__(self, request: RecordRequest) -> Recorded:
        """Record the turn; safe to repeat at any point.

        Raises:
            StoreUnavailableError: the record is not complete; repeating the call finishes it.
        """
        record = self._identified(request)
        standing = self._complete(record)
        due = record
        if standing is not None and standing.answer is not None:
            if standing.record is None:
                return Recorded(200, json.loads(standing.answer))
            due = from_payload(Record, json.loads(standing.record))
        if self._write(due):
            self._measure(due)
        return Recorded(200, due.answer)

    def _identified(self, request: RecordRequest) -> Record:
        """Give a turn that capture could not claim the person and the claim that it belongs to."""
        identity = request.identity
        turn = request.record.turn
        # What the variants are configured to do has been done; the claim keeps what the event needs of them.
        turn = replace(
            turn,
            message=redact(turn.message),
            variants=_bare(turn.variants),
            production=_bare(turn.production),
        )
        record = replace(request.record, turn=turn)
        if turn.user_id_hash or not turn.claim_key:
            return record
        # Nobody claimed this turn, or somebody did and died: whichever claim stands says what it is called.
        now_ms = unix_ms(self._clock.now())
        claim = self._claims.put_if_absent(
            Claim(
                claim_key=turn.claim_key,
                body_hash=body_hash(identity.body) if identity.body else "",
                turn_id=turn.turn_id,
                session_id=record.answer["session_id"],
                owner=identity.execution_id or turn.turn_id,
                lease_until_ms=now_ms,
                expires_at=now_ms // 1000 + CLAIM_SECONDS,
            )
        )
        user = user_id_hash(self._salt.salt(), identity.subject) if identity.subject else ""
        turn = replace(record.turn, user_id_hash=user, turn_id=claim.turn_id, session_id=claim.session_id)
        answer = {**record.answer, "turn_id": claim.turn_id, "session_id": claim.session_id}
        return replace(record, turn=turn, answer=answer)

    def _complete(self, record: Record) -> Claim | None:
        key = record.turn.claim_key
        if not key:
            return None
        return self._claims.complete(
            key, record.turn.turn_id, _json(record.answer), _json(to_payload(record))
        )

    def _write(self, record: Record) -> bool:
        # Capture has read the session a moment ago. Only if it has changed since is it read again.
        session = _as_captured(record.turn) or self._stored(record.turn)
        for _ in range(SESSION_ATTEMPTS):
            try:
                return self._recorder.record(self._turn_record(record, session))
            except ConflictError:
                session = self._stored(record.turn)
        raise StoreUnavailableError("SessionContention")

    def _stored(self, turn: Turn) -> Session:
        """Return the session as it is stored, or one that this turn opens."""
        return self._conversations.find_session(turn.session_id) or Session(
            session_id=turn.session_id,
            user_id_hash=turn.user_id_hash,
            created_at=turn.received_at,
            updated_at=turn.received_at,
            expires_at=0,
            locale=turn.locale,
            variants=turn.origin.variants or _ids(turn.variants),
            returning=turn.origin.returning,
        )

    def _turn_record(self, record: Record, session: Session) -> TurnRecord:
        now = self._clock.now()
        turn, answer = record.turn, record.answer
        expires_at = unix_ms(now) // 1000 + self._policy.retention_days * 86_400
        ours = bool(turn.user_id_hash) and session.user_id_hash == turn.user_id_hash and not session.deleted
        usage = record.draft.usage if record.draft else None
        used = usage.total_tokens if usage else 0
        return TurnRecord(
            event=to_payload(self._event(record, session, now)),
            event_expires_at=expires_at,
            session=self._session_after(session, record, now, expires_at) if ours else None,
            turn=StoredTurn(
                turn_id=turn.turn_id,
                session_id=turn.session_id,
                message=turn.message,
                received_at=turn.received_at,
                expires_at=expires_at,
                claim_key=turn.claim_key,
                reply=answer["reply"]["text"],
                reply_kind=answer["reply"]["kind"],
                crisis_level=answer["crisis"]["level"],
            )
            if ours
            else None,
            claim_key=turn.claim_key,
            settle_key=self._limits.budget_key(
                turn.user_id_hash, unix_ms(datetime.fromisoformat(turn.received_at))
            )
            if turn.reserved_tokens
            else "",
            settle_tokens=used - turn.reserved_tokens if turn.reserved_tokens else 0,
        )

    def _session_after(self, session: Session, record: Record, now: datetime, expires_at: int) -> Session:
        """Return the session as this turn leaves it, starting from what the store holds now."""
        screen = record.screen
        posture = session.posture
        if "screen" not in screen.get("degraded", ()) or screen.get("screened_level"):
            # A message that nobody could screen is no calm turn.
            posture = advance(posture, int(screen["screened_level"]), bool(screen.get("safe_exit")))
        reply_id = _prepared_reply_id(record)
        used = (*session.state.used_reply_ids, *([reply_id] if reply_id else []))
        state = SessionState(
            turn_count=session.state.turn_count + 1,
            last_kind=record.answer["reply"]["kind"],
            used_reply_ids=used[-REMEMBERED_REPLY_IDS:],
            disclosed_at=_disclosed_at(session.state, record),
            referrals=session.state.referrals + _referrals(record),
        )
        return replace(
            session,
            updated_at=now.isoformat(),
            expires_at=expires_at,
            # A session that another turn has written meanwhile keeps what that turn was assigned.
            variants={**record.turn.origin.variants, **session.variants},
            state=state,
            posture=replace(posture, version=session.posture.version + 1),
        )

    def _event(self, record: Record, session: Session, now: datetime) -> TurnEvent:
        turn, answer, screen, intent = record.turn, record.answer, record.screen, record.intent
        draft, validation = record.draft, record.validation
        rules = guardrail_rules(turn.block.rule_id, validation)
        replied_at = datetime.fromisoformat(record.replied_at) if record.replied_at else now
        usage = answer["usage"]
        referred = referral(answer, turn.locale)
        return TurnEvent(
            schema_version=SCHEMA_VERSION,
            turn_id=turn.turn_id,
            user_id_hash=turn.user_id_hash,
            conversation_id=turn.session_id,
            session_id=turn.session_id,
            timestamp=turn.received_at,
            recorded_at=now.isoformat(),
            turn_number=session.state.turn_count + 1,
            active_variants=_in_force(record),
            exposures={**_rendered(record), **_tried(record), **answer["variants"]},
            latency_ms=LatencyBreakdown(
                total_ms=max(0, unix_ms(replied_at) - _ms(record.started_at)),
                stt_ms=None,
                llm_ttft_ms=draft.latency.llm_ttft_ms if draft else 0,
                llm_complete_ms=draft.latency.llm_complete_ms if draft else 0,
                tts_ms=None,
                network_ms=turn.client.network_ms,
                guardrail_ms=turn.timings.guardrail_ms + int((validation or {}).get("guardrail_ms", 0)),
                db_read_ms=turn.timings.db_read_ms,
                db_write_ms=turn.timings.db_write_ms,
                screen_ms=int(screen.get("screen_ms", 0)),
                intent_ms=int(intent.get("intent_ms", 0)),
            ),
            tokens_input=usage["tokens_input"],
            tokens_output=usage["tokens_output"],
            tokens_cache_read=usage["tokens_cache_read"],
            tokens_cache_write=usage["tokens_cache_write"],
            cost_usd=float(usage["cost_usd"]),
            model_id=usage["model_id"],
            provider=draft.provider if draft else "",
            prompt_id=draft.prompt_id if draft else "",
            prompt_sha=draft.prompt_sha if draft else "",
            voice_id=None,
            page_url=turn.client.page_path,
            referrer_class=turn.client.referrer_class,
            device_class=turn.client.device_class,
            browser=turn.client.browser,
            region=self._policy.region,
            locale=turn.locale,
            environment=self._policy.environment,
            crisis_flag_level=answer["crisis"]["level"],
            screened_level=int(screen.get("screened_level", 0)),
            screen_rule_ids=tuple(screen.get("rule_ids", ())),
            screen_model=_screen_model(record),
            safe_exit=bool(screen.get("safe_exit")),
            referrals=_referrals(record),
            session_referrals=session.state.referrals + _referrals(record),
            referral_country=referred.country if referred else None,
            disclosure=(answer.get("disclosure") or {}).get("reason"),
            guardrail_triggered=bool(rules),
            guardrail_rule_id=rules[0] if rules else None,
            guardrail_rule_ids=rules,
            rating=None,
            rating_variant_id=None,
            feedback_text=None,
            error_class=draft.error_class if draft else None,
            error_message=None,
            retry_count=draft.retry_count if draft else 0,
            turn_class=answer["turn_class"],
            intent=answer["intent"]["name"],
            intent_confidence=float(answer["intent"]["confidence"]),
            sentiment=(intent.get("sentiment") or {}).get("label"),
            sentiment_score=(intent.get("sentiment") or {}).get("score"),
            entity_types=tuple(sorted({entity["type"] for entity in intent.get("entities") or ()})),
            path=record.path,
            reply_kind=answer["reply"]["kind"],
            reply_source=draft.source if draft and answer["reply"]["kind"] == "answer" else record.path,
            reply_id=_prepared_reply_id(record),
            quality_score=answer["quality"]["score"],
            quality_parts=dict((validation or {}).get("parts") or {}),
            quality_failures=tuple((validation or {}).get("failures") or ()),
            attempts=record.attempts,
            fallback_used=bool(draft and draft.fallback_used) or answer["reply"]["kind"] == "fallback",
            degraded=tuple(dict.fromkeys((*turn.degraded, *record.degraded))),
            finish_reason=draft.finish_reason if draft else "",
            model_calls=draft.model_calls if draft else (),
            budget_level=draft.budget_level if draft else "",
            assignment_version=turn.assignment_version,
        )

    def _measure(self, record: Record) -> None:
        answer = record.answer
        level = answer["crisis"]["level"]
        kind = answer["reply"]["kind"]
        screen_model = _screen_model(record)
        values: dict[str, tuple[float, str]] = {
            "Turns": (1, "Count"),
            "TurnLatency": (max(0, unix_ms(self._clock.now()) - _ms(record.started_at)), "Milliseconds"),
            "CrisisTurns": (int(level >= CRISIS_FLOW_LEVEL), "Count"),
            "FallbackTurns": (int(kind == "fallback"), "Count"),
            "RefusedTurns": (int(kind == "refusal"), "Count"),
            "DegradedTurns": (int(bool(record.degraded or record.turn.degraded)), "Count"),
            "Regenerations": (int(record.attempts > 1), "Count"),
            "ModelBypasses": (int(kind in ("template", "clarification")), "Count"),
            "ModelScreens": (int(bool(screen_model.model_id)), "Count"),
            "CostMicroUsd": (round((answer["usage"]["cost_usd"] + screen_model.cost_usd) * 1e6), "None"),
        }
        self._metrics.add_all(values, environment=self._policy.environment)
        for rule_id in guardrail_rules(record.turn.block.rule_id, record.validation):
            self._metrics.add("GuardrailTriggers", 1, environment=self._policy.environment, rule=rule_id)
        if referred := referral(answer, record.turn.locale):
            self._metrics.add(
                "CrisisReferrals",
                1,
                environment=self._policy.environment,
                level=str(referred.level),
                country=referred.country,
            )
        for category in _refused_exposures(record):
            self._metrics.add("ExposuresRefused", 1, environment=self._policy.environment, category=category)
        self._metrics.flush()


def _as_captured(turn: Turn) -> Session | None:
    """Return the session as capture read it; None if capture did not run or is of an older version."""
    if not turn.origin.created_at:
        return None
    return Session(
        session_id=turn.session_id,
        user_id_hash=turn.user_id_hash,
        created_at=turn.origin.created_at,
        updated_at=turn.received_at,
        expires_at=0,
        locale=turn.origin.locale,
        state=turn.session,
        posture=turn.posture,
        variants=turn.origin.variants,
        returning=turn.origin.returning,
    )


def _prepared_reply_id(record: Record) -> str | None:
    """Return the id of the vetted reply, template or question that was served, if one was."""
    prepared = (record.screen.get("vetted_reply"), record.intent.get("reply"))
    served = (r for r in prepared if r and r.get("text") == record.answer["reply"]["text"])
    return next((reply.get("reply_id") for reply in served), None)


def _referrals(record: Record) -> int:
    return int(referral(record.answer, record.turn.locale) is not None)


def _disclosed_at(state: SessionState, record: Record) -> str:
    """Return when the person was last told; a record that was written late changes nothing that came after
    it.
    """
    told_at = record.turn.received_at if record.answer.get("disclosure") else ""
    return max(state.disclosed_at, told_at)


def _screen_model(record: Record) -> ScreenModelCall:
    """Return the screen's model call; records of an older version and most of the others have none."""
    return from_payload(ScreenModelCall, record.screen.get("model") or {})


def _ms(iso: str) -> int:
    return unix_ms(datetime.fromisoformat(iso))


def _careful(record: Record) -> bool:
    """Whether the turn is no part of any experiment: a crisis, or a message that nobody has screened."""
    return record.answer["crisis"]["level"] >= CRISIS_FLOW_LEVEL or "screen" in record.screen.get(
        "degraded", ()
    )


def _in_force(record: Record) -> dict[str, str]:
    """Return the variant that held in each category. What a client renders is what the answer tells it to."""
    server = record.turn.production if _careful(record) else record.turn.variants
    client = record.answer.get("client_variants") or {}
    return {**_ids(server), **{category: variant["variant_id"] for category, variant in client.items()}}


def _rendered(record: Record) -> dict[str, str]:
    """Return what the client has really rendered. In a crisis it is told another thing than it has."""
    return {} if _careful(record) else accepted(record.turn.client.exposures, _in_force(record))


def _tried(record: Record) -> dict[str, str]:
    """Return what was tried for the reply. An arm whose model fails is judged by what people then got."""
    return {} if _careful(record) or record.draft is None else record.draft.tried


def _refused_exposures(record: Record) -> tuple[str, ...]:
    """Return the categories in which the client reports what it cannot have been told to render."""
    if _careful(record):
        return ()
    rendered = _rendered(record)
    return tuple(category for category in record.turn.client.exposures if category not in rendered)


def _bare(variants: Mapping[str, AssignedVariant]) -> dict[str, AssignedVariant]:
    return {category: AssignedVariant(variant.variant_id) for category, variant in variants.items()}


def _ids(variants: Mapping[str, AssignedVariant]) -> dict[str, str]:
    return {category: variant.variant_id for category, variant in variants.items()}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
