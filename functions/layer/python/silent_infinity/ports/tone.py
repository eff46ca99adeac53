"""A second reading of how a message sounds and what it names, beside the project's own words."""

from dataclasses import dataclass
from typing import Protocol

from silent_infinity.domain.intent.entities import Entity
from silent_infinity.domain.intent.sentiment import Sentiment


@dataclass(frozen=True, slots=True)
class Tone:
    """How a text sounds, and what it names. `sentiment` is None where the reader does not say."""

    sentiment: Sentiment | None = None
    entities: tuple[Entity, ...] = ()


class ToneError(RuntimeError):
    """There is no reading. The message is a code, never text of a person or a provider."""


class ToneReader(Protocol):
    """Anything that reads tone. The project's own words have always been read before."""

    def read(self, text: str, locale: str) -> Tone:
        """Return the tone of `text`, written in the language of `locale` (BCP 47).

        A reader that does not know the language has nothing to say, which is no error.

        Raises:
            ToneError: it could not be asked, or did not answer in time.
        """
        ...
