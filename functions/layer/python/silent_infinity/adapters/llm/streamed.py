"""What every streaming provider does with the pieces that arrive: collect, measure, and stop in time."""

import re
from dataclasses import dataclass, field

from silent_infinity.domain.limits import utc_day
from silent_infinity.domain.pricing import priced
from silent_infinity.domain.turn import Usage
from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import (
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
    TransientModelError,
)

_SENTENCE_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f\u0964]+[\"'\u2019\u201d)\u00bb]*(?=\s|$)")


@dataclass(slots=True)
class StreamedReply:
    """A reply in the making. `finish_reason` stays empty until the provider says how it ended."""

    request: ModelRequest
    clock: Clock
    provider: str
    model_id: str
    cache_ttl: str = "5m"
    usage: Usage = Usage()
    finish_reason: str = ""
    notes: list[str] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _started_ms: int = 0
    _first_ms: int | None = None

    def __post_init__(self) -> None:
        self._started_ms = unix_ms(self.clock.now())

    @property
    def late(self) -> bool:
        """True once the deadline has passed."""
        return unix_ms(self.clock.now()) >= self.request.deadline_ms

    def add(self, piece: str) -> None:
        """Take a piece of text."""
        if piece and self._first_ms is None:
            self._first_ms = unix_ms(self.clock.now())
        self._pieces.append(piece)

    def finished(self) -> ModelReply:
        """Return the whole reply.

        Raises:
            TransientModelError: the stream ended before the provider said that the reply was complete.
        """
        if not self.finish_reason:
            raise TransientModelError(f"{self.provider}:truncated")
        text = "".join(self._pieces)
        if self.finish_reason == "length":
            # Half a sentence at the end says less than none; without a whole one, validation has to see it.
            text = whole_sentences(text) or text
        return self._reply(text, self.finish_reason)

    def cut(self) -> ModelReply:
        """Return what arrived before the deadline, up to its last whole sentence, if the class is served so.

        Raises:
            ModelTimeoutError: the class wants whole replies, or there is no whole sentence yet.
        """
        text = ""
        if turn_classes()[self.request.turn_class].partial_after_deadline:
            text = whole_sentences("".join(self._pieces))
        if not text:
            raise ModelTimeoutError(f"{self.provider}:deadline")
        self.notes.append("partial")
        return self._reply(text, "length")

    def _reply(self, text: str, finish_reason: str) -> ModelReply:
        now_ms = unix_ms(self.clock.now())
        usage, notes = priced(
            self.usage,
            self.model_id,
            provider=self.provider,
            day=utc_day(now_ms),
            cache_ttl=self.cache_ttl,
        )
        first_ms = now_ms if self._first_ms is None else self._first_ms
        return ModelReply(
            text=text.strip(),
            model_id=self.model_id,
            provider=self.provider,
            usage=usage,
            finish_reason=finish_reason,
            llm_ttft_ms=first_ms - self._started_ms,
            llm_complete_ms=now_ms - self._started_ms,
            notes=(*self.notes, *notes),
        )


def whole_sentences(text: str) -> str:
    """Return the text up to the end of its last whole sentence; empty if there is none."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]].strip() if ends else ""


def refused(reply: ModelReply) -> bool:
    """Whether a reply holds nothing to serve: no text, or the provider's own guard stepped in."""
    return not reply.text.strip() or reply.finish_reason not in ("stop", "length")


def served(request: ModelRequest, provider: str, name: str | None) -> str:
    """Return what the provider calls the model.

    Raises:
        ModelError: the provider does not serve it.
    """
    if name is None:
        raise ModelError(f"{provider}:not-served")
    return name
