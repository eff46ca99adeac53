"""The screen's model call over HTTP, wired as it is deployed: every fault leaves a verdict, in time.

The servers speak the wire formats of the two providers; nothing between the handler's use case and the socket
is replaced.
"""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from silent_infinity import bootstrap
from silent_infinity.adapters.llm.bedrock import bedrock_runtime
from silent_infinity.domain.crisis.model_screen import MODEL_SCREEN
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from silent_infinity.settings import Settings
from silent_infinity.usecases.screen_for_crisis import Screened, ScreenRequest
from tests.contract.http_fake import Answer, HttpFake, json_answer, running
from tests.contract.wire import chat, converse, messages

CANARY = "canaryq7x"
CALM = f"It has been a long week, {CANARY}, and the days run into each other."
AT_RISK = f"I want to die and {CANARY} I have been planning it."
ACTIVE = '{"level": 3, "about_other": false}'


@dataclass(frozen=True)
class Provider:
    """A provider's way of saying things: text in pieces with the reason why it ended, and an error."""

    name: str
    says: Callable[..., Answer]
    refuses: Callable[[int], Answer]
    guarded: str


def _chat(text: str, finish: str = "stop", **options: Any) -> Answer:
    pieces = [chat.text(text[:9]), chat.text(text[9:]), chat.text("", finish), chat.usage(900, 14), chat.DONE]
    return chat.stream(*pieces, **options)


def _converse(text: str, finish: str = "end_turn", **options: Any) -> Answer:
    usage = converse.metadata(inputTokens=900, outputTokens=14)
    return converse.stream(
        converse.text(text[:9]), converse.text(text[9:]), converse.stop(finish), usage, **options
    )


def _messages(text: str, finish: str = "end_turn", **options: Any) -> Answer:
    pieces = [
        messages.start({"input_tokens": 900, "output_tokens": 1}),
        messages.text(text[:9]),
        messages.text(text[9:]),
        messages.stop(finish, 14),
    ]
    return messages.stream(*pieces, **options)


def _messages_error(status: int) -> Answer:
    return json_answer({"type": "error", "error": {"type": "api_error", "message": CANARY}}, status)


def _chat_error(status: int) -> Answer:
    return json_answer({"error": {"message": CANARY, "type": "server_error"}}, status)


def _converse_error(status: int) -> Answer:
    name = {429: "ThrottlingException", 500: "InternalServerException"}.get(status, "ValidationException")
    return json_answer({"message": CANARY}, status, **{"x-amzn-ErrorType": name})


PROVIDERS = (
    Provider("openai_compatible", _chat, _chat_error, "content_filter"),
    Provider("bedrock", _converse, _converse_error, "guardrail_intervened"),
    Provider("anthropic", _messages, _messages_error, "refusal"),
)


@pytest.fixture
def fake() -> Iterator[HttpFake]:
    """A server in the provider's place."""
    with running() as server:
        yield server


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest) -> Provider:
    """One provider after the other."""
    found: Provider = request.param
    return found


Screen = Callable[..., Screened]


@pytest.fixture
def screen(fake: HttpFake, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """The screen as bootstrap wires it, asking the model about everything in which nothing is found."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", fake.url)
    bedrock_runtime.cache_clear()
    use_case = bootstrap.screen_for_crisis(
        Settings(
            {
                "LLM_PROVIDER": provider.name,
                "LLM_BASE_URL": fake.url if provider.name == "anthropic" else f"{fake.url}/v1",
                "SCREEN_BAND_LOW": "0",
            }
        )
    )
    # The first message of a process imports the SDK, which is not what these tests measure.
    fake.answer(provider.says(ACTIVE))
    use_case(ScreenRequest(CALM))
    fake.received.clear()

    def screened(message: str = CALM, seconds: float = 2.5) -> Screened:
        deadline_ms = int((time.time() + seconds) * 1000)
        return use_case(ScreenRequest(message, turn_id="turn-1", deadline_ms=deadline_ms))

    yield screened
    bedrock_runtime.cache_clear()


def test_a_model_that_sees_a_risk_makes_it_one(fake: HttpFake, provider: Provider, screen: Screen) -> None:
    """The whole way: from the wire to help lines."""
    fake.answer(provider.says(ACTIVE))

    result = screen()

    assert (result.screen.screened_level, result.screen.path, result.screen.degraded) == (3, "crisis", ())
    assert result.screen.resources
    assert result.model is not None
    assert (result.model.model_id, result.model.provider) == ("claude-haiku-4-5", provider.name)
    assert (result.model.tokens_input, result.model.tokens_output, result.model.level) == (900, 14, 3)
    assert result.model.cost_usd > 0


def test_what_goes_out_is_small_cold_and_delimited(
    fake: HttpFake, provider: Provider, screen: Screen
) -> None:
    """64 tokens, temperature 0, one message of the user."""
    fake.answer(provider.says(ACTIVE))
    screen()

    [received] = fake.received
    sent = received.body.get("inferenceConfig") or received.body
    assert (sent.get("maxTokens") or sent.get("max_tokens"), sent["temperature"]) == (64, 0.0)
    spoken = [message for message in received.body["messages"] if message["role"] == "user"]
    assert len(spoken) == 1
    assert f"<person_message>\n{CALM}\n</person_message>" in json.dumps(spoken, ensure_ascii=False).replace(
        "\\n", "\n"
    )


def test_a_risk_that_was_found_is_not_asked_about(fake: HttpFake, screen: Screen) -> None:
    """No opinion could lower it."""
    assert screen(AT_RISK).screen.screened_level >= 3
    assert fake.received == []


FAULTS: dict[str, Callable[[Provider], Answer]] = {
    "time-out": lambda p: p.says(ACTIVE, seconds_before=4.0),
    "drip": lambda p: p.says(ACTIVE, seconds_between=1.5),
    "500": lambda p: p.refuses(500),
    "429": lambda p: p.refuses(429),
    "400": lambda p: p.refuses(400),
    "malformed JSON": lambda p: p.says(f'{{"level": 3, "about_other": {CANARY}'),
    "prose": lambda p: p.says(f"This is level 3 because of {CANARY}."),
    "empty text": lambda p: p.says(""),
    "wrong schema": lambda p: p.says(f'{{"level": 3, "about_other": false, "why": "{CANARY}"}}'),
    "out of range": lambda p: p.says('{"level": 9, "about_other": false}'),
    "refusal": lambda p: p.says(f"I cannot talk about {CANARY}.", p.guarded),
    "guarded verdict": lambda p: p.says(ACTIVE, p.guarded),
    "broken stream": lambda p: replace(p.says(ACTIVE), pieces=p.says(ACTIVE).pieces[:1], truncated=True),
    "no stream": lambda p: Answer((CANARY.encode(),)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_leaves_the_verdict_of_the_other_stages(  # noqa: PLR0917 - fixtures
    fault: str,
    fake: HttpFake,
    provider: Provider,
    screen: Screen,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The fault matrix: one request, a verdict before the deadline, a mark, and not a word in any output."""
    caplog.set_level(logging.INFO)
    fake.answer(FAULTS[fault](provider))
    begun = time.monotonic()

    result = screen(seconds=0.9)

    assert time.monotonic() - begun < 1.4
    assert len(fake.received) == 1
    assert result.screen.screened_level < RISK_LEVEL
    assert result.screen.path == "clear"
    assert result.screen.degraded == (MODEL_SCREEN,)
    assert result.model is not None
    assert result.model.level is None
    assert result.model.error
    said = f"{result.to_payload()} {caplog.text} {''.join(capsys.readouterr())}"
    assert CANARY not in said


def test_nobody_waits_longer_than_three_seconds_for_a_model(
    fake: HttpFake, provider: Provider, screen: Screen
) -> None:
    """However much time the state has left."""
    fake.answer(provider.says(ACTIVE, seconds_before=5.0))
    begun = time.monotonic()

    result = screen(seconds=60)

    assert 2.5 < time.monotonic() - begun < 3.5
    assert result.screen.degraded == (MODEL_SCREEN,)


def test_the_screen_recovers_with_its_provider(fake: HttpFake, provider: Provider, screen: Screen) -> None:
    """A call that was left behind must not hold up the next person's."""
    fake.answer(provider.says(ACTIVE, seconds_before=2.0), provider.says(ACTIVE))

    assert screen(seconds=0.5).screen.degraded == (MODEL_SCREEN,)
    assert screen().screen.screened_level == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"LLM_PROVIDER": "oracle"},
        {"LLM_PROVIDER": "openai_compatible"},
        {
            "LLM_PROVIDER": "openai_compatible",
            "LLM_BASE_URL": "http://127.0.0.1:9/v1",
            "LLM_API_KEY_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone",
        },
    ],
    ids=["unknown provider", "no address", "no key"],
)
def test_a_wrong_setting_costs_one_stage_and_not_the_screen(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typing error in a model's settings must not leave everybody with red flags only."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    screen = bootstrap.screen_for_crisis(Settings({**settings, "SCREEN_BAND_LOW": "0"}))

    calm, at_risk = screen(ScreenRequest(CALM)), screen(ScreenRequest(AT_RISK))

    assert (calm.screen.path, calm.screen.degraded) == ("clear", (MODEL_SCREEN,))
    assert (at_risk.screen.path, at_risk.screen.degraded) == ("crisis", ())


@pytest.mark.parametrize("settings", [{}, {"LLM_PROVIDER": "composer"}])
def test_without_a_provider_there_is_no_call_and_nothing_is_missing(settings: dict[str, str]) -> None:
    """The composer writes replies; it does not judge anybody."""
    result = bootstrap.screen_for_crisis(Settings({**settings, "SCREEN_BAND_LOW": "0"}))(ScreenRequest(CALM))

    assert (result.screen.degraded, result.model) == ((), None)


@pytest.mark.parametrize("provider_name", ["bedrock", "openai_compatible"])
def test_no_sdk_is_imported_before_the_first_open_message(provider_name: str) -> None:
    """It takes up to a second: neither a cold start nor a message that needs no model may pay for it."""
    program = (
        "import sys\n"
        "from silent_infinity import bootstrap\n"
        "from silent_infinity.settings import Settings\n"
        "from silent_infinity.usecases.screen_for_crisis import ScreenRequest\n"
        f"settings = {{'LLM_PROVIDER': {provider_name!r}, 'LLM_BASE_URL': 'http://127.0.0.1:9/v1'}}\n"
        "screen = bootstrap.screen_for_crisis(Settings(settings))\n"
        "assert screen(ScreenRequest('I want to die.')).screen.screened_level >= 2\n"
        "print(*sys.modules, sep='\\n')"
    )
    done = subprocess.run(  # noqa: S603 -- this very interpreter, with a program written above
        [sys.executable, "-c", program],
        env={"PYTHONPATH": "functions/layer/python"},
        capture_output=True,
        text=True,
        check=True,
    )

    heavy = {"openai", "httpx", "boto3", "botocore", "jsonschema", "pydantic", "aws_lambda_powertools"}
    assert set(done.stdout.split()) & heavy == set()
