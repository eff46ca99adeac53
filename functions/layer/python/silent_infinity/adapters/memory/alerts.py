"""Alerts in memory."""

from collections.abc import Mapping

from silent_infinity.ports.errors import StoreUnavailableError


class MemoryAlerts:
    """An `Alerts` that remembers in `sent`. While `unavailable`, nothing can be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, str | int]]] = []
        self.unavailable = False

    def send(self, subject: str, facts: Mapping[str, str | int]) -> None:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
        self.sent.append((subject, dict(facts)))
