"""The system's time."""

from datetime import UTC, datetime


class SystemClock:
    """A `Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)
