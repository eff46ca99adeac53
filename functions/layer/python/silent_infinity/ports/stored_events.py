"""Where the events lie that the lake could not be told of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from silent_infinity.domain.lake.arrivals import Arrival, Source


@dataclass(frozen=True, slots=True)
class StreamRange:
    """A part of a stream, as Lambda names what it has given up: from one sequence number to another, both
    included.
    """

    stream: str
    shard: str
    first: str
    last: str


class StoredEvents(Protocol):
    """The tables of turns and feedback, and their streams."""

    def find(self, source: Source, key: str) -> Mapping[str, Any] | None:
        """Return the item of a table, or None if it is gone.

        Raises:
            StoreUnavailableError: nobody knows.
        """
        ...

    def in_range(self, wanted: StreamRange) -> Sequence[Arrival]:
        """Return the new items of a part of a stream, in order.

        Raises:
            StoreUnavailableError: it cannot be read, for instance because the stream has forgotten it.
        """
        ...
