"""Clocks that tests set."""

from datetime import datetime, timedelta
from threading import Lock


class FixedClock:
    """A `Clock` that stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment

    def advance(self, seconds: float) -> None:
        """Move the time on."""
        self._moment += timedelta(seconds=seconds)


class SteppingClock:
    """A `Clock` that moves on by a fixed step each time it is read; the first reading is the start."""

    def __init__(self, start: datetime, step_seconds: float = 0.001) -> None:
        self._next = start
        self._step = timedelta(seconds=step_seconds)
        self._lock = Lock()

    def now(self) -> datetime:
        with self._lock:
            moment = self._next
            self._next += self._step
            return moment
