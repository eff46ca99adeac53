"""Counts of live misses in memory: those that `MemoryObservationStore` adds up."""

from datetime import date

from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.ports.live_misses import LiveMisses


class MemoryLiveMissCounts:
    """A `LiveMissCounts`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def between(self, first: date, last: date) -> LiveMisses:
        with self._store.using("variant_metrics"):
            found = [count for day, count in self._store.live_misses.items() if first <= day <= last]
            return LiveMisses(
                judged=sum(count.judged for count in found), missed=sum(count.missed for count in found)
            )
