"""What is special about OpenAI-style servers; `test_language_models.py` has what all providers share."""

from collections.abc import Iterator
from typing import Any

import pytest

from silent_infinity.adapters.llm.openai_compatible import OpenAICompatibleModel
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import ModelError, TransientModelError
from tests.contract.http_fake import Answer, HttpFake, json_answer, running
from tests.contract.models import SECRET, WallClock, asked
from tests.contract.wire import Said
from tests.contract.wire.chat import DONE, Chat, event, stream, text, usage

WHOLE = Chat(stream=True).says(Said())
SCHEMA = {
    "type": "object",
    "required": ["level"],
    "properties": {"level": {"type": "integer", "minimum": 0, "maximum": 2}},
}


@pytest.fixture
def fake() -> Iterator[HttpFake]:
    """A server that speaks the API."""
    with running() as server:
        yield server


@pytest.fixture
def model(fake: HttpFake) -> OpenAICompatibleModel:
    """The model behind the server."""
    return OpenAICompatibleModel(WallClock(), base_url=f"{fake.url}/v1", api_key="key-1")


def test_the_request_as_it_goes_out(fake: HttpFake, model: OpenAICompatibleModel) -> None:
    """Roles and order are what keeps a person's words apart from the instructions."""
    fake.answer(WHOLE)

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


def test_an_answer_that_is_read_as_a_whole_is_not_streamed(
    fake: HttpFake, model: OpenAICompatibleModel
) -> None:
    """Servers refuse options of a stream where there is none."""
    fake.answer(Chat(stream=False).says(Said()))

    model.complete(asked(stream=False))

    assert fake.received[0].body["stream"] is False
    assert "stream_options" not in fake.received[0].body


def test_a_server_with_one_model_is_asked_for_that_one(fake: HttpFake) -> None:
    """A laptop has one small model, whatever a variant names; what answered is what is recorded."""
    fake.answer(WHOLE)
    model = OpenAICompatibleModel(
        WallClock(), base_url=f"{fake.url}/v1", model_override="smollm2-135m-instruct"
    )

    reply = model.complete(asked())

    assert fake.received[0].body["model"] == "smollm2-135m-instruct"
    assert reply.model_id == "smollm2-135m-instruct"
    assert reply.usage.cost_usd == 0
    assert reply.notes == ()


def test_a_small_machine_is_asked_for_less(fake: HttpFake) -> None:
    """A laptop writes a few dozen tokens a second, and a turn has seconds."""
    fake.answer(WHOLE)
    model = OpenAICompatibleModel(WallClock(), base_url=f"{fake.url}/v1", max_output_tokens=120)

    model.complete(asked())

    assert fake.received[0].body["max_tokens"] == 120


def test_a_newer_model_of_openai_counts_its_limit_under_another_name(
    fake: HttpFake, model: OpenAICompatibleModel
) -> None:
    """What everybody else calls max_tokens is an error for some of their models."""
    fake.answer(WHOLE)

    model.complete(asked(model_id="gpt-4.1-mini"))

    assert fake.received[0].body["max_completion_tokens"] == 384
    assert "max_tokens" not in fake.received[0].body


@pytest.mark.parametrize(
    ("model_id", "notes"),
    [
        ("smollm2-135m-instruct", ()),
        ("gpt-4.1-mini", ()),
        ("a-new-model", ("schema-unverified", "price-unknown")),
    ],
)
def test_a_schema_is_sent_to_servers_that_keep_it(
    fake: HttpFake, model: OpenAICompatibleModel, model_id: str, notes: tuple[str, ...]
) -> None:
    """llama.cpp, vLLM, Ollama, Gemini and OpenAI do; of a model nobody knows, the note says so."""
    fake.answer(Chat(stream=False).says(Said(('{"level": 1}',))))

    reply = model.complete(asked(stream=False, model_id=model_id, response_schema=SCHEMA))

    sent = fake.received[0].body["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["strict"] is True
    assert sent["json_schema"]["schema"]["properties"]["level"]["enum"] == [0, 1, 2]
    assert reply.notes == notes


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((usage(1_000, 50),), Usage(1_000, 50)),
        ((usage(1_000, 50, cached=0),), Usage(1_000, 50)),
        ((usage(1_000, 1), usage(1_000, 20), usage(1_000, 50)), Usage(1_000, 50)),
        ((usage(1_000, 50, total=1_400),), Usage(1_000, 400)),
        ((usage(1_000, 50, total=0),), Usage(1_000, 50)),
    ],
    ids=[
        "Ollama and vLLM: nothing about caches",
        "llama.cpp: no cache hit",
        "Gemini: with every piece",
        "Gemini: thoughts are in the total only",
        "no total",
    ],
)
def test_usage_as_different_servers_tell_it(
    fake: HttpFake, model: OpenAICompatibleModel, pieces: tuple[bytes, ...], expected: Usage
) -> None:
    """Each of them is compatible in its own way."""
    fake.answer(stream(text("Yes."), text("", "stop"), *pieces, DONE))

    reply = model.complete(asked(model_id="smollm2-135m-instruct"))

    assert reply.usage == expected
    assert reply.notes == ()


def test_a_server_that_ends_without_the_word_done_has_ended(
    fake: HttpFake, model: OpenAICompatibleModel
) -> None:
    """The finish reason is what says that the reply is whole."""
    fake.answer(stream(text("Yes."), text("", "stop"), usage(10, 2)))

    assert model.complete(asked()).text == "Yes."


@pytest.mark.parametrize("stream_wanted", [True, False], ids=["streamed", "whole"])
def test_a_refusal_beside_the_text_is_a_refusal(
    fake: HttpFake, model: OpenAICompatibleModel, stream_wanted: bool
) -> None:
    """OpenAI ends it like any reply and puts its words where no text is."""
    refusal: dict[str, Any] = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    whole = {"index": 0, "message": refusal, "finish_reason": "stop"}
    piece = {"index": 0, "delta": refusal, "finish_reason": None}
    fake.answer(
        stream(event(choices=[piece]), text("", "stop"), DONE)
        if stream_wanted
        else json_answer({"id": "c1", "choices": [whole]})
    )

    reply = model.complete(asked(stream=stream_wanted))

    assert (reply.text, reply.finish_reason) == ("", "refusal")


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
