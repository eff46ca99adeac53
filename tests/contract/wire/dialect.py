"""What a provider can say, whatever its wire format."""

from dataclasses import dataclass
from typing import Any, Protocol

from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import LanguageModel
from tests.contract.http_fake import Answer


@dataclass(frozen=True)
class Counts:
    """Tokens as a provider reports them. `written` went to a cache, `written_1h` of them for an hour."""

    fresh: int = 1_000
    output: int = 50
    read: int = 2_000
    written: int = 100
    written_1h: int = 40


COUNTS = Counts()


@dataclass(frozen=True)
class Said:
    """A reply in pieces, why it ended (`stop`, `length`, `refused`, or None: it broke off), and its usage."""

    pieces: tuple[str, ...] = ("You keep ", "coming back to it.")
    ends: str | None = "stop"
    counts: Counts | None = COUNTS


@dataclass(frozen=True)
class Timing:
    """How slowly an answer comes, in seconds, and whether the connection is lost before its end."""

    before: float = 0.0
    between: float = 0.0
    truncated: bool = False


AT_ONCE = Timing()


class Dialect(Protocol):
    """One provider in one of its two forms. `usage` is what `COUNTS` has to become, with Sonnet's price."""

    @property
    def name(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def stream(self) -> bool: ...
    @property
    def usage(self) -> Usage: ...

    def connect(self, url: str) -> LanguageModel:
        """Return the adapter, pointed at a server."""
        ...

    def deployed(self) -> LanguageModel:
        """Return the adapter as it is deployed."""
        ...

    def says(self, said: Said, timing: Timing = AT_ONCE) -> Answer:
        """Return a reply."""
        ...

    def fails(self, status: int, text: str) -> Answer:
        """Return an error that quotes `text`."""
        ...

    def garbage(self) -> dict[str, Answer]:
        """Return answers that are not of the documented form, by what is wrong."""
        ...

    def texts(self, body: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
        """Return the instructions of a request, and its messages as role and text."""
        ...
