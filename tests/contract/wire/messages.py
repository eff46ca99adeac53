"""Anthropic's Messages API, streamed as server-sent events or not.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
from dataclasses import dataclass
from typing import Any

import anthropic  # noqa: F401 -- takes seconds on a busy machine: no test's deadline should pay for it

from silent_infinity.adapters.llm.anthropic import AnthropicModel
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import LanguageModel
from tests.contract.http_fake import Answer, json_answer
from tests.contract.models import WallClock
from tests.contract.wire.converse import plain, plain_garbage
from tests.contract.wire.dialect import AT_ONCE, Counts, Said, Timing

EVENT_STREAM = {"Content-Type": "text/event-stream"}
ENDS = {"stop": "end_turn", "length": "max_tokens", "refused": "refusal"}
ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}


def event(kind: str, **values: Any) -> bytes:
    """Return one server-sent event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **values})}\n\n".encode()


def usage_of(counts: Counts) -> dict[str, Any]:
    """Return the usage as Anthropic words it."""
    return {
        "input_tokens": counts.fresh,
        "output_tokens": counts.output,
        "cache_read_input_tokens": counts.read,
        "cache_creation_input_tokens": counts.written,
        "cache_creation": {
            "ephemeral_1h_input_tokens": counts.written_1h,
            "ephemeral_5m_input_tokens": counts.written - counts.written_1h,
        },
    }


def start(usage: dict[str, Any] | None) -> bytes:
    """Return the beginning, which tells what the prompt has cost. Of the output, one token is counted."""
    told = None if usage is None else {**usage, "output_tokens": 1}
    return event("message_start", message={**_message([], None), "usage": told})


def text(content: str) -> bytes:
    """Return a piece of text."""
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": content})


def stop(reason: str, output: int | None = None) -> bytes:
    """Return the end of the message, which tells what the output has cost."""
    usage = {} if output is None else {"usage": {"output_tokens": output}}
    return event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, **usage)


def error(kind: str, quoted: str) -> bytes:
    """Return an error in the middle of a stream."""
    return event("error", error={"type": kind, "message": quoted})


def stream(*pieces: bytes, **options: Any) -> Answer:
    """Return a streamed answer."""
    return Answer(pieces, headers=EVENT_STREAM, chunked=True, **options)


def _message(content: list[dict[str, Any]], reason: str | None) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
    }


@dataclass(frozen=True)
class Messages:
    """Anthropic, streamed or not."""

    stream: bool
    provider: str = "anthropic"
    usage: Usage = Usage(1_000, 50, 2_000, 100, cost_usd=0.004815)

    @property
    def name(self) -> str:
        return "anthropic stream" if self.stream else "anthropic plain"

    def connect(self, url: str) -> LanguageModel:
        return AnthropicModel(WallClock(), api_key="key-1", base_url=url)

    def deployed(self) -> LanguageModel:
        return AnthropicModel(WallClock(), api_key="key-1")

    def says(self, said: Said, timing: Timing = AT_ONCE) -> Answer:
        counted = None if said.counts is None else usage_of(said.counts)
        if not self.stream:
            content = [{"type": "text", "text": piece} for piece in said.pieces]
            whole = _message(content, ENDS[said.ends] if said.ends else None)
            return plain({**whole, "usage": counted}, timing)
        pieces = [
            start(counted),
            event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            event("ping"),
            *map(text, said.pieces),
        ]
        if said.ends is not None:
            pieces += [
                event("content_block_stop", index=0),
                stop(ENDS[said.ends], said.counts.output if said.counts else None),
                event("message_stop"),
            ]
        return stream(
            *pieces,
            seconds_before=timing.before,
            seconds_between=timing.between,
            truncated=timing.truncated,
        )

    def fails(self, status: int, text: str) -> Answer:
        return json_answer({"type": "error", "error": {"type": ERRORS[status], "message": text}}, status)

    def garbage(self) -> dict[str, Answer]:
        if not self.stream:
            return {
                **plain_garbage(),
                "no content": json_answer({**_message([], "end_turn"), "content": None}),
            }
        return {
            "no JSON": stream(b"event: message_start\ndata: {not json\n\n"),
            "an event of another form": stream(b"event: content_block_delta\ndata: [1, 2]\n\n"),
            "another event of another form": stream(event("content_block_delta", index=0)),
            "HTML": Answer((b"<html>not this</html>",), 200, {"Content-Type": "text/html"}),
            "nothing": stream(),
        }

    def texts(self, body: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
        told = "\n\n".join(block["text"] for block in body["system"])
        return told, [(said["role"], said["content"]) for said in body["messages"]]
