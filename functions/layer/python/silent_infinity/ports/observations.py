"""Where the sentinel keeps what it observed: one item for each turn, beside the turn."""

from typing import Protocol

from silent_infinity.domain.sentinel import Observation


class ObservationStore(Protocol):
    """The sentinel's records. Every method may raise StoreUnavailableError."""

    def find(self, session_id: str, turn_id: str) -> Observation | None:
        """Return what was observed in the turn, or None. The read is consistent."""
        ...

    def put(self, observation: Observation) -> bool:
        """Keep the observation, count the turn as judged (`LiveMissCounts`), and tell whether it was kept.

        It is not if the turn has one already, which stays as it is, or if the session is not there or was
        deleted: then nothing may be written beside it any more, and nothing is counted.
        """
        ...
