"""Decide whether a draft may be served."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from silent_infinity.domain.crisis.replies import kind_for
from silent_infinity.domain.crisis.reply_guard import check_reply
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.quality import ValidationResult, validate_reply
from silent_infinity.ports.clock import Clock, unix_ms


@dataclass(frozen=True, slots=True)
class CrisisContext:
    """The crisis level of the turn, and the help lines that its reply may name."""

    level: int = 0
    resources: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ValidateRequest:
    """A draft in its context. `source` is `model` or `composer`; `attempt` is 1 or 2."""

    text: str
    source: str
    turn_class: str
    message: str
    turn_id: str = ""
    locale: str = "en-US"
    attempt: int = 1
    crisis: CrisisContext = field(default_factory=CrisisContext)

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ValidateRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Validated:
    """The verdict, and how long it took in milliseconds."""

    validation: ValidationResult
    guardrail_ms: int
    turn_id: str = ""

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        return {**self.validation.to_payload(), "guardrail_ms": self.guardrail_ms}


class ValidateReply:
    """Runs the guards and the quality score over a draft."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, request: ValidateRequest) -> Validated:
        """Validate the draft."""
        start = unix_ms(self._clock.now())
        level = request.crisis.level
        result = validate_reply(
            request.text,
            request.source,
            request.turn_class,
            request.message,
            attempt=request.attempt,
            allowed_contacts=[str(line.get("contact", "")) for line in request.crisis.resources],
            crisis_guard=lambda text: check_reply(text, kind=kind_for(level), locale=request.locale),
        )
        return Validated(result, unix_ms(self._clock.now()) - start, request.turn_id)
