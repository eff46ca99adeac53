"""Turns that somebody looked at after the screen, and in how many of them it had missed a risk."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LiveMisses:
    """Of `judged` turns, `missed` were at level 2 or above where the screen had said less."""

    judged: int = 0
    missed: int = 0


class LiveMissCounts(Protocol):
    """Counts of the whole service. May raise StoreUnavailableError."""

    def between(self, first: date, last: date) -> LiveMisses:
        """Return the counts of some UTC days, both ends included."""
        ...
