"""What processes tell each other about models that fail."""

from typing import Protocol

from silent_infinity.domain.breaker import BreakerState


class BreakerStore(Protocol):
    """The states of circuit breakers by key. May raise StoreUnavailableError."""

    def read(self, key: str) -> BreakerState:
        """Return the state; a closed one if nothing is known."""
        ...

    def replace(self, key: str, old: BreakerState, new: BreakerState, now_ms: int) -> bool:
        """Put `new` in the place of `old`; return False if somebody else has changed it since."""
        ...
