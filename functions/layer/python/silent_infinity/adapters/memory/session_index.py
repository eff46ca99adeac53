"""The index of sessions by person, in memory."""

from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.ports.session_index import PeoplePage


class MemorySessionIndex:
    """A `SessionIndex` in the order of session ids. The cursor is the last id that was looked at."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def people_since(self, since: str, cursor: str, limit: int) -> PeoplePage:
        with self._store.using("conversations"):
            later = sorted(name for name in self._store.sessions if name > cursor)
            seen = [self._store.sessions[name] for name in later[:limit]]
        people = dict.fromkeys(session.user_id_hash for session in seen if session.updated_at >= since)
        return PeoplePage(tuple(people), later[limit - 1] if len(later) > limit else "")

    def sessions_since(self, user_id_hash: str, since: str) -> tuple[str, ...]:
        with self._store.using("conversations"):
            found = [
                session
                for session in self._store.sessions.values()
                if session.user_id_hash == user_id_hash and session.updated_at >= since
            ]
        return tuple(session.session_id for session in sorted(found, key=lambda session: session.updated_at))
