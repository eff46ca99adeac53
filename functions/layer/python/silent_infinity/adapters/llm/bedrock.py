"""Models on Amazon Bedrock through the Converse API.

The streaming form is used, because only it tells when the first token came, and because a teaching reply that
is late is served as far as it got. It needs the IAM action `bedrock:InvokeModelWithResponseStream` on the
inference profile and on the models behind it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.eventstream import ParserError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.session import get_session
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as StreamTimeoutError

from silent_infinity.adapters.llm.codes import code
from silent_infinity.adapters.llm.live_switch import require_permission
from silent_infinity.adapters.llm.streamed import StreamedReply, served
from silent_infinity.domain.models import Model, catalogue
from silent_infinity.domain.turn import SystemBlock, Usage, Utterance
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.llm import (
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
    TransientModelError,
)

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

PROVIDER = "bedrock"
CONNECT_SECONDS = 1.0
READ_SECONDS = 10.0
"""Between two pieces of a stream; the hard deadline is the business of `deadline.DeadlineModel`."""

CHARACTERS_PER_TOKEN = 2
"""A safe lower bound for prose in any script that is written with letters."""

_FINISH_REASONS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}
_TRANSIENT = frozenset(
    {
        "InternalServerException",
        "ModelErrorException",
        "ModelNotReadyException",
        "ModelStreamErrorException",
        "ModelTimeoutException",
        "RequestTimeout",
        "ServiceUnavailableException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


@cache
def bedrock_runtime() -> "BedrockRuntimeClient":
    """Return the client of this process. It never retries: retrying is a wrapper's decision."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
        tcp_keepalive=True,
    )
    client = get_session().create_client("bedrock-runtime", config=config)
    return cast("BedrockRuntimeClient", client)


class BedrockModel:
    """A `LanguageModel`. `client` is called when the first request comes."""

    def __init__(self, clock: Clock, client: "Callable[[], BedrockRuntimeClient]" = bedrock_runtime) -> None:
        self._clock = clock
        self._client = client

    def complete(self, request: ModelRequest) -> ModelReply:
        model = catalogue().find(request.model_id)
        name = served(request, PROVIDER, model.name_at(PROVIDER) if model else request.model_id)
        client = self._client()
        require_permission(client.meta.endpoint_url)
        system = _system(request.system, model)
        reply = StreamedReply(
            request, self._clock, PROVIDER, model.id if model else name, cache_ttl=_longest_ttl(request)
        )
        inference: dict[str, Any] = {"maxTokens": request.max_tokens}
        if model is None or model.accepts_temperature:
            inference["temperature"] = request.temperature
        else:
            reply.notes.append("temperature-dropped")
        with _mapped_errors():
            answer = client.converse_stream(
                modelId=name,
                system=cast(Any, system),
                messages=[_message(utterance) for utterance in request.messages],
                inferenceConfig=cast(Any, inference),
            )
            with closing(cast(Any, answer["stream"])) as events:
                for event in events:
                    _take(event, reply)
                    if reply.late and not reply.finish_reason:
                        return reply.cut()
        return reply.finished()


def _take(event: Mapping[str, Any], reply: StreamedReply) -> None:
    if "contentBlockDelta" in event:
        reply.add(event["contentBlockDelta"]["delta"].get("text", ""))
    elif "messageStop" in event:
        reason = event["messageStop"]["stopReason"]
        reply.finish_reason = _FINISH_REASONS.get(reason, reason)
    elif "metadata" in event:
        usage = event["metadata"]["usage"]
        reply.usage = Usage(
            tokens_input=usage.get("inputTokens", 0),
            tokens_output=usage.get("outputTokens", 0),
            tokens_cache_read=usage.get("cacheReadInputTokens", 0),
            tokens_cache_write=usage.get("cacheWriteInputTokens", 0),
        )


def _system(blocks: Sequence[SystemBlock], model: Model | None) -> list[dict[str, Any]]:
    """Return the instructions with a cache point after each block that is worth keeping and can be kept."""
    told: list[dict[str, Any]] = []
    characters = 0
    for block in blocks:
        told.append({"text": block.text})
        characters += len(block.text)
        if block.cache_ttl is None or model is None or not model.cache_ttls:
            continue
        if characters >= model.min_cacheable_tokens * CHARACTERS_PER_TOKEN:
            ttl = block.cache_ttl if block.cache_ttl in model.cache_ttls else model.cache_ttls[0]
            told.append({"cachePoint": {"type": "default", "ttl": ttl}})
    return told


def _longest_ttl(request: ModelRequest) -> str:
    """Return the life for which cache writes are priced: the longest that was asked for."""
    return "1h" if any(block.cache_ttl == "1h" for block in request.system) else "5m"


def _message(utterance: Utterance) -> Any:
    return {"role": utterance.role, "content": [{"text": utterance.text}]}


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        name = str(error.response.get("Error", {}).get("Code", "unknown"))
        # A stream's own errors begin with a small letter, those of the call with a capital.
        kind = TransientModelError if name[:1].upper() + name[1:] in _TRANSIENT else ModelError
        raise kind(code(PROVIDER, name)) from None
    except (ReadTimeoutError, ConnectTimeoutError, StreamTimeoutError):
        raise ModelTimeoutError(f"{PROVIDER}:timeout") from None
    except (EndpointConnectionError, HTTPClientError, HTTPError, ParserError) as error:
        # The last two come from the middle of a stream, where botocore lets them through as they are.
        raise TransientModelError(code(PROVIDER, type(error).__name__)) from None
    except BotoCoreError as error:
        raise ModelError(code(PROVIDER, type(error).__name__)) from None
