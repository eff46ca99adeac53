"""Stored events in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from silent_infinity.domain.lake.arrivals import Arrival, Source
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.stored_events import StreamRange


class MemoryStoredEvents:
    """`StoredEvents` over `items` (by source and key) and `ranges`. While `unavailable`, nothing is read."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.ranges: dict[StreamRange, Sequence[Arrival]] = {}
        self.unavailable = False

    def find(self, source: Source, key: str) -> Mapping[str, Any] | None:
        self._check()
        return self.items.get((source.name, key))

    def in_range(self, wanted: StreamRange) -> Sequence[Arrival]:
        self._check()
        if wanted not in self.ranges:
            raise StoreUnavailableError("TrimmedDataAccessException")
        return self.ranges[wanted]

    def _check(self) -> None:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
