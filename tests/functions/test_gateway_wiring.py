"""The gateway as it is deployed: what the environment sets, the table counts, and the events tell."""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.items import from_item
from tests.contract import aws
from tests.functions.test_turn_handlers import (
    call,
    environment,  # noqa: F401 -- a fixture
    turn,
)
from tests.support.model_server import Behaviour, ModelServer
from tests.support.world import MIRROR, TELLING

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A provider that answers well, and budgets that it counts against."""
    # The first call of a process imports the SDK, which is not what these tests are about.
    importlib.import_module("openai")
    with ModelServer(lambda _messages: Behaviour(MIRROR)) as running:
        monkeypatch.setenv("LLM_PROVIDER", "openai_compatible")
        monkeypatch.setenv("LLM_BASE_URL", running.base_url)
        monkeypatch.setenv("SESSION_TOKEN_BUDGET", "60000")
        monkeypatch.setenv("DAILY_SPEND_CAP_USD", "10")
        yield running


def counters(prefix: str) -> list[dict[str, Any]]:
    """Return the items of the limits table whose key begins so."""
    items = [from_item(item) for item in boto3.client("dynamodb").scan(TableName=aws.LIMITS)["Items"]]
    return [item for item in items if item["limit_key"].startswith(prefix)]


def draft(turn_class: str = "TC4", **fields: Any) -> dict[str, Any]:
    """Have a draft written."""
    event = {
        "turn_id": "turn-1",
        "session_id": "session-1",
        "message": TELLING,
        "turn_class": turn_class,
        "deadline_ms": int(time.time() * 1000) + 8_000,
        **fields,
    }
    written: dict[str, Any] = call("generate", event)
    return written


def event() -> dict[str, Any]:
    """Return the one turn event."""
    [item] = boto3.client("dynamodb").scan(TableName=aws.TURN_EVENTS)["Items"]
    return from_item(item)


def test_a_generation_is_counted_in_the_table(server: ModelServer) -> None:
    """The session's tokens, and the day's money to the millionth."""
    usage = draft()["usage"]

    [session] = counters("spend#session#session-1")
    [day] = counters("spend#day#")
    assert session["used"] == usage["tokens_input"] + usage["tokens_output"] > 0
    assert day["used"] == pytest.approx(usage["cost_usd"] * 1e6, abs=1)
    assert not [name for item in (session, day) for name in item if name.startswith("in_flight#")]


def test_a_turn_event_lists_the_calls(server: ModelServer) -> None:
    """From the socket to the record."""
    turn(TELLING)

    recorded = event()
    assert recorded["model_calls"]
    for made in recorded["model_calls"]:
        assert (made["turn_class"], made["provider"], made["outcome"]) == ("TC4", "openai_compatible", "ok")
        assert made["prompt_id"]
        assert made["ttft_ms"] <= made["total_ms"]
    total = sum(made["cost_usd"] for made in recorded["model_calls"])
    assert recorded["cost_usd"] == pytest.approx(total)
    assert recorded["budget_level"] == ""


def test_a_session_without_tokens_gets_the_composers_words(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn is marked, and marked as a matter of money and not as an outage."""
    monkeypatch.setenv("SESSION_TOKEN_BUDGET", "100")
    written = draft()

    assert server.requests == []
    assert (written["source"], written["degraded"], written["budget_level"]) == (
        "composer",
        ["budget"],
        "minimal",
    )
    assert written["usage"]["cost_usd"] == 0
    assert [made["outcome"] for made in written["model_calls"]] == ["budget:session"]


def test_a_day_without_money_still_answers_a_crisis(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 2."""
    monkeypatch.setenv("DAILY_SPEND_CAP_USD", "1")
    client = boto3.client("dynamodb")
    day = time.strftime("%Y-%m-%d", time.gmtime())
    client.put_item(
        TableName=aws.LIMITS,
        Item={"limit_key": {"S": f"spend#day#{day}#0"}, "used": {"N": "1000000"}},
    )

    assert draft()["degraded"] == ["budget"]
    crisis = draft("TC6", crisis={"level": 2, "resources": []})

    assert (crisis["source"], crisis["degraded"]) == ("model", [])
    assert len(server.requests) == 1


def test_counters_that_are_down_cost_a_mark_and_nothing_else(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply by the model all the same."""
    monkeypatch.setenv("LIMITS_TABLE", "no-such-table")
    written = draft()

    assert (written["text"], written["degraded"]) == (MIRROR, ["budget"])


def test_a_provider_that_is_down_opens_a_breaker_for_all_processes(server: ModelServer) -> None:
    """In the table, where the next process reads it."""
    server.script = lambda _messages: Behaviour(status=503)
    for _ in range(3):
        assert draft()["source"] == "composer"

    [breaker] = counters("breaker#openai_compatible/claude-sonnet-4-6")
    assert breaker["open_until_ms"] > time.time() * 1000
    assert len(server.requests) == 4


def test_quotas_of_the_environment_are_kept(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request in ten seconds: the second turn does not wait for it."""
    monkeypatch.setenv("LLM_REQUESTS_PER_MINUTE", "6")

    assert [draft()["source"] for _ in range(2)] == ["model", "composer"]
    assert len(server.requests) == 1


def test_the_calls_of_the_screen_are_counted_beside_it(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the day's money; the verdict is there before the count."""
    monkeypatch.setenv("SCREEN_BAND_LOW", "0")
    call("crisis_screen", {"message": TELLING, "turn_id": "turn-1"})

    assert len(server.screenings) == 1
    until = time.monotonic() + 10
    while time.monotonic() < until and not [item for item in counters("spend#day#") if len(item) == 3]:
        time.sleep(0.05)
    [day] = counters("spend#day#")
    assert day["used"] > 0
    assert set(day) == {"limit_key", "used", "expires_at"}
    assert counters("spend#session#") == []


def test_metrics_of_the_gateway_are_printed_and_hold_no_word(
    server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the embedded format, by model and outcome."""
    draft()

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    [counted] = [line for line in lines if "ModelCalls" in line]
    assert (counted["service"], counted["environment"]) == ("generate", "test")
    assert (counted["model"], counted["outcome"], counted["turn_class"]) == ("claude-sonnet-4-6", "ok", "TC4")
    assert "funeral" not in json.dumps(lines)


def test_no_client_is_made_before_a_call_needs_one(server: ModelServer) -> None:
    """A turn that is answered without a model pays for no counter."""
    draft(mode="composer")
    assert clients.brief_dynamodb.cache_info().currsize == 0
    draft()
    assert clients.brief_dynamodb.cache_info().currsize == 1


def test_wiring_the_screen_with_a_table_loads_no_aws_sdk() -> None:
    """Its cold start is budgeted; the table is for later."""
    program = (
        "import sys\n"
        "from silent_infinity import bootstrap\n"
        "from silent_infinity.settings import Settings\n"
        "bootstrap.screen_for_crisis(Settings({'LLM_PROVIDER': 'bedrock', 'LIMITS_TABLE': 't'}))\n"
        "heavy = {'boto3', 'botocore', 'openai', 'anthropic', 'httpx'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    path = str(Path(__file__).parents[2] / "functions/layer/python")
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, check=True)  # noqa: S603 -- the program is written above
