"""Models behind an OpenAI-style chat API: OpenAI, Gemini, Ollama, vLLM, llama.cpp, the local server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.llm.codes import MALFORMED, code
from silent_infinity.adapters.llm.knobs import Knobs, knobs
from silent_infinity.adapters.llm.live_switch import require_permission
from silent_infinity.adapters.llm.streamed import StreamedReply, seconds_left, served
from silent_infinity.domain.models import Model, catalogue
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.llm import (
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
    TransientModelError,
)

if TYPE_CHECKING:
    from openai import OpenAI

PROVIDER = "openai_compatible"
CONNECT_SECONDS = 1.0

_TRANSIENT_STATUS = frozenset({408, 409, 425, 429})


class OpenAICompatibleModel:
    """A `LanguageModel`.

    The SDK takes most of a second to import, so it is imported with the first request. `model_override` names
    the one model that the server has, whatever a request asks for. `api_key` may be empty where none is asked
    for. `max_output_tokens` lowers what requests allow (0 does not): small machines write slowly.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        base_url: str,
        api_key: str = "",
        model_override: str = "",
        max_output_tokens: int = 0,
        provider: str = PROVIDER,
    ) -> None:
        self._clock = clock
        self._base_url = base_url
        self._api_key = api_key
        self._model_override = model_override
        self._max_output_tokens = max_output_tokens
        self._provider = provider

    def complete(self, request: ModelRequest) -> ModelReply:
        require_permission(self._base_url)
        wanted = self._model_override or request.model_id
        model = catalogue().find(wanted)
        known_name = model.name_at(PROVIDER) if model else wanted
        name = self._model_override or served(request, self._provider, known_name)
        taken = knobs(request, model, PROVIDER, unknown_schema=True)
        reply = StreamedReply(
            request, self._clock, self._provider, model.id if model else name, notes=list(taken.notes)
        )
        with self._mapped_errors():
            answer: Any = self._client.chat.completions.create(
                model=name,
                messages=_messages(request),
                timeout=self._timeout(request),
                stream=request.stream,
                **self._knobs(request, model, taken),
            )
            if not request.stream:
                _take_all(answer, reply)
                return reply.finished()
            with closing(answer):
                for chunk in answer:
                    _take(chunk, reply)
                    if reply.late and not reply.finish_reason:
                        return reply.cut()
        return reply.finished()

    def _knobs(self, request: ModelRequest, model: Model | None, taken: Knobs) -> dict[str, Any]:
        limit = min(taken.max_tokens, self._max_output_tokens or taken.max_tokens)
        told: dict[str, Any] = {model.token_limit if model else "max_tokens": limit}
        if request.stream:
            # A server that does not know this leaves the usage out, and the reply says that it is estimated.
            told["stream_options"] = {"include_usage": True}
        if taken.temperature is not None:
            told["temperature"] = taken.temperature
        if taken.schema is not None:
            schema = {"name": "answer", "strict": True, "schema": taken.schema}
            told["response_format"] = {"type": "json_schema", "json_schema": schema}
        return told

    @cached_property
    def _client(self) -> "OpenAI":
        from openai import OpenAI

        # The SDK refuses to start without a key; a server that asks for none ignores this one.
        return OpenAI(base_url=self._base_url, api_key=self._api_key or "none", max_retries=0)

    def _timeout(self, request: ModelRequest) -> Any:
        """Return the SDK's time-outs. They hold for each read; the hard deadline is a wrapper's business."""
        from openai import Timeout

        left = seconds_left(request, self._clock, self._provider)
        return Timeout(left, connect=min(CONNECT_SECONDS, left))

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        import httpx2
        import openai

        try:
            yield
        except (openai.APITimeoutError, httpx2.TimeoutException):
            raise ModelTimeoutError(code(self._provider, "timeout")) from None
        except (openai.APIConnectionError, httpx2.HTTPError):
            raise TransientModelError(code(self._provider, "unreachable")) from None
        except openai.APIStatusError as error:
            # A spent quota is answered like throttling, but no pause helps.
            passing = error.status_code in _TRANSIENT_STATUS or error.status_code >= 500
            kind = TransientModelError if passing and error.code != "insufficient_quota" else ModelError
            raise kind(code(self._provider, f"http-{error.status_code}")) from None
        except openai.OpenAIError:
            raise TransientModelError(code(self._provider, "stream-error")) from None
        except MALFORMED:
            raise TransientModelError(code(self._provider, "malformed")) from None


def _take_all(answer: Any, reply: StreamedReply) -> None:
    choice = answer.choices[0]
    reply.answered_by(getattr(answer, "model", None))
    _say(choice.message, choice.finish_reason, reply)
    _count(answer.usage, reply)


def _take(chunk: Any, reply: StreamedReply) -> None:
    reply.answered_by(getattr(chunk, "model", None))
    _count(chunk.usage, reply)
    for choice in chunk.choices[:1]:
        _say(choice.delta, choice.finish_reason, reply)


def _say(part: Any, finish_reason: str | None, reply: StreamedReply) -> None:
    """Take a message or a piece of one. A refusal comes in a field of its own and ends like a reply."""
    if getattr(part, "refusal", None):
        reply.finish_reason = "refusal"
    reply.add(part.content or "")
    if reply.finish_reason != "refusal":
        reply.finish_reason = finish_reason or reply.finish_reason


def _count(usage: Any, reply: StreamedReply) -> None:
    """Take the usage. Some servers send it once, some with every piece, some never.

    Gemini leaves what it thought out of `completion_tokens` and in `total_tokens`; both are paid as output.
    """
    if usage is None:
        return
    cached = (usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0) or 0
    reply.count(
        Usage(
            tokens_input=usage.prompt_tokens - cached,
            tokens_output=max(usage.completion_tokens, (usage.total_tokens or 0) - usage.prompt_tokens),
            tokens_cache_read=cached,
        )
    )


def _messages(request: ModelRequest) -> Any:
    spoken = [{"role": said.role, "content": said.text} for said in request.messages]
    return [{"role": "system", "content": request.system_text}, *spoken] if request.system else spoken
