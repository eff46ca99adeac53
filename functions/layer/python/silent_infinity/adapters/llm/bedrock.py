"""Models on Amazon Bedrock through the Converse API.

Replies are streamed, because only that tells when the first token came, and because a teaching reply that is
late is served as far as it got; answers that are only read as a whole are not. Each needs its IAM action on
the inference profile and on the models behind it: `bedrock:InvokeModelWithResponseStream` the first,
`bedrock:InvokeModel` the second.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
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
    IncompleteReadError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from botocore.session import get_session
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as StreamTimeoutError

from silent_infinity.adapters.llm.caching import cache_points, longest_life
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
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

PROVIDER = "bedrock"
CONNECT_SECONDS = 1.0
READ_SECONDS = 10.0
"""Between two pieces of a stream; the hard deadline is the business of `deadline.DeadlineModel`."""

UNGUARDED_CLASSES = frozenset({"TC1", "TC2", "TC6"})
"""They read what a guardrail would stop at: the screen and the sentinel look for it, the crisis conversation
answers it. A guardrail there would turn a person in danger away.
"""

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
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


@dataclass(frozen=True, slots=True)
class BedrockOptions:
    """How an environment calls Bedrock.

    `profile` is the inference profile that takes the place of the one in the catalogue's names: `eu`,
    `global` and so on (empty: as the catalogue says). `application_profiles` maps catalogue ids to ARNs of
    the account's own inference profiles, which come before that. `guardrail_id` and `guardrail_version` have
    Bedrock judge messages and replies while they pass (empty: not).
    """

    profile: str = ""
    application_profiles: Mapping[str, str] = field(default_factory=dict)
    guardrail_id: str = ""
    guardrail_version: str = ""


class BedrockModel:
    """A `LanguageModel`. `client` is called when the first request comes."""

    def __init__(
        self,
        clock: Clock,
        client: "Callable[[], BedrockRuntimeClient]" = bedrock_runtime,
        options: BedrockOptions | None = None,
    ) -> None:
        self._clock = clock
        self._client = client
        self._options = options or BedrockOptions()

    def complete(self, request: ModelRequest) -> ModelReply:
        model = catalogue().find(request.model_id)
        name = self._name(request, model)
        seconds_left(request, self._clock, PROVIDER)
        client = self._client()
        require_permission(client.meta.endpoint_url)
        taken = knobs(request, model, PROVIDER)
        points = cache_points(request.system, model)
        reply = StreamedReply(
            request,
            self._clock,
            PROVIDER,
            model.id if model else name,
            profile=catalogue().profile_of(name),
            cache_ttl=longest_life(points),
            notes=list(taken.notes),
        )
        told = {"modelId": name, **_arguments(request, points, taken), **self._guardrail(request)}
        with _mapped_errors():
            if not request.stream:
                _take_all(client.converse(**told), reply)
                return reply.finished()
            with closing(cast(Any, client.converse_stream(**told)["stream"])) as events:
                for event in events:
                    _take(event, reply)
                    if reply.late and not reply.finish_reason:
                        return reply.cut()
        return reply.finished()

    def _name(self, request: ModelRequest, model: Model | None) -> str:
        """Return the profile or model to call. What the catalogue does not know is called as it is named."""
        if model is None:
            return request.model_id
        if model.id in self._options.application_profiles:
            return self._options.application_profiles[model.id]
        name = served(request, PROVIDER, model.name_at(PROVIDER))
        if self._options.profile and catalogue().profile_of(name):
            return f"{self._options.profile}.{catalogue().bare(name)}"
        return name

    def _guardrail(self, request: ModelRequest) -> dict[str, Any]:
        options = self._options
        if not options.guardrail_id or request.turn_class in UNGUARDED_CLASSES:
            return {}
        guardrail = {
            "guardrailIdentifier": options.guardrail_id,
            "guardrailVersion": options.guardrail_version,
            "trace": "disabled",
        }
        # A piece that is served before it was judged cannot be taken back.
        mode = {"streamProcessingMode": "sync"} if request.stream else {}
        return {"guardrailConfig": {**guardrail, **mode}}


def _arguments(request: ModelRequest, points: tuple[str | None, ...], taken: Knobs) -> dict[str, Any]:
    system: list[dict[str, Any]] = []
    for block, life in zip(request.system, points, strict=True):
        system.append({"text": block.text})
        if life is not None:
            system.append({"cachePoint": {"type": "default", "ttl": life}})
    inference: dict[str, Any] = {"maxTokens": taken.max_tokens}
    if taken.temperature is not None:
        inference["temperature"] = taken.temperature
    arguments: dict[str, Any] = {
        "messages": [{"role": said.role, "content": [{"text": said.text}]} for said in request.messages],
        "inferenceConfig": inference,
    }
    if system:
        arguments["system"] = system
    if taken.schema is not None:
        schema = {"name": "answer", "schema": json.dumps(taken.schema)}
        arguments["outputConfig"] = {
            "textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}
        }
    return arguments


def _take_all(answer: Mapping[str, Any], reply: StreamedReply) -> None:
    for block in answer.get("output", {}).get("message", {}).get("content", ()):
        reply.add(block.get("text", ""))
    _end(answer.get("stopReason", ""), reply)
    _count(answer.get("usage"), reply)


def _take(event: Mapping[str, Any], reply: StreamedReply) -> None:
    if "contentBlockDelta" in event:
        reply.add(event["contentBlockDelta"]["delta"].get("text", ""))
    elif "messageStop" in event:
        _end(event["messageStop"]["stopReason"], reply)
    elif "metadata" in event:
        _count(event["metadata"].get("usage"), reply)


def _end(reason: str, reply: StreamedReply) -> None:
    reply.finish_reason = _FINISH_REASONS.get(reason, reason)


def _count(usage: Mapping[str, Any] | None, reply: StreamedReply) -> None:
    if usage is None:
        return
    details = usage.get("cacheDetails")
    counted = Usage(
        tokens_input=usage.get("inputTokens", 0),
        tokens_output=usage.get("outputTokens", 0),
        tokens_cache_read=usage.get("cacheReadInputTokens", 0),
        tokens_cache_write=usage.get("cacheWriteInputTokens", 0),
    )
    # The details are said to tell the lives of what was written apart; without them, the longest is assumed.
    long = sum(part.get("inputTokens", 0) for part in details if part.get("ttl") == "1h") if details else None
    reply.count(counted, long)


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
    except (EndpointConnectionError, HTTPClientError, HTTPError, IncompleteReadError, ParserError) as error:
        # Some come from the middle of a stream, where botocore lets them through as they are.
        raise TransientModelError(code(PROVIDER, type(error).__name__)) from None
    except (ResponseParserError, *MALFORMED):
        raise TransientModelError(f"{PROVIDER}:malformed") from None
    except BotoCoreError as error:
        raise ModelError(code(PROVIDER, type(error).__name__)) from None
