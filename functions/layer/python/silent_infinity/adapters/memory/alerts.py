"""Alerts in memory."""

from collections.abc import Mapping

from silent_infinity.ports.errors import StoreUnavailableError


class MemoryAlerts:
    """An `Alerts` that remembers: facts in `sent`, plain text in `told`. `unavailable`: none goes out."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, str | int]]] = []
        self.told: list[tuple[str, str]] = []
        self.unavailable = False

    def send(self, subject: str, facts: Mapping[str, str | int]) -> None:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
        self.sent.append((subject, dict(facts)))

    def tell(self, subject: str, text: str) -> None:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
        self.told.append((subject, text))
