"""The state that the in-memory stores share, so that one lock makes a write to several of them one step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from threading import RLock
from typing import Any

from silent_infinity.domain.sentinel import Observation
from silent_infinity.ports.claims import Claim
from silent_infinity.ports.conversations import Session, StoredTurn
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.feedback import Feedback
from silent_infinity.ports.live_misses import LiveMisses
from silent_infinity.ports.summaries import Summary


@dataclass(slots=True)
class Counters:
    """One person's use: theoretical arrival time of the next turn, and the tokens of one UTC day."""

    arrival_ms: int = 0
    day: str = ""
    used_tokens: int = 0


@dataclass(slots=True)
class MemoryStore:
    """Everything that the in-memory stores hold. A name in `unavailable` makes the store of that name fail.

    The names are `conversations`, `turn_events`, `claims`, `limits`, `feedback` and `variant_metrics`, like
    the tables that the adapters on AWS write to.
    """

    sessions: dict[str, Session] = field(default_factory=dict)
    turns: dict[str, dict[str, StoredTurn]] = field(default_factory=dict)
    observations: dict[str, dict[str, Observation]] = field(default_factory=dict)
    live_misses: dict[date, LiveMisses] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    counters: dict[str, Counters] = field(default_factory=dict)
    feedback: dict[str, Feedback] = field(default_factory=dict)
    summaries: dict[tuple[str, str], Summary] = field(default_factory=dict)
    week_leases: dict[str, tuple[str, int]] = field(default_factory=dict)
    unavailable: set[str] = field(default_factory=set)
    _lock: RLock = field(default_factory=RLock)

    @contextmanager
    def using(self, *names: str) -> Iterator[None]:
        """Hold the lock while working on the named stores.

        Raises:
            StoreUnavailableError: one of them is marked as unavailable.
        """
        with self._lock:
            if any(name in self.unavailable for name in names):
                raise StoreUnavailableError("Unavailable")
            yield
