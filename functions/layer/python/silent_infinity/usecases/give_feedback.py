"""Take explicit feedback and tie it to the turn that it is about."""

from collections.abc import Mapping
from typing import Any

from silent_infinity.domain import problems
from silent_infinity.domain.guards.before import redact
from silent_infinity.domain.ids import user_id_hash, uuid7
from silent_infinity.domain.text import clean_message
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.conversations import ConversationStore
from silent_infinity.ports.feedback import Feedback, FeedbackStore
from silent_infinity.ports.randomness import Randomness
from silent_infinity.ports.user_salt import UserSalt
from silent_infinity.ports.validation import SchemaValidator


class GiveFeedback:
    """Stores a rating, a net promoter score or a text, for a session of the caller's own."""

    def __init__(
        self,
        *,
        validator: SchemaValidator,
        conversations: ConversationStore,
        feedback: FeedbackStore,
        salt: UserSalt,
        clock: Clock,
        randomness: Randomness,
        retention_days: int,
    ) -> None:
        self._validator = validator
        self._conversations = conversations
        self._feedback = feedback
        self._salt = salt
        self._clock = clock
        self._randomness = randomness
        self._retention_days = retention_days

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
        if turn_id and turn_id not in {t.turn_id for t in self._conversations.all_turns(session.session_id)}:
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
                rating_variant_id=body.get("rating_variant_id"),
            )
        )
        return problems.ok({"feedback_id": feedback_id}, status=201)
