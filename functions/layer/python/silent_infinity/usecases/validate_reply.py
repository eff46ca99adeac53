"""Decide whether a draft may be served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from silent_infinity.domain.crisis.replies import kind_for
from silent_infinity.domain.crisis.reply_guard import check_reply
from silent_infinity.domain.guards.after import ReplyContext, keeps
from silent_infinity.domain.guards.personal_data import Span, is_public, without
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.quality import ValidationResult, validate_reply
from silent_infinity.domain.turn import Utterance
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.text_guard import Direction, TextGuard, TextGuardError

CRISIS = "TC6"
MODEL = "model"


@dataclass(frozen=True, slots=True)
class CrisisContext:
    """The crisis level of the turn, and the help lines that its reply may name."""

    level: int = 0
    resources: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ValidateRequest:
    """A draft in its context. `source` is `model` or `composer`; `attempt` is 1 or 2. `history` is what was
    said before: a reply may speak of that as well.
    """

    text: str
    source: str
    turn_class: str
    message: str
    turn_id: str = ""
    locale: str = "en-US"
    attempt: int = 1
    crisis: CrisisContext = field(default_factory=CrisisContext)
    history: tuple[Utterance, ...] = ()

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ValidateRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Validated:
    """The verdict, and how long it took in milliseconds. `degraded` are the second opinions that failed."""

    validation: ValidationResult
    guardrail_ms: int
    turn_id: str = ""
    degraded: tuple[str, ...] = ()

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        degraded = {"degraded": list(self.degraded)} if self.degraded else {}
        return {**self.validation.to_payload(), "guardrail_ms": self.guardrail_ms, **degraded}


class ValidateReply:
    """Runs the guards and the quality score over a draft, then asks for second opinions, if there are any.

    `second_opinions` are names and guards. They can only add to what the project's own guards say: one that
    is down is noted and passed over.
    """

    def __init__(self, *, clock: Clock, second_opinions: Sequence[tuple[str, TextGuard]] = ()) -> None:
        self._clock = clock
        self._second_opinions = tuple(second_opinions)

    def __call__(self, request: ValidateRequest) -> Validated:
        """Validate the draft."""
        start = unix_ms(self._clock.now())
        level = request.crisis.level
        contacts = tuple(str(line.get("contact", "")) for line in request.crisis.resources)
        result = validate_reply(
            request.text,
            request.source,
            request.turn_class,
            request.message,
            attempt=request.attempt,
            allowed_contacts=contacts,
            history=tuple(turn.text for turn in request.history),
            crisis_guard=lambda text: check_reply(text, kind=kind_for(level), locale=request.locale),
        )
        degraded: list[str] = []
        # What the composer writes is made of vetted words, and a refused draft need not be read again.
        if request.source == MODEL and result.acceptable:
            for name, guard in self._second_opinions:
                try:
                    result = _with_opinion(result, guard, request, contacts)
                except TextGuardError:
                    degraded.append(name)
        return Validated(result, unix_ms(self._clock.now()) - start, request.turn_id, tuple(degraded))


def _with_opinion(
    result: ValidationResult, guard: TextGuard, request: ValidateRequest, contacts: tuple[str, ...]
) -> ValidationResult:
    opinion = guard.judge(result.text, Direction.REPLY, request.locale)
    context = ReplyContext(turn_class=request.turn_class, message=request.message)

    def keep(span: Span, value: str) -> bool:
        return is_public(value, contacts) or keeps(context, span, value)

    redacted = without(result.text, opinion.spans, keep)
    # A crisis reply is held to the clinical rules, which know what they read; a general filter does not.
    blocks = () if request.turn_class == CRISIS else opinion.blocks
    return replace(
        result,
        acceptable=result.acceptable and not blocks,
        text=redacted.text,
        failures=tuple(dict.fromkeys((*result.failures, *blocks))),
        rule_ids=tuple(dict.fromkeys((*result.rule_ids, *redacted.rule_ids, *opinion.blocks))),
    )
