"""What the environment sets is what the functions do: limits, retention, the chain of models, the redrive."""

import json
import re
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from openfeature import api

from silent_infinity import bootstrap
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.ports.llm import ModelError, ModelReply, ModelRequest
from silent_infinity.settings import Settings
from tests.contract import aws
from tests.functions.test_turn_handlers import (
    api_event,
    call,
    environment,  # noqa: F401 -- a fixture
    handler,
    turn,
)
from tests.support.model_server import Behaviour, ModelServer
from tests.support.world import TELLING

pytestmark = pytest.mark.usefixtures("environment")
DAY_SECONDS = 86_400
ROOT = Path(__file__).parents[2]


def _items(table: str) -> list[dict[str, Any]]:
    return boto3.client("dynamodb").scan(TableName=table)["Items"]


def test_pace_and_burst_are_each_read_from_their_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exchanged, they would make people wait for a minute instead of a moment."""
    monkeypatch.setenv("RATE_LIMIT_PER_MINUTE", "4")
    monkeypatch.setenv("RATE_LIMIT_BURST", "1")
    first, second = turn(TELLING), turn(TELLING)

    assert first["status_code"] == 200
    assert second["status_code"] == 429
    assert int(second["headers"]["Retry-After"]) <= 15


def test_a_budget_holds_back_a_turn_before_its_cost_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that is checked only afterwards is overrun by as many turns as run side by side."""
    monkeypatch.setenv("DAILY_TOKEN_BUDGET", "2000")

    assert turn(TELLING)["status_code"] == 429


def test_everything_personal_expires_when_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages, sessions, events and feedback: one period for all of them."""
    monkeypatch.setenv("TURN_RETENTION_DAYS", "7")
    answer = turn(TELLING)["body"]
    call("feedback_api", api_event("POST", {"session_id": answer["session_id"], "nps": 9}))

    expected = time.time() + 7 * DAY_SECONDS
    for table in (aws.CONVERSATIONS, aws.TURN_EVENTS, aws.FEEDBACK):
        found = [int(item["expires_at"]["N"]) for item in _items(table)]
        assert found, table
        assert all(abs(moment - expected) < 60 for moment in found), table


def test_the_claims_record_is_dropped_from_the_claims_table() -> None:
    """A record that stays would be written anew by every replay, and hold the message for a day."""
    turn(TELLING, key="key-1")

    [claim] = _items(aws.CLAIMS)
    assert "answer" in claim
    assert "record" not in claim


def test_the_documents_way_to_openfeature_works(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing here asks through it, so the lines that others copy are run as they stand."""
    text = (ROOT / "docs/variants.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    [lines] = [block for block in blocks if "openfeature" in block]
    try:
        exec(lines, {})  # noqa: S102 -- the project's own document
    finally:
        api.clear_providers()

    assert capsys.readouterr().out.startswith("on {'face': 'mandala'")


@pytest.mark.parametrize("provider", ["openai_compatible", "anthropic", "bedrock"])
def test_behind_every_provider_stands_the_composer(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    """Invariant 5: the provider refuses, the person is answered all the same."""
    with ModelServer(lambda _messages: Behaviour(status=400)) as server:
        monkeypatch.setenv("LLM_PROVIDER", provider)
        monkeypatch.setenv("LLM_BASE_URL", server.base_url)
        body = turn(TELLING)["body"]

    assert body["reply"]["kind"] == "fallback"
    assert "funeral" in body["reply"]["text"]
    [event] = _items(aws.TURN_EVENTS)
    assert event["provider"] == {"S": "composer"}
    # It answered as the last of the chain; the reserve of the draft is for when the chain itself fails.
    assert event["error_class"] == {"NULL": True}


class _Stuck:
    """A provider that does not answer in time."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take whatever the real one takes."""

    def complete(self, request: ModelRequest) -> ModelReply:
        time.sleep(6)
        raise ModelError("nobody waits for this")


@pytest.mark.parametrize(
    ("provider", "adapter"),
    [
        ("openai_compatible", "silent_infinity.adapters.llm.openai_compatible.OpenAICompatibleModel"),
        ("bedrock", "silent_infinity.adapters.llm.bedrock.BedrockModel"),
    ],
)
def test_no_provider_is_waited_for_beyond_the_deadline(
    monkeypatch: pytest.MonkeyPatch, provider: str, adapter: str
) -> None:
    """A connection that stays open and silent must not use up the time that the composer needs."""
    monkeypatch.setattr(adapter, _Stuck)
    monkeypatch.setenv("LLM_PROVIDER", provider)
    monkeypatch.setenv("LLM_BASE_URL", "http://127.0.0.1:9/v1")
    begun = time.monotonic()
    event = {
        "turn_id": "turn-1",
        "message": TELLING,
        "turn_class": "TC4",
        "deadline_ms": int(time.time() * 1000) + 1500,
    }

    draft = call("generate", event)

    assert draft["source"] == "composer"
    assert time.monotonic() - begun < 5


def test_a_provider_gets_the_key_that_the_secret_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is in no environment variable, where every console shows it."""
    told: list[dict[str, Any]] = []

    class Told(_Stuck):
        """Keeps how it was made."""

        def __init__(self, *_: Any, **settings: Any) -> None:
            told.append(settings)

    secret = boto3.client("secretsmanager").create_secret(Name="key", SecretString="the key")
    settings = Settings(
        {
            "LLM_PROVIDER": "openai_compatible",
            "LLM_BASE_URL": "http://127.0.0.1:9/v1",
            "LLM_MODEL_ID": "small",
            "LLM_API_KEY_SECRET_ARN": secret["ARN"],
        }
    )
    monkeypatch.setattr("silent_infinity.adapters.llm.openai_compatible.OpenAICompatibleModel", Told)

    bootstrap.language_model(settings, SystemClock())

    [made] = told
    assert (made["api_key"], made["base_url"], made["model_override"]) == (
        "the key",
        "http://127.0.0.1:9/v1",
        "small",
    )


def test_a_redrive_that_fails_says_so_and_takes_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure that is swallowed deletes the message from the queue, and with it the turn."""
    queue: list[dict[str, Any]] = []
    monkeypatch.setenv("TURN_EVENTS_TABLE", "no-such-table")
    for _ in range(2):
        turn(TELLING, queue)
    event = {"Records": [{"body": message["MessageBody"]} for message in queue]}

    with pytest.raises(Exception, match=r"ResourceNotFound|Unavailable") as caught:
        call("turn_redrive", event)
    assert "funeral" not in str(caught.value)
    monkeypatch.setenv("TURN_EVENTS_TABLE", aws.TURN_EVENTS)
    handler("turn_redrive")._record_turn.cache_clear()
    call("turn_redrive", event)

    assert len(_items(aws.TURN_EVENTS)) == 2


def test_a_deletion_through_the_api_leaves_no_answer_to_replay() -> None:
    """The same key sent again after a deletion must not bring the reply back."""
    answer = turn(TELLING, key="key-1")["body"]
    call("sessions_api", api_event("DELETE", session_id=answer["session_id"]))

    assert _items(aws.CLAIMS) == []
    assert answer["reply"]["text"] not in json.dumps(_items(aws.CONVERSATIONS))
