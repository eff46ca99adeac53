"""What is special about Anthropic's Messages API; `test_language_models.py` has what all providers share."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace

from silent_infinity.adapters.llm.anthropic import AnthropicModel
from silent_infinity.domain.turn import SystemBlock, Usage
from silent_infinity.ports.llm import ModelError, TransientModelError
from tests.contract.http_fake import Answer, HttpFake, json_answer, running
from tests.contract.models import SECRET, WallClock, asked
from tests.contract.wire import COUNTS, Said
from tests.contract.wire.messages import Messages, error, event, start, stop, stream, text, usage_of

LONG = "You listen. " * 1_000


@pytest.fixture
def fake() -> Iterator[HttpFake]:
    """A server in Anthropic's place."""
    with running() as server:
        yield server


@pytest.fixture
def model(fake: HttpFake) -> AnthropicModel:
    """The model behind the server."""
    return AnthropicModel(WallClock(), api_key="key-1", base_url=fake.url)


def test_the_request_as_it_goes_out(fake: HttpFake, model: AnthropicModel) -> None:
    """The SDK's signature has no temperature any more: it has to reach the body all the same."""
    fake.answer(Messages(stream=True).says(Said()))

    model.complete(asked(system=(SystemBlock(LONG, "1h"), SystemBlock("Mirror."))))

    (received,) = fake.received
    assert received.path == "/v1/messages"
    assert received.headers["authorization"] == "Bearer key-1"
    assert received.body == {
        "model": "claude-sonnet-4-6",
        "system": [
            {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "text", "text": "Mirror."},
        ],
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "Hello. How are you?"},
            {"role": "user", "content": SECRET},
        ],
        "max_tokens": 384,
        "temperature": 0.7,
        "stream": True,
    }


def test_nothing_of_this_machine_goes_along(
    fake: HttpFake, model: AnthropicModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK looks for credentials in the environment; the key that is set for the function is the key."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "somebody-elses")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "somebody-elses")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    fake.answer(Messages(stream=True).says(Said()))

    model.complete(asked())

    assert fake.received[0].headers["authorization"] == "Bearer key-1"
    assert "somebody-elses" not in repr(fake.received[0])


def test_a_schema_goes_out_without_what_the_api_refuses(fake: HttpFake, model: AnthropicModel) -> None:
    """A limit of a number is an error there; as an enumeration it is kept."""
    schema = {
        "$id": "urn:x",
        "type": "object",
        "required": ["level"],
        "properties": {"level": {"type": "integer", "minimum": 0, "maximum": 2, "description": "How much."}},
    }
    fake.answer(Messages(stream=False).says(Said(('{"level": 1}',))))

    model.complete(asked(stream=False, response_schema=schema))

    assert fake.received[0].body["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "required": ["level"],
                "properties": {"level": {"type": "integer", "enum": [0, 1, 2], "description": "How much."}},
                "additionalProperties": False,
            },
        }
    }


def test_without_the_breakdown_a_write_has_the_longest_life_that_was_asked_for(
    fake: HttpFake, model: AnthropicModel
) -> None:
    """Too high by a few cents is better than a budget that is overrun."""
    counted = {**usage_of(COUNTS), "cache_creation": None}
    fake.answer(stream(start(counted), text("Yes."), stop("end_turn", 50)))

    hour = model.complete(asked(system=(SystemBlock(LONG, "1h"), SystemBlock("Mirror.", "5m"))))
    minutes = model.complete(asked(system=(SystemBlock(LONG, "5m"),)))

    assert hour.usage == Usage(1_000, 50, 2_000, 100, cost_usd=0.00495)
    assert minutes.usage == Usage(1_000, 50, 2_000, 100, cost_usd=0.004725)


def test_a_stream_that_ends_late_has_its_input_counted_exactly(fake: HttpFake, model: AnthropicModel) -> None:
    """The beginning of the stream tells what the prompt cost; only the output has to be estimated."""
    pieces = [text("Sleep comes in cycles. "), *[text("on ")] * 90]
    fake.answer(stream(start(usage_of(COUNTS)), *pieces, seconds_between=0.1))

    reply = model.complete(asked(0.8, turn_class="TC5"))

    assert (reply.usage.tokens_input, reply.usage.tokens_cache_read) == (1_000, 2_000)
    assert 8 <= reply.usage.tokens_output <= 20
    assert reply.notes == ("partial", "usage-estimated")


@pytest.mark.parametrize(
    ("reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_stop_reasons(fake: HttpFake, model: AnthropicModel, reason: str, finish_reason: str) -> None:
    """What ended a reply decides whether it can be served."""
    fake.answer(stream(start(usage_of(COUNTS)), text("You keep"), stop(reason, 2)))

    assert model.complete(asked()).finish_reason == finish_reason


def test_thoughts_and_unknown_events_are_no_text(fake: HttpFake, model: AnthropicModel) -> None:
    """The API says that new kinds of events and blocks may come at any time."""
    fake.answer(
        stream(
            start(usage_of(COUNTS)),
            event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "secret"}),
            event("content_block_delta", index=0, delta={"type": "something_new", "text": "secret"}),
            event("something_new", text="secret"),
            text("Yes."),
            stop("end_turn", 2),
        )
    )

    assert model.complete(asked()).text == "Yes."


def limit(status: int, kind: str, detail: str | None = None) -> Answer:
    """Return an error of the call, with the code that names its cause."""
    told: dict[str, Any] = {"type": kind, "message": SECRET}
    if detail:
        told["details"] = {"error_code": detail}
    return json_answer({"type": "error", "error": told}, status)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (limit(529, "overloaded_error"), TransientModelError, "http-529"),
        (limit(408, "timeout_error"), TransientModelError, "http-408"),
        (limit(429, "rate_limit_error", "ramp_limit_exceeded"), TransientModelError, "http-429"),
        (limit(429, "rate_limit_error", "contract_spend_limit_reached"), ModelError, "http-429"),
        (limit(429, "rate_limit_error", "enforced_spend_limit_reached"), ModelError, "http-429"),
        (limit(402, "billing_error"), ModelError, "http-402"),
        (limit(413, "request_too_large"), ModelError, "http-413"),
        (stream(error("overloaded_error", SECRET)), TransientModelError, "overloaded_error"),
        (stream(text("You"), error("api_error", SECRET)), TransientModelError, "api_error"),
        (stream(text("You"), error("invalid_request_error", SECRET)), ModelError, "invalid_request_error"),
        (stream(error("billing_error", SECRET)), ModelError, "billing_error"),
        (stream(error("canary", SECRET)), TransientModelError, "stream-error"),
        (stream(b"event: error\ndata: not json\n\n"), TransientModelError, "stream-error"),
    ],
    ids=[
        "overloaded",
        "timed out",
        "grown too fast",
        "contract spent",
        "limit spent",
        "not paid",
        "too large",
        "overloaded in the stream",
        "broken in the stream",
        "refused in the stream",
        "not paid in the stream",
        "of an unknown kind in the stream",
        "unreadable in the stream",
    ],
)
def test_a_failure_is_a_code_that_says_whether_to_try_again(
    fake: HttpFake, model: AnthropicModel, answer: Answer, kind: type[ModelError], code: str
) -> None:
    """A stream's errors come after its status 200; a spent limit looks like throttling and is not."""
    fake.answer(answer)

    with pytest.raises(ModelError) as caught:
        model.complete(asked())

    assert type(caught.value) is kind
    assert str(caught.value) == f"anthropic:{code}"
    assert len(fake.received) == 1


class _Tracers(trace.NoOpTracerProvider):
    """A tracer provider that somebody has set up in the process, and that counts who uses it."""

    used = 0

    def get_tracer(self, *arguments: Any, **named: Any) -> trace.Tracer:
        self.used += 1
        return super().get_tracer(*arguments, **named)


def test_the_sdk_traces_nothing(
    fake: HttpFake, model: AnthropicModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its spans would carry a conversation out of the process, past everything that keeps text in."""
    tracers = _Tracers()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: tracers)
    fake.answer(Messages(stream=False).says(Said()))

    model.complete(asked(stream=False))

    assert tracers.used == 0
