"""A quarantine in memory."""

from collections.abc import Mapping

from silent_infinity.ports.errors import StoreUnavailableError


class MemoryQuarantine:
    """A `Quarantine` that remembers in `kept`. While `unavailable`, nothing can be kept."""

    def __init__(self) -> None:
        self.kept: list[dict[str, str]] = []
        self.unavailable = False

    def put(self, facts: Mapping[str, str]) -> None:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
        self.kept.append(dict(facts))
