"""The OpenAI-style chat API, streamed as server-sent events or not.

https://platform.openai.com/docs/api-reference/chat
"""

import json
from dataclasses import dataclass
from typing import Any

import openai  # noqa: F401 -- takes seconds on a busy machine: no test's deadline should pay for it

from silent_infinity.adapters.llm.openai_compatible import OpenAICompatibleModel
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import LanguageModel
from tests.contract.http_fake import Answer, json_answer
from tests.contract.models import WallClock
from tests.contract.wire.converse import plain, plain_garbage
from tests.contract.wire.dialect import AT_ONCE, Counts, Said, Timing

EVENT_STREAM = {"Content-Type": "text/event-stream"}
DONE = b"data: [DONE]\n\n"
ENDS = {"stop": "stop", "length": "length", "refused": "content_filter"}


def event(**values: Any) -> bytes:
    """Return one chunk as a server-sent event."""
    chunk = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [],
        **values,
    }
    return f"data: {json.dumps(chunk)}\n\n".encode()


def text(content: str, finish_reason: str | None = None) -> bytes:
    """Return a chunk with text."""
    return event(choices=[{"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}])


def usage(prompt: int, completion: int, cached: int | None = None, total: int | None = None) -> bytes:
    """Return the chunk with the usage, which comes last and has no choices."""
    return event(usage=_counted(prompt, completion, cached, total))


def _counted(prompt: int, completion: int, cached: int | None, total: int | None = None) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion if total is None else total,
    }
    if cached is not None:
        counts["prompt_tokens_details"] = {"cached_tokens": cached}
    return counts


def usage_of(counts: Counts) -> dict[str, Any]:
    """Return the usage as this API words it: what was cached is part of the prompt, writing is free."""
    return _counted(counts.fresh + counts.read, counts.output, counts.read)


def stream(*pieces: bytes, **options: Any) -> Answer:
    """Return a streamed answer."""
    return Answer(pieces, headers=EVENT_STREAM, chunked=True, **options)


@dataclass(frozen=True)
class Chat:
    """An OpenAI-style server, streamed or not."""

    stream: bool
    provider: str = "openai_compatible"
    usage: Usage = Usage(1_000, 50, 2_000, 0, cost_usd=0.00435)

    @property
    def name(self) -> str:
        return "openai stream" if self.stream else "openai plain"

    def connect(self, url: str) -> LanguageModel:
        return OpenAICompatibleModel(WallClock(), base_url=f"{url}/v1", api_key="key-1")

    def deployed(self) -> LanguageModel:
        return OpenAICompatibleModel(WallClock(), base_url="https://api.openai.com/v1", api_key="key-1")

    def says(self, said: Said, timing: Timing = AT_ONCE) -> Answer:
        if not self.stream:
            return plain(self._whole(said), timing)
        pieces = [text(piece) for piece in said.pieces]
        if said.ends is not None:
            pieces.append(text("", ENDS[said.ends]))
        if said.counts is not None:
            pieces.append(event(usage=usage_of(said.counts)))
        return stream(
            *pieces,
            DONE,
            seconds_before=timing.before,
            seconds_between=timing.between,
            truncated=timing.truncated,
        )

    def _whole(self, said: Said) -> dict[str, Any]:
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": "".join(said.pieces)},
            "finish_reason": ENDS[said.ends] if said.ends else None,
        }
        body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        return {**body, "usage": usage_of(said.counts)} if said.counts else body

    def fails(self, status: int, text: str) -> Answer:
        return json_answer({"error": {"message": text, "type": "x", "param": text}}, status)

    def garbage(self) -> dict[str, Answer]:
        if not self.stream:
            return {**plain_garbage(), "no choice": json_answer({"choices": [], "usage": None})}
        return {
            "no JSON": stream(b"data: {not json\n\n"),
            "an event of another form": stream(b"data: [1, 2]\n\n", DONE),
            "another event of another form": stream(event(choices=[{"index": 0, "delta": None}]), DONE),
            "HTML": Answer((b"<html>not this</html>",), 200, {"Content-Type": "text/html"}),
            "nothing": stream(DONE),
        }

    def texts(self, body: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
        first, *spoken = body["messages"]
        assert first["role"] == "system"
        return first["content"], [(said["role"], said["content"]) for said in spoken]
