"""Sessions and turns in memory."""

from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.ports.conversations import Session, StoredTurn
from silent_infinity.ports.errors import ConflictError


class MemoryConversationStore:
    """A `ConversationStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def find_session(self, session_id: str) -> Session | None:
        with self._store.using("conversations"):
            return self._store.sessions.get(session_id)

    def store_message(self, session: Session, turn: StoredTurn) -> None:
        with self._store.using("conversations"):
            current = self._store.sessions.setdefault(session.session_id, session)
            if current.deleted or current.user_id_hash != session.user_id_hash:
                raise ConflictError("session")
            self._store.turns.setdefault(session.session_id, {}).setdefault(turn.turn_id, turn)

    def has_session(self, user_id_hash: str) -> bool:
        with self._store.using("conversations"):
            return any(session.user_id_hash == user_id_hash for session in self._store.sessions.values())

    def find_turn(self, session_id: str, turn_id: str) -> StoredTurn | None:
        with self._store.using("conversations"):
            return self._store.turns.get(session_id, {}).get(turn_id)

    def recent_turns(self, session_id: str, limit: int) -> tuple[StoredTurn, ...]:
        return self.all_turns(session_id)[-limit:] if limit > 0 else ()

    def all_turns(self, session_id: str) -> tuple[StoredTurn, ...]:
        with self._store.using("conversations"):
            turns = self._store.turns.get(session_id, {})
            return tuple(turns[turn_id] for turn_id in sorted(turns))

    def bury_session(self, session_id: str, deleted_at: str, expires_at: int) -> None:
        with self._store.using("conversations"):
            session = self._store.sessions.get(session_id)
            if session is not None:
                self._store.sessions[session_id] = Session(
                    session_id=session_id,
                    user_id_hash=session.user_id_hash,
                    created_at=session.created_at,
                    updated_at=deleted_at,
                    expires_at=expires_at,
                    deleted=True,
                )

    def remove_turns(self, session_id: str) -> int:
        with self._store.using("conversations"):
            self._store.observations.pop(session_id, None)
            return len(self._store.turns.pop(session_id, {}))
