"""Randomness, as a port: tests decide what is random."""

from typing import Protocol


class Randomness(Protocol):
    """A source of unpredictable bytes."""

    def token(self, size: int) -> bytes:
        """Return `size` random bytes."""
        ...
