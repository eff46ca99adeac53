"""Find out what kind of turn a message asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from silent_infinity.domain.intent.detect import IntentResult, detect
from silent_infinity.domain.intent.entities import together
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.turn import Utterance
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.tone import ToneError, ToneReader


@dataclass(frozen=True, slots=True)
class IntentRequest:
    """A message in its context. `last_kind` is the kind of the previous reply, if there was one."""

    message: str
    turn_id: str = ""
    history: tuple[Utterance, ...] = ()
    locale: str = "en-US"
    last_kind: str | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "IntentRequest":
        """Read the state's input.

        Raises:
            PayloadError: there is no message.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Understood:
    """The intent, and how long it took in milliseconds."""

    intent: IntentResult
    intent_ms: int
    turn_id: str = ""

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        return {**self.intent.to_payload(), "intent_ms": self.intent_ms}


class DetectIntent:
    """Classifies the message; greetings, thanks, goodbyes and unclear messages come with a ready reply.

    `second_reading` is a name and a reader of tone, if the environment has turned one on. It adds to what the
    project's own words say; if it fails the turn goes on with those, marked as degraded by its name.
    """

    def __init__(self, *, clock: Clock, second_reading: tuple[str, ToneReader] | None = None) -> None:
        self._clock = clock
        self._second_reading = second_reading

    def __call__(self, request: IntentRequest) -> Understood:
        """Detect the intent."""
        start = unix_ms(self._clock.now())
        result = detect(
            request.message, request.history, request.locale, request.last_kind, seed=request.turn_id
        )
        if self._second_reading is not None:
            result = _read_again(result, request, *self._second_reading)
        return Understood(result, unix_ms(self._clock.now()) - start, request.turn_id)


def _read_again(result: IntentResult, request: IntentRequest, name: str, reader: ToneReader) -> IntentResult:
    try:
        tone = reader.read(request.message, request.locale)
    except ToneError:
        return replace(result, degraded=(*result.degraded, name))
    return replace(
        result,
        sentiment=tone.sentiment or result.sentiment,
        entities=together(result.entities, tone.entities),
    )
