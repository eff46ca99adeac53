"""Capture a message: the first state of every turn.

The order matters. The claim fixes who answers and under which identifiers; the message is stored right after
it, before anything else can fail; only then come the things that a turn can do without.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from silent_infinity.domain import problems
from silent_infinity.domain.disclosure import disclosure_due
from silent_infinity.domain.exposures import rendered_by_client
from silent_infinity.domain.guards.before import check_message, redact
from silent_infinity.domain.ids import body_hash, user_id_hash, uuid4, uuid7
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.text import clean_message, utf8_size
from silent_infinity.domain.turn import (
    AssignedVariant,
    Block,
    CaptureTimings,
    Client,
    Limit,
    SessionOrigin,
    Turn,
    Utterance,
)
from silent_infinity.domain.variants import ASSIGNMENT_VERSION
from silent_infinity.ports.claims import CLAIM_SECONDS, Claim, ClaimStore
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.conversations import ConversationStore, Session, StoredTurn
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from silent_infinity.ports.limits import LimitPolicy, LimitStore
from silent_infinity.ports.randomness import Randomness
from silent_infinity.ports.user_salt import UserSalt
from silent_infinity.ports.validation import SchemaValidator
from silent_infinity.ports.variants import VariantRegistry

T = TypeVar("T")

_Assigned = dict[str, AssignedVariant]
_Assignment = tuple[Session, _Assigned, _Assigned]

LEASE_MS = 30_000
"""A claim older than this may be taken over; longer than any execution lives."""

HISTORY_TURNS = 12
HISTORY_BYTES = 60_000
"""Step Functions passes at most 256 KiB between states, and the history travels through several."""

DEFAULT_LOCALE = "en-US"
ID_TOKEN = "id"  # noqa: S105 -- the kind of token, not a token


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """A message as the workflow hands it over.

    `claim_key` is what makes the turn happen once: the state machine hashes it from the subject and the
    client's idempotency key, or the execution if there is no key, so that it is known even when capture is
    down. A subject is a random UUID: without salt the hash still cannot be guessed, and it is kept for a day.
    """

    body: dict[str, Any]
    subject: str
    token_use: str
    claim_key: str
    execution_id: str
    request_id: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "CaptureRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Captured:
    """What capture decided.

    `outcome` is `accepted` (with `turn`), `replayed` or `refused` (with `response`), `in_progress` (another
    execution is at work on the same claim), or `unrecorded` (a reply was fixed but its record is still due).
    """

    outcome: str
    claim_key: str = ""
    response: problems.HttpResponse | None = None
    record: dict[str, Any] | None = None
    turn: Turn | None = None

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        payload: dict[str, Any] = to_payload(self)
        return payload


@dataclass(frozen=True, slots=True)
class CapturePolicy:
    """The limits of one person, and how long conversations are kept (days)."""

    limits: LimitPolicy
    retention_days: int


class CaptureMessage:
    """Validates, claims and stores one message, and gathers what the turn needs to know."""

    def __init__(
        self,
        *,
        validator: SchemaValidator,
        conversations: ConversationStore,
        claims: ClaimStore,
        limits: LimitStore,
        variants: VariantRegistry,
        salt: UserSalt,
        clock: Clock,
        randomness: Randomness,
        policy: CapturePolicy,
    ) -> None:
        self._validator = validator
        self._conversations = conversations
        self._claims = claims
        self._limits = limits
        self._variants = variants
        self._salt = salt
        self._clock = clock
        self._randomness = randomness
        self._policy = policy

    def __call__(self, request: CaptureRequest) -> Captured:
        """Capture the message.

        Raises:
            StoreUnavailableError: the message could not be stored; the workflow goes on without a record.
        """
        refusal = self._refuse(request)
        if refusal is not None:
            return Captured("refused", response=refusal)
        attempt = _Attempt(
            request=request,
            user=user_id_hash(self._salt.salt(), request.subject),
            now=self._clock.now(),
            reads=_Stopwatch(self._clock),
        )
        wanted = request.body.get("session_id")
        session = self._session(attempt, wanted) if wanted else None
        if wanted and not _owned(session, attempt.user):
            return Captured("refused", response=problems.session_not_found())
        claim = self._claim(attempt, wanted)
        standing = self._claims.put_if_absent(claim)
        decided = self._decide(standing, claim, attempt.now)
        if isinstance(decided, Captured):
            return decided
        resumed = decided.turn_id != claim.turn_id
        if session is None and resumed:
            session = self._session(attempt, decided.session_id)
        # Whoever began this turn and died has counted it; a lease that was given back says it was limited.
        counted = resumed and standing.lease_until_ms > 0
        return self._accept(attempt, decided, session, counted=counted)

    def _refuse(self, request: CaptureRequest) -> problems.HttpResponse | None:
        if request.token_use != ID_TOKEN or not request.subject:
            return problems.unauthorized()
        broken = self._validator.violations("turn_request", request.body)
        if broken:
            return problems.invalid_request([{"path": v.path, "keyword": v.keyword} for v in broken])
        if not clean_message(request.body["message"]):
            return problems.invalid_request([{"path": "/message", "keyword": "minLength"}])
        return None

    def _session(self, attempt: "_Attempt", session_id: str) -> Session | None:
        return attempt.reads.time(lambda: self._conversations.find_session(session_id))

    def _claim(self, attempt: "_Attempt", session_id: str | None) -> Claim:
        request, now_ms = attempt.request, unix_ms(attempt.now)
        return Claim(
            claim_key=request.claim_key,
            body_hash=body_hash(request.body),
            turn_id=uuid7(now_ms, self._randomness.token(10)),
            session_id=session_id or uuid4(self._randomness.token(16)),
            owner=request.execution_id,
            lease_until_ms=now_ms + LEASE_MS,
            expires_at=now_ms // 1000 + CLAIM_SECONDS,
        )

    def _decide(self, standing: Claim, ours: Claim, now: datetime) -> Claim | Captured:
        if standing.body_hash and standing.body_hash != ours.body_hash:
            return Captured("refused", response=problems.key_reused())
        if standing.answer is not None:
            if standing.record is not None:
                return Captured("unrecorded", standing.claim_key, record=json.loads(standing.record))
            replay = problems.HttpResponse(200, standing.answer, {"Content-Type": "application/json"})
            return Captured("replayed", standing.claim_key, response=replay)
        if standing.owner == ours.owner:
            return standing
        if standing.lease_until_ms > unix_ms(now):
            return Captured("in_progress", standing.claim_key)
        taken = self._claims.take_over(standing, ours.owner, ours.lease_until_ms)
        return taken or Captured("in_progress", standing.claim_key)

    def _accept(
        self, attempt: "_Attempt", claim: Claim, session: Session | None, *, counted: bool
    ) -> Captured:
        user, now, reads = attempt.user, attempt.now, attempt.reads
        body = attempt.request.body
        message = clean_message(body["message"])
        checks = _Stopwatch(self._clock)
        locale = body.get("locale") or (session.locale if session else DEFAULT_LOCALE)
        verdict = checks.time(lambda: check_message(message, locale, claim.turn_id))
        expires_at = unix_ms(now) // 1000 + self._policy.retention_days * 86_400
        opens = session is None
        session = session or Session(
            session_id=claim.session_id,
            user_id_hash=user,
            created_at=now.isoformat(),
            updated_at=now.isoformat(),
            expires_at=expires_at,
            locale=locale,
        )
        degraded: list[str] = []
        # Variants come before the message is stored only because a new session is stored with them; the
        # registry answers from its cache or the initial population when its table is down.
        choosing = _Stopwatch(self._clock)
        session, assigned, defaults = choosing.time(partial(self._assign, session, opens=opens))
        if self._variants.stale:
            degraded.append("variants")
        writes = _Stopwatch(self._clock)
        stored = StoredTurn(
            turn_id=claim.turn_id,
            session_id=session.session_id,
            message=redact(message),
            received_at=now.isoformat(),
            expires_at=expires_at,
            claim_key=claim.claim_key,
        )
        try:
            writes.time(lambda: self._conversations.store_message(session, stored))
        except ConflictError:
            self._claims.release(claim.claim_key, claim.owner)
            return Captured("refused", response=problems.session_not_found())
        limit = None if counted else self._limit(user, claim, unix_ms(now), degraded, writes)
        turn = Turn(
            turn_id=claim.turn_id,
            session_id=session.session_id,
            user_id_hash=user,
            claim_key=claim.claim_key,
            received_at=now.isoformat(),
            message=message,
            stored_message=stored.message,
            locale=locale,
            client=from_payload(Client, body.get("client") or {}),
            history=self._history(session, claim.turn_id, degraded, reads),
            posture=session.posture,
            session=session.state,
            origin=SessionOrigin(
                session.created_at, session.locale, session.variants, returning=session.returning
            ),
            disclosure=disclosure_due(session.state.disclosed_at, now, locale),
            variants=_of_server(assigned),
            production=_of_server(defaults),
            client_variants=_of_client(assigned),
            client_production=_of_client(defaults),
            assignment_version=ASSIGNMENT_VERSION,
            limited=limit is not None,
            limit=limit or Limit(),
            blocked=verdict.blocked,
            block=Block(verdict.rule_id, verdict.reply_text),
            reserved_tokens=0 if limit or "limits" in degraded else self._policy.limits.reserve_tokens,
            degraded=tuple(degraded),
            timings=CaptureTimings(reads.ms, writes.ms, checks.ms, choosing.ms),
        )
        return Captured("accepted", claim.claim_key, turn=turn)

    def _assign(self, session: Session, *, opens: bool) -> _Assignment:
        """Return the session with what it is assigned now, that with its configurations, and production's.

        What was stored is kept for as long as it may be served. A registry that is down knows no arms: what
        it says is served, and no session is moved by it.
        """
        plan = self._variants.plan()
        if opens and plan.asks_returning:
            session = replace(session, returning=self._returning(session.user_id_hash))
        assigned = plan.assign(
            session_id=session.session_id,
            user_id=session.user_id_hash,
            stored=session.variants,
            returning=session.returning,
        )
        ids = {category: variant.variant_id for category, variant in assigned.items()}
        kept = {**ids, **session.variants} if self._variants.stale else {**session.variants, **ids}
        return replace(session, variants=kept), assigned, plan.production()

    def _returning(self, user: str) -> bool | None:
        """Return whether the person was here before; None, which is in no such cohort, if nobody can tell."""
        try:
            return self._conversations.has_session(user)
        except StoreUnavailableError:
            return None

    def _limit(
        self, user: str, claim: Claim, now_ms: int, degraded: list[str], writes: "_Stopwatch"
    ) -> Limit | None:
        """Count the turn. A limited turn gives its claim back, so that a later try need not wait for it."""
        try:
            limit = writes.time(lambda: self._limits.take_turn(user, self._policy.limits, now_ms))
            if limit is not None:
                self._claims.release(claim.claim_key, claim.owner)
        except StoreUnavailableError:
            degraded.append("limits")
            return None
        return limit

    def _history(
        self, session: Session, turn_id: str, degraded: list[str], reads: "_Stopwatch"
    ) -> tuple[Utterance, ...]:
        if session.state.turn_count == 0:
            return ()
        try:
            turns = reads.time(
                lambda: self._conversations.recent_turns(session.session_id, HISTORY_TURNS + 1)
            )
        except StoreUnavailableError:
            degraded.append("history")
            return ()
        utterances: list[Utterance] = []
        size = 0
        for turn in reversed([t for t in turns if t.turn_id != turn_id][-HISTORY_TURNS:]):
            pair = [Utterance("user", turn.message)]
            if turn.reply:
                pair.append(Utterance("assistant", turn.reply))
            size += sum(utf8_size(utterance.text) for utterance in pair)
            if size > HISTORY_BYTES:
                break
            utterances[:0] = pair
        return tuple(utterances)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One call of capture: who asked for what, and when."""

    request: CaptureRequest
    user: str
    now: datetime
    reads: "_Stopwatch"


class _Stopwatch:
    """Adds up the milliseconds of several calls."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ms = 0

    def time(self, call: Callable[[], T]) -> T:
        start = unix_ms(self._clock.now())
        try:
            return call()
        finally:
            self.ms += unix_ms(self._clock.now()) - start


def _of_client(variants: _Assigned) -> _Assigned:
    return {name: variant for name, variant in variants.items() if rendered_by_client(name)}


def _of_server(variants: _Assigned) -> _Assigned:
    return {name: variant for name, variant in variants.items() if not rendered_by_client(name)}


def _owned(session: Session | None, user: str) -> bool:
    return session is not None and not session.deleted and session.user_id_hash == user
