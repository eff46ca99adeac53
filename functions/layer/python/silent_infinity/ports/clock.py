"""Time, as a port: tests decide what the time is."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The current time."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...


def unix_ms(moment: datetime) -> int:
    """Return milliseconds since 1970-01-01 UTC."""
    return int(moment.timestamp() * 1000)
