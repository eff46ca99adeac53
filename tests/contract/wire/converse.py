"""Bedrock's Converse (JSON) and ConverseStream (JSON in, an event stream out).

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from silent_infinity.adapters.llm.bedrock import BedrockModel, BedrockOptions
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import LanguageModel
from tests.contract.http_fake import Answer, json_answer
from tests.contract.models import SECRET, WallClock
from tests.contract.wire.dialect import AT_ONCE, Counts, Said, Timing

ENDS = {"stop": "end_turn", "length": "max_tokens", "refused": "guardrail_intervened"}
ERRORS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


def connected(url: str, options: BedrockOptions | None = None) -> BedrockModel:
    """Return the adapter behind a server. One attempt, as deployed; shorter waits."""
    config = Config(
        connect_timeout=0.3, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1}
    )
    client = boto3.client("bedrock-runtime", endpoint_url=url, config=config)
    return BedrockModel(WallClock(), lambda: client, options)


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """Return one message of the event stream encoding, with its lengths and checksums."""
    packed = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", len(packed) + len(payload) + 16, len(packed))
    checked = prelude + struct.pack(">I", zlib.crc32(prelude)) + packed + payload
    return checked + struct.pack(">I", zlib.crc32(checked))


def event(kind: str, **values: Any) -> bytes:
    """Return one event."""
    headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    return message(headers, json.dumps(values).encode())


def exception(kind: str) -> bytes:
    """Return an exception in the middle of a stream."""
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return message(headers, json.dumps({"message": SECRET}).encode())


def text(content: str) -> bytes:
    """Return a piece of text."""
    return event("contentBlockDelta", contentBlockIndex=0, delta={"text": content})


def stop(reason: str) -> bytes:
    """Return the end of the message."""
    return event("messageStop", stopReason=reason)


def metadata(**usage: Any) -> bytes:
    """Return the usage, which comes last."""
    return event("metadata", usage=usage, metrics={"latencyMs": 5})


def stream(*pieces: bytes, **options: Any) -> Answer:
    """Return a streamed answer."""
    headers = {"Content-Type": "application/vnd.amazon.eventstream"}
    return Answer(pieces, headers=headers, chunked=True, **options)


def usage_of(counts: Counts) -> dict[str, Any]:
    """Return the usage as Bedrock words it."""
    return {
        "inputTokens": counts.fresh,
        "outputTokens": counts.output,
        "totalTokens": counts.fresh + counts.output + counts.read + counts.written,
        "cacheReadInputTokens": counts.read,
        "cacheWriteInputTokens": counts.written,
        "cacheDetails": [
            {"ttl": "1h", "inputTokens": counts.written_1h},
            {"ttl": "5m", "inputTokens": counts.written - counts.written_1h},
        ],
    }


def refusal(name: str, status: int, quoted: str = SECRET) -> Answer:
    """Return an error of the call."""
    return json_answer(
        {"message": quoted}, status, **{"x-amzn-ErrorType": f"{name}:http://internal.amazon.com/"}
    )


@dataclass(frozen=True)
class Converse:
    """Bedrock, streamed or not. The geographic profile costs a tenth more than the list price."""

    stream: bool
    provider: str = "bedrock"
    usage: Usage = Usage(1_000, 50, 2_000, 100, cost_usd=0.0052965)

    @property
    def name(self) -> str:
        return "bedrock stream" if self.stream else "bedrock converse"

    def connect(self, url: str) -> LanguageModel:
        return connected(url)

    def deployed(self) -> LanguageModel:
        return BedrockModel(WallClock())

    def says(self, said: Said, timing: Timing = AT_ONCE) -> Answer:
        if not self.stream:
            return plain(self._whole(said), timing)
        pieces = [event("messageStart", role="assistant"), *map(text, said.pieces)]
        if said.ends is not None:
            pieces += [event("contentBlockStop", contentBlockIndex=0), stop(ENDS[said.ends])]
        if said.counts is not None:
            pieces.append(metadata(**usage_of(said.counts)))
        return stream(
            *pieces,
            seconds_before=timing.before,
            seconds_between=timing.between,
            truncated=timing.truncated,
        )

    def _whole(self, said: Said) -> dict[str, Any]:
        content = [{"text": piece} for piece in said.pieces]
        body: dict[str, Any] = {"output": {"message": {"role": "assistant", "content": content}}}
        if said.ends is not None:
            body["stopReason"] = ENDS[said.ends]
        if said.counts is not None:
            body["usage"] = usage_of(said.counts)
        return {**body, "metrics": {"latencyMs": 5}}

    def fails(self, status: int, text: str) -> Answer:
        return refusal(ERRORS[status], status, text)

    def garbage(self) -> dict[str, Answer]:
        if not self.stream:
            return plain_garbage()
        return {
            "a damaged event": stream(text("You")[:-1] + b"x"),
            "an event of another form": stream(
                event("contentBlockDelta", contentBlockIndex=0), stop("end_turn")
            ),
            "no event stream": Answer((b"<html>not this</html>",), 200, {"Content-Type": "text/html"}),
            "nothing": stream(),
            "an end without a beginning": stream(metadata(inputTokens=1, outputTokens=1, totalTokens=2)),
        }

    def texts(self, body: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
        told = "\n\n".join(block["text"] for block in body["system"] if "text" in block)
        return told, [(said["role"], said["content"][0]["text"]) for said in body["messages"]]


def plain(body: Any, timing: Timing = AT_ONCE) -> Answer:
    """Return a JSON body in two halves."""
    raw = json.dumps(body).encode()
    half = len(raw) // 2
    return Answer(
        (raw[:half], raw[half:]),
        seconds_before=timing.before,
        seconds_between=timing.between,
        truncated=timing.truncated,
    )


def plain_garbage() -> dict[str, Answer]:
    """Return bodies that are no answer, whoever sends them."""
    return {
        "no JSON": Answer((b"{not json",)),
        "HTML": Answer((b"<html>not this</html>",), 200, {"Content-Type": "text/html"}),
        "a list": json_answer([1, 2]),
        "an empty object": json_answer({}),
        "an empty body": Answer((b"",)),
    }
