"""Let people read and delete their own sessions."""

from silent_infinity.domain import problems
from silent_infinity.domain.ids import user_id_hash
from silent_infinity.ports.claims import ClaimStore
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.conversations import ConversationStore
from silent_infinity.ports.feedback import FeedbackStore
from silent_infinity.ports.summaries import SummaryStore
from silent_infinity.ports.user_salt import UserSalt

TOMBSTONE_SECONDS = 30 * 86_400
"""How long a deleted session's id stays refused.

Longer than any turn can still be on its way: an unrecorded one waits 4 days, and 14 more as a dead letter. A
redrive after the tombstone is gone would bring the words back.
"""


class ReadSession:
    """Returns a session with its turns."""

    def __init__(self, *, conversations: ConversationStore, salt: UserSalt) -> None:
        self._conversations = conversations
        self._salt = salt

    def __call__(self, subject: str, session_id: str) -> problems.HttpResponse:
        """Return the session as JSON, or 404 if it is not the caller's.

        Raises:
            StoreUnavailableError: the session could not be read.
        """
        session = self._conversations.find_session(session_id)
        user = user_id_hash(self._salt.salt(), subject)
        if session is None or session.deleted or session.user_id_hash != user:
            return problems.session_not_found()
        return problems.ok(
            {
                "session_id": session.session_id,
                "created_at": session.created_at,
                "updated_at": session.updated_at,
                "locale": session.locale,
                "turns": [
                    {
                        "turn_id": turn.turn_id,
                        "received_at": turn.received_at,
                        "message": turn.message,
                        "reply": {"text": turn.reply, "kind": turn.reply_kind} if turn.reply else None,
                        "crisis_level": turn.crisis_level,
                    }
                    for turn in self._conversations.all_turns(session_id)
                ],
            }
        )


class DeleteSession:
    """Deletes everything that a session holds in words: messages, replies, feedback, replayable answers, and
    the weekly summaries that tell of it.
    """

    def __init__(
        self,
        *,
        conversations: ConversationStore,
        claims: ClaimStore,
        feedback: FeedbackStore,
        summaries: SummaryStore,
        salt: UserSalt,
        clock: Clock,
    ) -> None:
        self._conversations = conversations
        self._claims = claims
        self._feedback = feedback
        self._summaries = summaries
        self._salt = salt
        self._clock = clock

    def __call__(self, subject: str, session_id: str) -> problems.HttpResponse:
        """Delete the session and say how much went; 404 if it is not the caller's.

        The tombstone comes first, so that neither a turn nor a summary can be added behind the deletion's
        back; the turns go last, because they name the claims. An interrupted deletion can be sent again, and
        so can a finished one.

        Raises:
            StoreUnavailableError: something is left; send the request again.
        """
        session = self._conversations.find_session(session_id)
        if session is None or session.user_id_hash != user_id_hash(self._salt.salt(), subject):
            return problems.session_not_found()
        if not session.deleted:
            now = self._clock.now()
            self._conversations.bury_session(
                session_id, now.isoformat(), unix_ms(now) // 1000 + TOMBSTONE_SECONDS
            )
        turns = self._conversations.all_turns(session_id)
        self._claims.forget(tuple(turn.claim_key for turn in turns if turn.claim_key))
        feedback = self._feedback.forget_session(session_id)
        summaries = self._summaries.forget_session(session.user_id_hash, session_id)
        removed = self._conversations.remove_turns(session_id)
        return problems.ok(
            {
                "session_id": session_id,
                "turns_deleted": removed,
                "feedback_deleted": feedback,
                "summaries_deleted": summaries,
            }
        )
