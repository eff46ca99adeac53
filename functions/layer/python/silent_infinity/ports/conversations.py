"""Where conversations are kept: one item for the session, one for each turn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.turn import SessionState


@dataclass(frozen=True, slots=True)
class Session:
    """A session as stored. Times are ISO 8601 in UTC; `expires_at` is in epoch seconds.

    `variants` maps each category to the variant id that the session is assigned. `returning` says whether the
    person had an earlier session when this one began; None if nobody asked then, or nobody could tell. A
    `deleted` session is a tombstone: its texts are gone, and nothing may be written to it any more.
    """

    session_id: str
    user_id_hash: str
    created_at: str
    updated_at: str
    expires_at: int
    locale: str = "en-US"
    state: SessionState = SessionState()
    posture: Posture = Posture()
    variants: dict[str, str] = field(default_factory=dict)
    deleted: bool = False
    returning: bool | None = None


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A turn as stored: the message from the moment it was captured, the reply once it was recorded."""

    turn_id: str
    session_id: str
    message: str
    received_at: str
    expires_at: int
    claim_key: str = ""
    reply: str = ""
    reply_kind: str = ""
    crisis_level: int = 0


class ConversationStore(Protocol):
    """Sessions and their turns. Every method may raise StoreUnavailableError."""

    def find_session(self, session_id: str) -> Session | None:
        """Return the session (a tombstone included), or None. The read is consistent."""
        ...

    def store_message(self, session: Session, turn: StoredTurn) -> None:
        """Open the session if it does not exist, and store the message, all or nothing.

        Doing it again for the same `turn_id` changes nothing: a reply that is already there stays.

        Raises:
            ConflictError: the session was deleted or belongs to another person.
        """
        ...

    def has_session(self, user_id_hash: str) -> bool:
        """Whether the person has any session, a deleted one included. May lag behind by seconds."""
        ...

    def find_turn(self, session_id: str, turn_id: str) -> StoredTurn | None:
        """Return the turn, or None. The read is consistent."""
        ...

    def recent_turns(self, session_id: str, limit: int) -> Sequence[StoredTurn]:
        """Return the last `limit` turns, oldest first."""
        ...

    def all_turns(self, session_id: str) -> Sequence[StoredTurn]:
        """Return every turn, oldest first."""
        ...

    def bury_session(self, session_id: str, deleted_at: str, expires_at: int) -> None:
        """Leave a tombstone in place of the session: from then on nothing can be written to it.

        Nothing happens if there is no such session.
        """
        ...

    def remove_turns(self, session_id: str) -> int:
        """Delete every turn of the session and all that lies beside it, such as what the sentinel observed;
        only the session's own item stays. Return how many turns went.
        """
        ...
