"""Explicit feedback in memory."""

from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.ports.feedback import Feedback


class MemoryFeedbackStore:
    """A `FeedbackStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def put(self, feedback: Feedback) -> None:
        with self._store.using("feedback"):
            self._store.feedback.setdefault(feedback.feedback_id, feedback)

    def of_session(self, session_id: str) -> tuple[Feedback, ...]:
        with self._store.using("feedback"):
            found = [piece for piece in self._store.feedback.values() if piece.session_id == session_id]
        return tuple(sorted(found, key=lambda piece: piece.created_at))

    def forget_session(self, session_id: str) -> int:
        with self._store.using("feedback"):
            found = self.of_session(session_id)
            for piece in found:
                del self._store.feedback[piece.feedback_id]
            return len(found)
