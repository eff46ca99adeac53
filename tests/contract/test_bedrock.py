"""What is special about Bedrock; `test_language_models.py` has what all providers share."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest

from silent_infinity import bootstrap
from silent_infinity.adapters.llm import bedrock
from silent_infinity.adapters.llm.bedrock import BedrockModel, BedrockOptions
from silent_infinity.domain.turn import SystemBlock, Usage
from silent_infinity.ports.llm import ModelError, TransientModelError
from silent_infinity.settings import MissingSettingError, Settings
from tests.contract.http_fake import Answer, HttpFake, running
from tests.contract.models import SECRET, WallClock, asked
from tests.contract.wire import COUNTS, Said
from tests.contract.wire.converse import (
    Converse,
    connected,
    exception,
    metadata,
    refusal,
    stop,
    stream,
    text,
    usage_of,
)

LONG_PROMPT = "You listen. " * 1_000
WHOLE = Converse(stream=True).says(Said())


@pytest.fixture
def fake() -> Iterator[HttpFake]:
    """A server in Bedrock's place."""
    with running() as server:
        yield server


@pytest.fixture
def model(fake: HttpFake) -> BedrockModel:
    """The model behind the server."""
    return connected(fake.url)


def test_the_request_as_it_goes_out(fake: HttpFake, model: BedrockModel) -> None:
    """The inference profile is in the path; the instructions are kept for as long as the class says."""
    fake.answer(WHOLE)

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
    ("stream_wanted", "path"), [(True, "converse-stream"), (False, "converse")], ids=["streamed", "whole"]
)
def test_an_answer_that_is_read_as_a_whole_is_not_streamed(
    fake: HttpFake, model: BedrockModel, stream_wanted: bool, path: str
) -> None:
    """The two forms are two operations with an IAM action each."""
    fake.answer(Converse(stream=stream_wanted).says(Said()))

    model.complete(asked(stream=stream_wanted))

    assert fake.received[0].path == f"/model/us.anthropic.claude-sonnet-4-6/{path}"


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
    fake.answer(WHOLE)
    request = {"system": (SystemBlock(LONG_PROMPT, "1h"),), **changes}

    model.complete(asked(**request))

    points = [
        block["cachePoint"]["ttl"] for block in fake.received[0].body["system"] if "cachePoint" in block
    ]
    assert points == ttls


@pytest.mark.parametrize(
    ("reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("malformed_model_output", "malformed_model_output"),
        ("guardrail_intervened", "guardrail_intervened"),
        ("content_filtered", "content_filtered"),
    ],
)
def test_stop_reasons(fake: HttpFake, model: BedrockModel, reason: str, finish_reason: str) -> None:
    """What ended a reply decides whether it can be served."""
    fake.answer(stream(text("You keep"), stop(reason), metadata(**usage_of(COUNTS))))

    assert model.complete(asked()).finish_reason == finish_reason


def test_without_details_a_write_has_the_longest_life_that_was_asked_for(
    fake: HttpFake, model: BedrockModel
) -> None:
    """Too high by a few cents is better than a budget that is overrun."""
    counted = {name: count for name, count in usage_of(COUNTS).items() if name != "cacheDetails"}
    fake.answer(stream(text("Yes."), stop("end_turn"), metadata(**counted)))

    hour = model.complete(asked(system=(SystemBlock(LONG_PROMPT, "1h"), SystemBlock("Mirror.", "5m"))))
    minutes = model.complete(asked(system=(SystemBlock(LONG_PROMPT, "5m"),)))

    assert hour.usage == Usage(1_000, 50, 2_000, 100, cost_usd=0.005445)
    assert minutes.usage == Usage(1_000, 50, 2_000, 100, cost_usd=0.0051975)


SONNET_ARN = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123"


@pytest.mark.parametrize(
    ("options", "name", "cost_usd"),
    [
        (BedrockOptions(), "us.anthropic.claude-sonnet-4-6", 0.0052965),
        (BedrockOptions(profile="eu"), "eu.anthropic.claude-sonnet-4-6", 0.0052965),
        (BedrockOptions(profile="apac"), "apac.anthropic.claude-sonnet-4-6", 0.0052965),
        (BedrockOptions(profile="global"), "global.anthropic.claude-sonnet-4-6", 0.004815),
        (BedrockOptions(application_profiles={"claude-sonnet-4-6": SONNET_ARN}), SONNET_ARN, 0.0052965),
        (
            BedrockOptions(profile="eu", application_profiles={"claude-haiku-4-5": SONNET_ARN}),
            "eu.anthropic.claude-sonnet-4-6",
            0.0052965,
        ),
    ],
    ids=["as in the catalogue", "Europe", "Asia", "anywhere", "the account's own", "another model's own"],
)
def test_the_environment_says_through_which_profile_a_model_is_called(
    fake: HttpFake, options: BedrockOptions, name: str, cost_usd: float
) -> None:
    """Where words travel is a promise to people; what it costs follows from it; the model stays the same."""
    fake.answer(WHOLE)

    reply = connected(fake.url, options).complete(asked())

    assert unquote(fake.received[0].path) == f"/model/{name}/converse-stream"
    assert reply.model_id == "claude-sonnet-4-6"
    assert reply.usage.cost_usd == cost_usd
    assert reply.notes == ()


def test_a_model_without_profiles_keeps_its_name(fake: HttpFake) -> None:
    """Mistral is served by the region itself: with a prefix it would not be found."""
    fake.answer(WHOLE)

    connected(fake.url, BedrockOptions(profile="eu")).complete(asked(model_id="mistral-large"))

    assert unquote(fake.received[0].path) == "/model/mistral.mistral-large-2402-v1:0/converse-stream"


GUARDED = BedrockOptions(guardrail_id="gr1", guardrail_version="3")


@pytest.mark.parametrize("stream_wanted", [True, False], ids=["streamed", "whole"])
def test_a_guardrail_goes_along_if_there_is_one(fake: HttpFake, stream_wanted: bool) -> None:
    """Pieces are judged before they come; the trace, which quotes the conversation, stays off."""
    fake.answer(Converse(stream=stream_wanted).says(Said()))

    connected(fake.url, GUARDED).complete(asked(stream=stream_wanted))

    told = {"guardrailIdentifier": "gr1", "guardrailVersion": "3", "trace": "disabled"}
    mode = {"streamProcessingMode": "sync"} if stream_wanted else {}
    assert fake.received[0].body["guardrailConfig"] == {**told, **mode}


@pytest.mark.parametrize("turn_class", ["TC1", "TC2", "TC6"])
def test_no_guardrail_stands_before_a_person_in_danger(fake: HttpFake, turn_class: str) -> None:
    """It would stop at the very messages that these classes are there to read and to answer."""
    fake.answer(WHOLE)

    connected(fake.url, GUARDED).complete(asked(turn_class=turn_class))

    assert "guardrailConfig" not in fake.received[0].body


def test_a_schema_goes_out_as_text(fake: HttpFake, model: BedrockModel) -> None:
    """Bedrock takes the schema as a string, and Claude's limits of what a schema may say."""
    schema = {"type": "object", "properties": {"level": {"type": "integer", "minimum": 0, "maximum": 1}}}
    fake.answer(Converse(stream=False).says(Said(('{"level": 1}',))))

    model.complete(asked(stream=False, response_schema=schema))

    sent = fake.received[0].body["outputConfig"]["textFormat"]
    assert sent["type"] == "json_schema"
    assert json.loads(sent["structure"]["jsonSchema"]["schema"]) == {
        "type": "object",
        "properties": {"level": {"type": "integer", "enum": [0, 1]}},
        "additionalProperties": False,
    }


def test_a_model_that_bedrock_cannot_hold_to_a_schema_is_asked_without(
    fake: HttpFake, model: BedrockModel
) -> None:
    """Bedrock's guide does not name Opus 4.7: the request would be an error."""
    fake.answer(WHOLE)

    reply = model.complete(asked(model_id="claude-opus-4-7", response_schema={"type": "object"}))

    assert "outputConfig" not in fake.received[0].body
    assert reply.notes == ("temperature-dropped", "schema-not-enforced")


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


def test_the_client_never_retries_by_itself() -> None:
    """Retries inside the SDK would eat the time of the chain and be counted nowhere."""
    config: Any = bedrock.bedrock_runtime().meta.config

    assert config.retries == {"mode": "standard", "total_max_attempts": 1}
    assert bedrock.bedrock_runtime() is bedrock.bedrock_runtime()


def test_the_variables_of_an_environment_reach_the_wire(
    fake: HttpFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the function's variables to the request, through the wiring that is deployed."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", fake.url)
    bedrock.bedrock_runtime.cache_clear()
    settings = Settings(
        {
            "LLM_PROVIDER": "bedrock",
            "BEDROCK_INFERENCE_PROFILE": "eu",
            "BEDROCK_APPLICATION_PROFILES": f"claude-opus-4-7={SONNET_ARN} claude-sonnet-4-6={SONNET_ARN}",
            "BEDROCK_MODEL_GUARDRAIL_ID": "gr1",
            "BEDROCK_MODEL_GUARDRAIL_VERSION": "3",
        }
    )
    model = bootstrap.provider_model(settings, WallClock())
    fake.answer(WHOLE)
    try:
        model.complete(asked())
        model.complete(asked(model_id="claude-haiku-4-5"))
    finally:
        bedrock.bedrock_runtime.cache_clear()

    own, geographic = fake.received
    assert unquote(own.path) == f"/model/{SONNET_ARN}/converse-stream"
    assert "/eu.anthropic.claude-haiku-4-5" in unquote(geographic.path)
    assert own.body["guardrailConfig"]["guardrailVersion"] == "3"


@pytest.mark.parametrize(
    "wrong",
    [{"BEDROCK_APPLICATION_PROFILES": "claude-sonnet-4-6"}, {"BEDROCK_MODEL_GUARDRAIL_ID": "gr1"}],
    ids=["a profile of no model", "a guardrail without a version"],
)
def test_a_variable_that_says_half_of_it_is_named(wrong: dict[str, str]) -> None:
    """Otherwise the turn would go on without the guardrail that somebody relies on."""
    with pytest.raises(MissingSettingError, match="BEDROCK_"):
        bootstrap.provider_model(Settings({"LLM_PROVIDER": "bedrock", **wrong}), WallClock())
