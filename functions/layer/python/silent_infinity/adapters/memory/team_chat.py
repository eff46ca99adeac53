"""A channel that only a test reads."""

from silent_infinity.ports.errors import StoreUnavailableError


class MemoryTeamChat:
    """A `TeamChat` that remembers. `unavailable`: nothing can be posted."""

    def __init__(self) -> None:
        self.posted: list[str] = []
        self.unavailable = False

    def post(self, text: str) -> bool:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
        self.posted.append(text)
        return True
