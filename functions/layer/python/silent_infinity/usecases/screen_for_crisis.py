"""Screen a message for crisis, with what the session's earlier turns say about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.crisis.screen import ScreenResult, screen
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.turn import Utterance
from silent_infinity.ports.clock import Clock, unix_ms


@dataclass(frozen=True, slots=True)
class ScreenRequest:
    """A message in its context. `turn_id` picks among vetted replies, the same one every time."""

    message: str
    turn_id: str = ""
    history: tuple[Utterance, ...] = ()
    posture: Posture = Posture()
    locale: str = "en-US"
    used_reply_ids: tuple[str, ...] = ()

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ScreenRequest":
        """Read the state's input.

        Raises:
            PayloadError: there is no message.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Screened:
    """The verdict, and how long it took in milliseconds."""

    screen: ScreenResult
    screen_ms: int
    turn_id: str = ""

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        return {**self.screen.to_payload(), "screen_ms": self.screen_ms}


class ScreenForCrisis:
    """Runs the stages of the screen and keeps the highest level that any of them finds."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, request: ScreenRequest) -> Screened:
        """Screen the message.

        Raises:
            ScreenError: no stage gave a verdict. The state machine then decides by its red flags.
        """
        start = unix_ms(self._clock.now())
        result = screen(
            request.message,
            [utterance.text for utterance in request.history if utterance.role == "user"],
            request.posture,
            request.locale,
            request.used_reply_ids,
            request.turn_id,
        )
        return Screened(result, unix_ms(self._clock.now()) - start, request.turn_id)
