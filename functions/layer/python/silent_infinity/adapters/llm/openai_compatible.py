"""Models behind an OpenAI-style chat API: OpenAI, Gemini, Ollama, vLLM, llama.cpp, the local server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.llm.codes import code
from silent_infinity.adapters.llm.live_switch import require_permission
from silent_infinity.adapters.llm.streamed import StreamedReply, served
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.clock import Clock, unix_ms
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
        reply = StreamedReply(request, self._clock, self._provider, model.id if model else name)
        options: dict[str, Any] = {}
        if model is None or model.accepts_temperature:
            options["temperature"] = request.temperature
        else:
            reply.notes.append("temperature-dropped")
        with self._mapped_errors():
            stream = self._client.chat.completions.create(
                model=name,
                messages=_messages(request),
                max_tokens=min(request.max_tokens, self._max_output_tokens or request.max_tokens),
                stream=True,
                stream_options={"include_usage": True},
                timeout=self._timeout(request),
                **options,
            )
            with closing(stream):
                for chunk in stream:
                    self._take(chunk, reply)
                    if reply.late and not reply.finish_reason:
                        return reply.cut()
        return reply.finished()

    @cached_property
    def _client(self) -> "OpenAI":
        from openai import OpenAI

        # The SDK refuses to start without a key; a server that asks for none ignores this one.
        return OpenAI(base_url=self._base_url, api_key=self._api_key or "none", max_retries=0)

    def _timeout(self, request: ModelRequest) -> Any:
        """Return the SDK's time-outs. They hold for each read; the hard deadline is a wrapper's business."""
        from openai import Timeout

        left = (request.deadline_ms - unix_ms(self._clock.now())) / 1000
        if left <= 0:
            raise ModelTimeoutError(f"{self._provider}:deadline")
        return Timeout(left, connect=min(CONNECT_SECONDS, left))

    def _take(self, chunk: Any, reply: StreamedReply) -> None:
        if chunk.usage is not None:
            details = chunk.usage.prompt_tokens_details
            cached = (details.cached_tokens if details else 0) or 0
            reply.usage = Usage(
                tokens_input=chunk.usage.prompt_tokens - cached,
                tokens_output=chunk.usage.completion_tokens,
                tokens_cache_read=cached,
            )
        for choice in chunk.choices[:1]:
            reply.add(choice.delta.content or "")
            reply.finish_reason = choice.finish_reason or reply.finish_reason

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        import openai

        try:
            yield
        except openai.APITimeoutError:
            raise ModelTimeoutError(code(self._provider, "timeout")) from None
        except openai.APIConnectionError:
            raise TransientModelError(code(self._provider, "unreachable")) from None
        except openai.APIStatusError as error:
            # A spent quota is answered like throttling, but no pause helps.
            passing = error.status_code in _TRANSIENT_STATUS or error.status_code >= 500
            kind = TransientModelError if passing and error.code != "insufficient_quota" else ModelError
            raise kind(code(self._provider, f"http-{error.status_code}")) from None
        except openai.OpenAIError:
            raise TransientModelError(code(self._provider, "stream-error")) from None
        except ValueError:
            raise TransientModelError(code(self._provider, "malformed")) from None


def _messages(request: ModelRequest) -> Any:
    spoken = [{"role": utterance.role, "content": utterance.text} for utterance in request.messages]
    return [{"role": "system", "content": request.system_text}, *spoken]
