"""The sentinel's records in memory."""

from datetime import UTC, datetime

from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.domain.sentinel import Observation
from silent_infinity.ports.live_misses import LiveMisses


class MemoryObservationStore:
    """An `ObservationStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def find(self, session_id: str, turn_id: str) -> Observation | None:
        with self._store.using("conversations"):
            return self._store.observations.get(session_id, {}).get(turn_id)

    def put(self, observation: Observation) -> bool:
        with self._store.using("conversations", "variant_metrics"):
            session = self._store.sessions.get(observation.session_id)
            if session is None or session.deleted:
                return False
            kept = self._store.observations.setdefault(observation.session_id, {})
            if observation.turn_id in kept:
                return False
            kept[observation.turn_id] = observation
            day = datetime.fromisoformat(observation.observed_at).astimezone(UTC).date()
            before = self._store.live_misses.get(day, LiveMisses())
            self._store.live_misses[day] = LiveMisses(before.judged + 1, before.missed + observation.miss)
            return True
