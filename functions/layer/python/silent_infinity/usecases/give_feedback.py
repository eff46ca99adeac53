"""Take explicit feedback and tie it to the turn that it is about."""

from collections.abc import Mapping
from typing import Any

from silent_infinity.domain import problems
from silent_infinity.domain.exposures import accepted
from silent_infinity.domain.guards.before import redact
from silent_infinity.domain.ids import user_id_hash, uuid7
from silent_infinity.domain.text import clean_message
from silent_infinity.domain.turn import CRISIS_FLOW_LEVEL
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.conversations import ConversationStore, Session, StoredTurn
from silent_infinity.ports.feedback import Feedback, FeedbackStore
from silent_infinity.ports.metrics import Metrics
from silent_infinity.ports.randomness import Randomness
from silent_infinity.ports.user_salt import UserSalt
from silent_infinity.ports.validation import SchemaValidator

RATING_CATEGORY = "RATING_VARIANT"


class GiveFeedback:
    """Stores a rating, a net promoter score or a text, for a session of the caller's own."""

    def __init__(
        self,
        *,
        validator: SchemaValidator,
        conversations: ConversationStore,
        feedback: FeedbackStore,
        salt: UserSalt,
        metrics: Metrics,
        clock: Clock,
        randomness: Randomness,
        retention_days: int,
        environment: str,
    ) -> None:
        self._validator = validator
        self._conversations = conversations
        self._feedback = feedback
        self._salt = salt
        self._metrics = metrics
        self._clock = clock
        self._randomness = randomness
        self._retention_days = retention_days
        self._environment = environment

    def __call__(self, subject: str, body: Mapping[str, Any]) -> problems.HttpResponse:
        """Store the feedback: 201 with its id, or a problem.

        Raises:
            StoreUnavailableError: nothing was stored.
        """
        broken = self._validator.violations("feedback_request", dict(body))
        if broken:
            return problems.invalid_request([{"path": v.path, "keyword": v.keyword} for v in broken])
        user = user_id_hash(self._salt.salt(), subject)
        session = self._conversations.find_session(body["session_id"])
        if session is None or session.deleted or session.user_id_hash != user:
            return problems.session_not_found()
        turn_id = body.get("turn_id")
        turn = self._turn(session.session_id, turn_id) if turn_id else None
        if turn_id and turn is None:
            return problems.turn_not_found()
        now = self._clock.now()
        feedback_id = uuid7(unix_ms(now), self._randomness.token(10))
        self._feedback.put(
            Feedback(
                feedback_id=feedback_id,
                session_id=session.session_id,
                user_id_hash=user,
                created_at=now.isoformat(),
                expires_at=unix_ms(now) // 1000 + self._retention_days * 86_400,
                turn_id=turn_id,
                rating=body.get("rating"),
                nps=body.get("nps"),
                text=redact(clean_message(body["text"])) if body.get("text") else None,
                rating_variant_id=self._exposed(body.get("rating_variant_id"), session, turn),
            )
        )
        return problems.ok({"feedback_id": feedback_id}, status=201)

    def _turn(self, session_id: str, turn_id: str) -> StoredTurn | None:
        return next((t for t in self._conversations.all_turns(session_id) if t.turn_id == turn_id), None)

    def _exposed(self, reported: str | None, session: Session, turn: StoredTurn | None) -> str | None:
        """Return the way of asking that was reported, if the session was assigned it and no crisis overrode
        that. Anything else would blur the experiment; the feedback itself is worth keeping without it.
        """
        if reported is None or _in_crisis(session, turn):
            return None
        believed = accepted({RATING_CATEGORY: reported}, session.variants)
        if not believed:
            self._metrics.add("ExposuresRefused", 1, environment=self._environment, category=RATING_CATEGORY)
            self._metrics.flush()
        return believed.get(RATING_CATEGORY)


def _in_crisis(session: Session, turn: StoredTurn | None) -> bool:
    return turn.crisis_level >= CRISIS_FLOW_LEVEL if turn else session.posture.active
