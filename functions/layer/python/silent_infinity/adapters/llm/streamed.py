"""What every provider does with what arrives, in pieces or at once: collect, measure, price, stop in time."""

import re
from dataclasses import dataclass, field, replace

from silent_infinity.domain.limits import utc_day
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.pricing import priced
from silent_infinity.domain.prompt_cache import most_tokens
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
    """A reply in the making. `finish_reason` stays empty until the provider says how it ended.

    `profile` is the inference profile that the call goes through, and `cache_ttl` how long cache writes are
    kept whose life the provider does not tell: both decide the price.
    """

    request: ModelRequest
    clock: Clock
    provider: str
    model_id: str
    profile: str = ""
    cache_ttl: str = "5m"
    finish_reason: str = ""
    notes: list[str] = field(default_factory=list)
    _usage: Usage = Usage()
    _written_1h: int | None = None
    _counted: bool = False
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

    def answered_by(self, name: str | None) -> None:
        """Take the name by which the answering model calls itself.

        A server may put another model in the place of the one that was asked: if the catalogue knows it,
        family and price are its own. An unknown name, such as that of a snapshot, tells nothing.
        """
        model = catalogue().find(name) if isinstance(name, str) else None
        if model is not None:
            self.model_id = model.id

    def count(self, usage: Usage, written_1h: int | None = None, *, final: bool = True) -> None:
        """Take what the provider counted. It is `final` once the output is in it.

        `written_1h` is how many of the tokens written to a cache stay there for an hour, if that is known.
        """
        self._usage, self._written_1h, self._counted = usage, written_1h, final

    def count_output(self, tokens: int) -> None:
        """Take the output's count, where it comes after that of the input."""
        self._usage, self._counted = replace(self._usage, tokens_output=tokens), True

    def finished(self) -> ModelReply:
        """Return the whole reply.

        Raises:
            TransientModelError: the stream ended before the provider said that the reply was complete.
        """
        if not self.finish_reason:
            raise TransientModelError(f"{self.provider}:truncated")
        text = "".join(self._pieces)
        if self.finish_reason == "length" and self.request.response_schema is None:
            # Half a sentence at the end says less than none; without a whole one, validation has to see it.
            text = whole_sentences(text) or text
        return self._reply(text, self.finish_reason)

    def cut(self) -> ModelReply:
        """Return what arrived before the deadline, up to its last whole sentence, if the class is served so.

        Raises:
            ModelTimeoutError: the class wants whole replies, or there is no whole sentence yet.
        """
        text = ""
        rules = turn_classes()[self.request.turn_class]
        if rules.partial_after_deadline and self.request.response_schema is None:
            text = whole_sentences("".join(self._pieces))
        if not text:
            raise ModelTimeoutError(f"{self.provider}:deadline")
        self.notes.append("partial")
        return self._reply(text, "length")

    def _reply(self, text: str, finish_reason: str) -> ModelReply:
        now_ms = unix_ms(self.clock.now())
        if not self._counted:
            self.notes.append("usage-estimated")
        usage, notes = priced(
            self._usage if self._counted else self._estimated(),
            self.model_id,
            provider=self.provider,
            day=utc_day(now_ms),
            profile=self.profile,
            cache_ttl=self.cache_ttl,
            written_1h=self._written_1h,
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

    def _estimated(self) -> Usage:
        """Return what the call has used at most: what was counted so far, the rest from the characters.

        An estimate that errs towards more keeps a budget safe.
        """
        known = self._usage
        asked = self.request.system_text + "".join(said.text for said in self.request.messages)
        told = known.tokens_input or known.tokens_cache_read or known.tokens_cache_write
        return replace(
            known,
            tokens_input=known.tokens_input if told else most_tokens(asked),
            tokens_output=max(known.tokens_output, most_tokens("".join(self._pieces))),
        )


def whole_sentences(text: str) -> str:
    """Return the text up to the end of its last whole sentence; empty if there is none."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]].strip() if ends else ""


def refused(reply: ModelReply) -> bool:
    """Whether a reply holds nothing to serve: no text, or the provider's own guard stepped in."""
    return not reply.text.strip() or reply.finish_reason not in ("stop", "length")


def seconds_left(request: ModelRequest, clock: Clock, provider: str) -> float:
    """Return how long the provider has.

    Raises:
        ModelTimeoutError: the deadline has passed, so the request is not sent: it would cost and be too late.
    """
    left = (request.deadline_ms - unix_ms(clock.now())) / 1000
    if left <= 0:
        raise ModelTimeoutError(f"{provider}:deadline")
    return left


def served(request: ModelRequest, provider: str, name: str | None) -> str:
    """Return what the provider calls the model.

    Raises:
        ModelError: the provider does not serve it.
    """
    if name is None:
        raise ModelError(f"{provider}:not-served")
    return name
