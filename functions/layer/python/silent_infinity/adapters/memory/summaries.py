"""Weekly summaries in memory."""

from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.ports.summaries import Summary, SummaryState


class MemorySummaryStore:
    """A `SummaryStore`: person and week to summary, week to the run at work on it and until when."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def hold_week(self, week: str, run: str, now_ms: int, until_ms: int) -> bool:
        with self._store.using("conversations"):
            holder, held_until_ms = self._store.week_leases.get(week, (run, until_ms))
            if holder != run and held_until_ms >= now_ms:
                return False
            self._store.week_leases[week] = run, until_ms
            return True

    def release_week(self, week: str, run: str) -> None:
        with self._store.using("conversations"):
            if self._store.week_leases.get(week, ("", 0))[0] == run:
                del self._store.week_leases[week]

    def claim(self, claim: Summary) -> bool:
        with self._store.using("conversations"):
            key = claim.user_id_hash, claim.week
            current = self._store.summaries.get(key)
            if current is not None and (
                current.state is SummaryState.WRITTEN
                or (current.run == claim.run and current.page != claim.page)
            ):
                return False
            self._store.summaries[key] = claim
            return True

    def find(self, user_id_hash: str, week: str) -> Summary | None:
        with self._store.using("conversations"):
            return self._store.summaries.get((user_id_hash, week))

    def keep(self, summary: Summary) -> bool:
        with self._store.using("conversations"):
            key = summary.user_id_hash, summary.week
            current = self._store.summaries.get(key)
            if current is None or current.state is not SummaryState.DUE or current.run != summary.run:
                return False
            if summary.state is SummaryState.WRITTEN and not all(map(self._is_open, summary.session_ids)):
                return False
            self._store.summaries[key] = summary
            return True

    def of_person(self, user_id_hash: str) -> tuple[Summary, ...]:
        with self._store.using("conversations"):
            return tuple(
                summary
                for (user, _), summary in sorted(self._store.summaries.items())
                if user == user_id_hash
            )

    def forget_session(self, user_id_hash: str, session_id: str) -> int:
        with self._store.using("conversations"):
            found = [s for s in self.of_person(user_id_hash) if session_id in s.session_ids]
            for summary in found:
                del self._store.summaries[user_id_hash, summary.week]
            return len(found)

    def _is_open(self, session_id: str) -> bool:
        session = self._store.sessions.get(session_id)
        return session is not None and not session.deleted and not session.posture.active
