"""The way into the lake."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of documents. `refused` are the places of those that were not taken, `retries` how many
    requests had to be repeated.
    """

    refused: Collection[int] = frozenset()
    retries: int = 0


class Delivery(Protocol):
    """Takes JSON documents for one table of the lake."""

    @property
    def largest_bytes(self) -> int:
        """The size of the largest document that can be taken."""
        ...

    def deliver(self, documents: Sequence[bytes]) -> Receipt:
        """Hand over documents of at most `largest_bytes`, each one line of JSON.

        It never raises because the other side is down. What was not refused has been taken for good; what was
        refused may have been taken all the same, and can be delivered again.
        """
        ...
