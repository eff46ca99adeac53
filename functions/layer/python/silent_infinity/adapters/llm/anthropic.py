"""Claude through Anthropic's own Messages API.

https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.llm.caching import cache_points, longest_life
from silent_infinity.adapters.llm.codes import MALFORMED, code
from silent_infinity.adapters.llm.knobs import Knobs, knobs
from silent_infinity.adapters.llm.live_switch import require_permission
from silent_infinity.adapters.llm.streamed import StreamedReply, seconds_left, served
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.turn import SystemBlock, Usage
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.llm import (
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
    TransientModelError,
)

if TYPE_CHECKING:
    from anthropic import Anthropic

PROVIDER = "anthropic"
BASE_URL = "https://api.anthropic.com"
CONNECT_SECONDS = 1.0

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
_TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
_SPENT = frozenset({"contract_spend_limit_reached", "enforced_spend_limit_reached"})
"""Answered like throttling, but no pause helps."""

_STREAM_ERRORS = {
    "api_error": True,
    "overloaded_error": True,
    "rate_limit_error": True,
    "timeout_error": True,
    "authentication_error": False,
    "billing_error": False,
    "invalid_request_error": False,
    "not_found_error": False,
    "permission_error": False,
}
"""Errors that come after the status 200 of a stream, and whether they may pass."""


class AnthropicModel:
    """A `LanguageModel`. The SDK takes long to import, so it is imported with the first request."""

    def __init__(self, clock: Clock, *, api_key: str, base_url: str = BASE_URL) -> None:
        self._clock = clock
        self._api_key = api_key
        self._base_url = base_url

    def complete(self, request: ModelRequest) -> ModelReply:
        require_permission(self._base_url)
        model = catalogue().find(request.model_id)
        name = served(request, PROVIDER, model.name_at(PROVIDER) if model else request.model_id)
        taken = knobs(request, model, PROVIDER)
        points = cache_points(request.system, model)
        reply = StreamedReply(
            request,
            self._clock,
            PROVIDER,
            model.id if model else name,
            cache_ttl=longest_life(points),
            notes=list(taken.notes),
        )
        with _mapped_errors():
            answer: Any = self._client.messages.create(
                model=name,
                messages=_messages(request),
                max_tokens=taken.max_tokens,
                stream=request.stream,
                timeout=self._timeout(request),
                **_options(request, points, taken),
            )
            if not request.stream:
                _take_all(answer, reply)
                return reply.finished()
            with closing(answer):
                for event in answer:
                    _take(event, reply)
                    if reply.late and not reply.finish_reason:
                        return reply.cut()
        return reply.finished()

    @cached_property
    def _client(self) -> "Anthropic":
        from anthropic import Anthropic

        # Spans of the SDK's own tracing would leave this process beside the logs that are looked after. It
        # refuses to start without a key, and says so in the midst of a request; the API says it better.
        return Anthropic(
            base_url=self._base_url,
            api_key=self._api_key or "none",
            max_retries=0,
            open_telemetry=False,
        )

    def _timeout(self, request: ModelRequest) -> Any:
        """Return the SDK's time-outs. They hold for each read; the hard deadline is a wrapper's business."""
        from anthropic import Timeout

        left = seconds_left(request, self._clock, PROVIDER)
        return Timeout(left, connect=min(CONNECT_SECONDS, left))


def _messages(request: ModelRequest) -> Any:
    return [{"role": said.role, "content": said.text} for said in request.messages]


def _options(request: ModelRequest, points: tuple[str | None, ...], taken: Knobs) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if request.system:
        options["system"] = [_block(*pair) for pair in zip(request.system, points, strict=True)]
    if taken.temperature is not None:
        # The API takes it, the SDK's signature no longer does.
        options["extra_body"] = {"temperature": taken.temperature}
    if taken.schema is not None:
        options["output_config"] = {"format": {"type": "json_schema", "schema": taken.schema}}
    return options


def _block(block: SystemBlock, life: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "text", "text": block.text}
    if life is not None:
        told["cache_control"] = {"type": "ephemeral", "ttl": life}
    return told


def _take_all(message: Any, reply: StreamedReply) -> None:
    reply.answered_by(getattr(message, "model", None))
    for block in message.content:
        if block.type == "text":
            reply.add(block.text)
    reply.finish_reason = _FINISH_REASONS.get(message.stop_reason, message.stop_reason or "")
    _count(message.usage, reply)


def _take(event: Any, reply: StreamedReply) -> None:
    if event.type == "message_start":
        reply.answered_by(getattr(event.message, "model", None))
        _count(event.message.usage, reply, final=False)
    elif event.type == "content_block_delta" and event.delta.type == "text_delta":
        reply.add(event.delta.text)
    elif event.type == "message_delta":
        reason = event.delta.stop_reason
        reply.finish_reason = _FINISH_REASONS.get(reason, reason or "")
        if event.usage is not None:
            reply.count_output(event.usage.output_tokens)


def _count(usage: Any, reply: StreamedReply, *, final: bool = True) -> None:
    """Take what a message has counted. The beginning of a stream knows all but the output."""
    if usage is None:
        return
    details = usage.cache_creation
    counted = Usage(
        tokens_input=usage.input_tokens,
        tokens_output=usage.output_tokens,
        tokens_cache_read=usage.cache_read_input_tokens or 0,
        tokens_cache_write=usage.cache_creation_input_tokens or 0,
    )
    reply.count(counted, details.ephemeral_1h_input_tokens if details else None, final=final)


@contextmanager
def _mapped_errors() -> Iterator[None]:
    import anthropic
    import httpx2

    try:
        yield
    except (anthropic.APITimeoutError, httpx2.TimeoutException):
        raise ModelTimeoutError(f"{PROVIDER}:timeout") from None
    except (anthropic.APIConnectionError, httpx2.HTTPError):
        raise TransientModelError(f"{PROVIDER}:unreachable") from None
    except anthropic.APIStatusError as error:
        raise _refused(error.status_code, error.type, error.error_code) from None
    except anthropic.AnthropicError:
        raise TransientModelError(f"{PROVIDER}:stream-error") from None
    except MALFORMED:
        raise TransientModelError(f"{PROVIDER}:malformed") from None


def _refused(status: int, kind: str | None, detail: str | None) -> ModelError:
    """Return the error for a status, or for an error in a stream, which has the status of its beginning."""
    if status < 400:
        passing = _STREAM_ERRORS.get(str(kind), True)
        name = str(kind) if kind in _STREAM_ERRORS else "stream-error"
    else:
        passing = (status in _TRANSIENT_STATUS or status >= 500) and detail not in _SPENT
        name = f"http-{status}"
    return (TransientModelError if passing else ModelError)(code(PROVIDER, name))
