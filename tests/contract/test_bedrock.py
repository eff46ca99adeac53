"""Models on Bedrock, over HTTP, in the wire format of ConverseStream: JSON in, an event stream out.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

import json
import struct
import time
import zlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from silent_infinity.adapters.llm import bedrock
from silent_infinity.adapters.llm.bedrock import BedrockModel
from silent_infinity.adapters.llm.deadline import DeadlineModel
from silent_infinity.domain.turn import SystemBlock, Usage
from silent_infinity.ports.llm import (
    LiveModelForbiddenError,
    ModelError,
    ModelTimeoutError,
    TransientModelError,
)
from tests.contract.http_fake import Answer, HttpFake, json_answer, running
from tests.contract.models import SECRET, WallClock, asked

LONG_PROMPT = "You listen. " * 1_000


@pytest.fixture
def fake() -> Iterator[HttpFake]:
    """A server in Bedrock's place."""
    with running() as server:
        yield server


@pytest.fixture
def model(fake: HttpFake) -> BedrockModel:
    """The model behind the server. One attempt, as deployed; shorter waits."""
    config = Config(
        connect_timeout=0.3, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1}
    )
    client = boto3.client("bedrock-runtime", endpoint_url=fake.url, config=config)
    return BedrockModel(WallClock(), lambda: client)


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


def metadata(**usage: int) -> bytes:
    """Return the usage, which comes last."""
    return event("metadata", usage={"totalTokens": sum(usage.values()), **usage}, metrics={"latencyMs": 5})


def stream(*pieces: bytes, **options: Any) -> Answer:
    """Return a streamed answer."""
    headers = {"Content-Type": "application/vnd.amazon.eventstream"}
    return Answer(pieces, headers=headers, chunked=True, **options)


WHOLE = (
    event("messageStart", role="assistant"),
    text("You keep "),
    text("coming back to it."),
    event("contentBlockStop", contentBlockIndex=0),
    stop("end_turn"),
    metadata(inputTokens=1_000, outputTokens=50, cacheReadInputTokens=2_000, cacheWriteInputTokens=100),
)


def test_a_reply_with_usage_price_and_times(fake: HttpFake, model: BedrockModel) -> None:
    """The price counts four kinds of tokens, an hour's cache, and the surcharge of a geographic profile."""
    fake.answer(stream(*WHOLE, seconds_between=0.03))

    reply = model.complete(asked(system=(SystemBlock(LONG_PROMPT, "1h"),)))

    assert reply.text == "You keep coming back to it."
    assert (reply.model_id, reply.provider, reply.finish_reason) == ("claude-sonnet-4-6", "bedrock", "stop")
    assert reply.usage == Usage(1_000, 50, 2_000, 100, cost_usd=0.005445)
    assert 0 <= reply.llm_ttft_ms < reply.llm_complete_ms
    assert reply.notes == ()


def test_the_request_as_it_goes_out(fake: HttpFake, model: BedrockModel) -> None:
    """The inference profile is in the path; the instructions are kept for as long as the class says."""
    fake.answer(stream(*WHOLE))

    model.complete(asked(system=(SystemBlock(LONG_PROMPT, "1h"),)))

    (received,) = fake.received
    assert received.path == "/model/us.anthropic.claude-sonnet-4-6/converse-stream"
    assert received.body == {
        "system": [{"text": LONG_PROMPT}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [{"text": "hello"}]},
            {"role": "assistant", "content": [{"text": "Hello. How are you?"}]},
            {"role": "user", "content": [{"text": SECRET}]},
        ],
        "inferenceConfig": {"maxTokens": 384, "temperature": 0.7},
    }


@pytest.mark.parametrize(
    ("changes", "ttls"),
    [
        ({"system": (SystemBlock(LONG_PROMPT, "5m"),)}, ["5m"]),
        ({"system": (SystemBlock(LONG_PROMPT, "1h"), SystemBlock("Teach.", "5m"))}, ["1h", "5m"]),
        ({"system": (SystemBlock("You listen.", "1h"), SystemBlock(LONG_PROMPT, "1h"))}, ["1h"]),
        ({"system": (SystemBlock(LONG_PROMPT),)}, []),
        ({"system": (SystemBlock("You listen.", "1h"),)}, []),
        ({"model_id": "mistral-large"}, []),
    ],
    ids=["crisis", "teaching", "long together", "not wanted", "too short", "a model without a cache"],
)
def test_instructions_are_cached_where_it_pays(
    fake: HttpFake, model: BedrockModel, changes: dict[str, Any], ttls: list[str]
) -> None:
    """Writing to a cache costs more than reading the prompt; a marker that a model lacks is an error."""
    fake.answer(stream(*WHOLE))
    request = {"system": (SystemBlock(LONG_PROMPT, "1h"),), **changes}

    model.complete(asked(**request))

    points = [
        block["cachePoint"]["ttl"] for block in fake.received[0].body["system"] if "cachePoint" in block
    ]
    assert points == ttls


def test_a_knob_that_a_model_lacks_is_dropped_and_noted(fake: HttpFake, model: BedrockModel) -> None:
    """Opus 4.7 refuses a request with a temperature."""
    fake.answer(stream(*WHOLE))

    reply = model.complete(asked(model_id="claude-opus-4-7"))

    assert fake.received[0].body["inferenceConfig"] == {"maxTokens": 384}
    assert reply.notes == ("temperature-dropped",)


def test_a_model_that_bedrock_does_not_serve_is_an_error(model: BedrockModel) -> None:
    """The chain goes on at once instead of asking for what is not there."""
    with pytest.raises(ModelError, match=r"^bedrock:not-served$"):
        model.complete(asked(model_id="smollm2-135m-instruct"))


@pytest.mark.parametrize(
    ("reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("guardrail_intervened", "guardrail_intervened"),
        ("content_filtered", "content_filtered"),
    ],
)
def test_stop_reasons(fake: HttpFake, model: BedrockModel, reason: str, finish_reason: str) -> None:
    """What ended a reply decides whether it can be served."""
    fake.answer(stream(text("You keep"), stop(reason), metadata(inputTokens=1, outputTokens=1)))

    assert model.complete(asked()).finish_reason == finish_reason


def refusal(name: str, status: int) -> Answer:
    """Return an error of the call."""
    return json_answer(
        {"message": SECRET}, status, **{"x-amzn-ErrorType": f"{name}:http://internal.amazon.com/"}
    )


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal("ThrottlingException", 429), TransientModelError, "ThrottlingException"),
        (refusal("ServiceUnavailableException", 503), TransientModelError, "ServiceUnavailableException"),
        (refusal("ModelNotReadyException", 429), TransientModelError, "ModelNotReadyException"),
        (refusal("ModelTimeoutException", 408), TransientModelError, "ModelTimeoutException"),
        (refusal("AccessDeniedException", 403), ModelError, "AccessDeniedException"),
        (refusal("ValidationException", 400), ModelError, "ValidationException"),
        (stream(text("You"), exception("throttlingException")), TransientModelError, "throttlingException"),
        (
            stream(text("You"), exception("modelStreamErrorException")),
            TransientModelError,
            "modelStreamErrorException",
        ),
        (stream(text("You"), exception("validationException")), ModelError, "validationException"),
        (stream(text("You"), truncated=True), TransientModelError, "ProtocolError"),
        (stream(text("You")[:40], truncated=True), TransientModelError, "ProtocolError"),
        (stream(text("You")), TransientModelError, "truncated"),
        (stream(text("You")[:-1] + b"x"), TransientModelError, "ChecksumMismatch"),
        (stream(), TransientModelError, "truncated"),
    ],
    ids=[
        "throttled",
        "overloaded",
        "not ready",
        "model too slow",
        "denied",
        "refused",
        "throttled in the stream",
        "broken in the stream",
        "refused in the stream",
        "connection lost",
        "connection lost inside an event",
        "ended early",
        "damaged",
        "nothing",
    ],
)
def test_a_failure_is_a_code_that_says_whether_to_try_again(
    fake: HttpFake, model: BedrockModel, answer: Answer, kind: type[ModelError], code: str
) -> None:
    """Whatever breaks on the way, the chain gets a ModelError, and no error quotes anybody."""
    fake.answer(answer)

    with pytest.raises(ModelError) as caught:
        model.complete(asked())

    assert type(caught.value) is kind
    assert str(caught.value) == f"bedrock:{code}"
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert len(fake.received) == 1


def test_silence_is_a_time_out(fake: HttpFake, model: BedrockModel) -> None:
    """Before the first byte, and in the middle of the stream."""
    fake.answer(stream(*WHOLE, seconds_before=20))
    with pytest.raises(ModelTimeoutError, match=r"^bedrock:timeout$"):
        model.complete(asked())

    fake.answer(stream(text("You"), *WHOLE, seconds_between=20))
    with pytest.raises(ModelTimeoutError, match=r"^bedrock:timeout$"):
        model.complete(asked())


def test_an_endpoint_that_is_not_there_is_transient() -> None:
    """A region can be away for a moment."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    client = boto3.client("bedrock-runtime", endpoint_url="http://127.0.0.1:9", config=config)

    with pytest.raises(TransientModelError, match=r"^bedrock:EndpointConnectionError$"):
        BedrockModel(WallClock(), lambda: client).complete(asked())


def test_a_slow_teaching_reply_is_served_up_to_its_last_sentence(fake: HttpFake, model: BedrockModel) -> None:
    """For a long answer, most of it now is better than another one later."""
    fake.answer(stream(text("Sleep comes in cycles. "), *[text("on ")] * 90, seconds_between=0.1))

    reply = model.complete(asked(0.6, turn_class="TC5"))

    assert (reply.text, reply.finish_reason) == ("Sleep comes in cycles.", "length")
    assert reply.notes == ("partial",)


def test_a_stream_that_drips_cannot_hold_a_turn(fake: HttpFake, model: BedrockModel) -> None:
    """Bytes that make up no event reset the read time-out each time: only the hard deadline ends that."""
    drops = [bytes([byte]) for byte in text("You keep coming back to it. " * 20)]
    fake.answer(stream(*drops, seconds_between=0.1))
    started = time.monotonic()

    with pytest.raises(ModelTimeoutError, match=r"^deadline:left-behind$"):
        DeadlineModel(model, WallClock()).complete(asked(0.7))

    assert time.monotonic() - started < 1.5


def test_no_call_leaves_this_machine_in_a_test_run() -> None:
    """The client as it is deployed points at AWS."""
    with pytest.raises(LiveModelForbiddenError):
        BedrockModel(WallClock()).complete(asked())


def test_the_client_never_retries_by_itself() -> None:
    """Retries inside the SDK would eat the time of the chain and be counted nowhere."""
    config: Any = bedrock.bedrock_runtime().meta.config

    assert config.retries == {"mode": "standard", "total_max_attempts": 1}
    assert bedrock.bedrock_runtime() is bedrock.bedrock_runtime()
