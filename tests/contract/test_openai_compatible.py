"""Models behind an OpenAI-style API, over HTTP, in the wire format that its reference documents.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from silent_infinity.adapters.llm.deadline import DeadlineModel
from silent_infinity.adapters.llm.openai_compatible import OpenAICompatibleModel
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import (
    LiveModelForbiddenError,
    ModelError,
    ModelTimeoutError,
    TransientModelError,
)
from tests.contract.http_fake import Answer, HttpFake, json_answer, running
from tests.contract.models import SECRET, WallClock, asked

EVENT_STREAM = {"Content-Type": "text/event-stream"}
DONE = b"data: [DONE]\n\n"


@pytest.fixture
def fake() -> Iterator[HttpFake]:
    """A server that speaks the API."""
    with running() as server:
        yield server


@pytest.fixture
def model(fake: HttpFake) -> OpenAICompatibleModel:
    """The model behind the server."""
    return OpenAICompatibleModel(WallClock(), base_url=f"{fake.url}/v1", api_key="key-1")


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


def usage(prompt: int, completion: int, cached: int | None = None) -> bytes:
    """Return the chunk with the usage, which comes last and has no choices."""
    counts: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if cached is not None:
        counts["prompt_tokens_details"] = {"cached_tokens": cached}
    return event(usage=counts)


def stream(*pieces: bytes, **options: Any) -> Answer:
    """Return a streamed answer."""
    return Answer(pieces, headers=EVENT_STREAM, chunked=True, **options)


WHOLE = (
    text("You keep "),
    text("coming back to it."),
    text("", "stop"),
    usage(1_000, 50, cached=200),
    DONE,
)


def test_a_reply_with_usage_price_and_times(fake: HttpFake, model: OpenAICompatibleModel) -> None:
    """Tokens that were cached are cheaper, so they must be told apart from those that were not."""
    fake.answer(stream(*WHOLE, seconds_between=0.03))

    reply = model.complete(asked())

    assert reply.text == "You keep coming back to it."
    assert (reply.model_id, reply.provider) == ("claude-sonnet-4-6", "openai_compatible")
    assert reply.finish_reason == "stop"
    assert reply.usage == Usage(800, 50, 200, 0, cost_usd=0.00321)
    assert 0 <= reply.llm_ttft_ms < reply.llm_complete_ms
    assert reply.llm_complete_ms >= 90
    assert reply.notes == ()


def test_the_request_as_it_goes_out(fake: HttpFake, model: OpenAICompatibleModel) -> None:
    """Roles and order are what keeps a person's words apart from the instructions."""
    fake.answer(stream(*WHOLE))

    model.complete(asked())

    (received,) = fake.received
    assert received.path == "/v1/chat/completions"
    assert received.headers["authorization"] == "Bearer key-1"
    assert received.body == {
        "model": "claude-sonnet-4-6",
        "messages": [
            {"role": "system", "content": "You listen."},
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "Hello. How are you?"},
            {"role": "user", "content": SECRET},
        ],
        "max_tokens": 384,
        "temperature": 0.7,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_server_with_one_model_is_asked_for_that_one(fake: HttpFake) -> None:
    """A laptop has one small model, whatever a variant names; what answered is what is recorded."""
    fake.answer(stream(*WHOLE))
    model = OpenAICompatibleModel(
        WallClock(), base_url=f"{fake.url}/v1", model_override="smollm2-135m-instruct"
    )

    reply = model.complete(asked())

    assert fake.received[0].body["model"] == "smollm2-135m-instruct"
    assert reply.model_id == "smollm2-135m-instruct"
    assert reply.usage.cost_usd == 0
    assert reply.notes == ()


def test_a_model_nobody_knows_costs_nothing_and_says_so(fake: HttpFake, model: OpenAICompatibleModel) -> None:
    """A wrong price would spoil every experiment on cost; a missing one is visible."""
    fake.answer(stream(*WHOLE))

    reply = model.complete(asked(model_id="a-new-model"))

    assert fake.received[0].body["model"] == "a-new-model"
    assert reply.usage.cost_usd == 0
    assert reply.notes == ("price-unknown",)


def test_a_knob_that_a_model_lacks_is_dropped_and_noted(fake: HttpFake, model: OpenAICompatibleModel) -> None:
    """Opus 4.7 refuses a request with a temperature: a crisis reply must not fail over a tuning knob."""
    fake.answer(stream(*WHOLE))

    reply = model.complete(asked(model_id="claude-opus-4-7"))

    assert "temperature" not in fake.received[0].body
    assert reply.notes == ("temperature-dropped",)


def test_a_reply_that_was_cut_by_its_length_says_so(fake: HttpFake, model: OpenAICompatibleModel) -> None:
    """Validation treats an unfinished sentence differently from a finished one."""
    fake.answer(stream(text("You keep"), text("", "length"), DONE))

    reply = model.complete(asked())

    assert (reply.text, reply.finish_reason) == ("You keep", "length")
    assert reply.usage == Usage()


def test_a_providers_own_guard_is_named(fake: HttpFake, model: OpenAICompatibleModel) -> None:
    """The chain goes on to the next model when a provider refused."""
    fake.answer(stream(text("", "content_filter"), DONE))

    assert model.complete(asked()).finish_reason == "content_filter"


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (json_answer({"error": {"message": SECRET}}, 429), TransientModelError, "http-429"),
        (json_answer({"error": {"message": SECRET}}, 500), TransientModelError, "http-500"),
        (json_answer({"error": {"message": SECRET}}, 503), TransientModelError, "http-503"),
        (
            json_answer({"error": {"message": SECRET, "code": "insufficient_quota"}}, 429),
            ModelError,
            "http-429",
        ),
        (json_answer({"error": {"message": SECRET}}, 400), ModelError, "http-400"),
        (json_answer({"error": {"message": SECRET}}, 401), ModelError, "http-401"),
        (json_answer({"error": {"message": SECRET}}, 404), ModelError, "http-404"),
        (Answer((b"<html>",), 502, {"Content-Type": "text/html"}), TransientModelError, "http-502"),
        (stream(text("You keep"), truncated=True), TransientModelError, "unreachable"),
        (stream(text("You keep")), TransientModelError, "truncated"),
        (stream(DONE), TransientModelError, "truncated"),
        (stream(event(choices=[]), DONE), TransientModelError, "truncated"),
        (stream(b"data: {not json\n\n"), TransientModelError, "malformed"),
        (stream(event(error={"message": SECRET})), TransientModelError, "stream-error"),
    ],
    ids=[
        "throttled",
        "broken",
        "overloaded",
        "quota spent",
        "refused",
        "unauthorized",
        "no such model",
        "gateway",
        "connection lost",
        "ended early",
        "nothing",
        "empty choices",
        "not JSON",
        "error in the stream",
    ],
)
def test_a_failure_is_a_code_that_says_whether_to_try_again(
    fake: HttpFake, model: OpenAICompatibleModel, answer: Answer, kind: type[ModelError], code: str
) -> None:
    """A retry of what cannot succeed costs the next model's time; and no error quotes anybody."""
    fake.answer(answer)

    with pytest.raises(ModelError) as caught:
        model.complete(asked())

    assert type(caught.value) is kind
    assert str(caught.value) == f"openai_compatible:{code}"
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert len(fake.received) == 1


def test_a_server_that_is_not_there_is_unreachable() -> None:
    """The usual state of a laptop whose model server is not running."""
    model = OpenAICompatibleModel(WallClock(), base_url="http://127.0.0.1:9/v1")

    with pytest.raises(TransientModelError, match=r"^openai_compatible:unreachable$"):
        model.complete(asked())


def test_a_server_that_never_begins_is_given_up_at_the_deadline(
    fake: HttpFake, model: OpenAICompatibleModel
) -> None:
    """The person's time is the request's deadline, not the SDK's default of ten minutes."""
    fake.answer(stream(*WHOLE, seconds_before=20))
    started = time.monotonic()

    with pytest.raises(ModelTimeoutError, match=r"^openai_compatible:timeout$"):
        model.complete(asked(0.4))

    assert time.monotonic() - started < 3


def test_a_request_that_is_too_late_is_not_sent(fake: HttpFake, model: OpenAICompatibleModel) -> None:
    """Money would be spent on a reply that nobody can wait for."""
    with pytest.raises(ModelTimeoutError):
        model.complete(asked(-1))

    assert fake.received == []


def test_a_slow_teaching_reply_is_served_up_to_its_last_sentence(
    fake: HttpFake, model: OpenAICompatibleModel
) -> None:
    """For a long answer, most of it now is better than another one later."""
    fake.answer(
        stream(text("Sleep comes in cycles. "), text("Each lasts "), *[text("on ")] * 90, seconds_between=0.1)
    )

    reply = model.complete(asked(0.6, turn_class="TC5"))

    assert (reply.text, reply.finish_reason) == ("Sleep comes in cycles.", "length")
    assert reply.notes == ("partial",)


@pytest.mark.parametrize(
    ("turn_class", "first"),
    [("TC4", "You keep coming back. "), ("TC5", "You keep coming back ")],
    ids=["a mirror is served whole", "no whole sentence yet"],
)
def test_other_slow_replies_are_time_outs(
    fake: HttpFake, model: OpenAICompatibleModel, turn_class: str, first: str
) -> None:
    """Half a mirror says something else than the whole one."""
    fake.answer(stream(text(first), *[text("on ")] * 90, seconds_between=0.1))

    with pytest.raises(ModelTimeoutError, match=r"^openai_compatible:deadline$"):
        model.complete(asked(0.5, turn_class=turn_class))


def test_a_socket_that_drips_cannot_hold_a_turn(fake: HttpFake, model: OpenAICompatibleModel) -> None:
    """Comments keep the connection alive and never bring a token: only the hard deadline ends that."""
    fake.answer(stream(*[b": still here\n\n"] * 200, seconds_between=0.1))
    started = time.monotonic()

    with pytest.raises(ModelTimeoutError, match=r"^deadline:left-behind$"):
        DeadlineModel(model, WallClock()).complete(asked(0.6))

    assert time.monotonic() - started < 1.5


def test_no_call_leaves_this_machine_in_a_test_run() -> None:
    """A test must never spend money or send words away."""
    model = OpenAICompatibleModel(WallClock(), base_url="https://api.openai.com/v1", api_key="key")

    with pytest.raises(LiveModelForbiddenError):
        model.complete(asked())
