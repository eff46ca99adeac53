"""A second opinion on a text, from somewhere else than the project's own guards."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from silent_infinity.domain.guards.personal_data import Span


class Direction(StrEnum):
    """Whose text is judged: the person's message, or the reply to it."""

    MESSAGE = "message"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a guard makes of a text: rules by which it may not go on, and personal data in it."""

    blocks: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()


class TextGuardError(RuntimeError):
    """The guard has no opinion. The message is a code, never text of a person, a reply or a provider."""


class TextGuard(Protocol):
    """Anything that judges texts. The project's own guards have always judged before."""

    def judge(self, text: str, direction: Direction, locale: str) -> Opinion:
        """Return what the guard makes of `text`, written in the language of `locale` (BCP 47).

        A guard that does not know the language, or does not judge texts of this direction, has nothing to
        say, which is no error.

        Raises:
            TextGuardError: it could not be asked, or did not answer in time.
        """
        ...
