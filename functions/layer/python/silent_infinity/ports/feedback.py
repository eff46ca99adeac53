"""What people say of replies and sessions."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Feedback:
    """One piece of explicit feedback. `rating` is 1-5, `nps` 0-10; `created_at` ISO 8601 in UTC."""

    feedback_id: str
    session_id: str
    user_id_hash: str
    created_at: str
    expires_at: int
    turn_id: str | None = None
    rating: float | None = None
    nps: int | None = None
    text: str | None = None
    rating_variant_id: str | None = None


class FeedbackStore(Protocol):
    """Explicit feedback. Every method may raise StoreUnavailableError."""

    def put(self, feedback: Feedback) -> None:
        """Store the feedback; storing the same `feedback_id` again changes nothing."""
        ...

    def of_session(self, session_id: str) -> tuple[Feedback, ...]:
        """Return the session's feedback, oldest first."""
        ...

    def forget_session(self, session_id: str) -> int:
        """Delete the session's feedback and return how many pieces went."""
        ...
