"""Randomness that repeats itself."""

from random import Random
from threading import Lock


class SeededRandomness:
    """A `Randomness` whose bytes follow from the seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)
        self._lock = Lock()

    def token(self, size: int) -> bytes:
        with self._lock:
            return self._random.randbytes(size)
