"""The sentinel's records in memory."""

from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.domain.sentinel import Observation


class MemoryObservationStore:
    """An `ObservationStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def find(self, session_id: str, turn_id: str) -> Observation | None:
        with self._store.using("conversations"):
            return self._store.observations.get(session_id, {}).get(turn_id)

    def put(self, observation: Observation) -> bool:
        with self._store.using("conversations"):
            session = self._store.sessions.get(observation.session_id)
            if session is None or session.deleted:
                return False
            kept = self._store.observations.setdefault(observation.session_id, {})
            if observation.turn_id in kept:
                return False
            kept[observation.turn_id] = observation
            return True
