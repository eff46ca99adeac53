"""The functions of the weekly synthesis as Lambda calls them, wired to stores that moto plays."""

import functools
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.conversation_items import session_item, turn_item
from silent_infinity.adapters.llm.live_switch import VARIABLE
from silent_infinity.domain.weeks import Week
from silent_infinity.ports.conversations import Session, StoredTurn
from tests.contract import aws
from tests.functions.test_turn_handlers import (
    call,
    environment,  # noqa: F401 -- a fixture
    run_python,
)
from tests.support.asl import StateMachine
from tests.support.handlers import forget_wiring, printed_by
from tests.support.model_server import Behaviour, ModelServer
from tests.support.synthesis import FUNCTIONS, SAID, SUMMARY, definition

pytestmark = pytest.mark.usefixtures("environment")
FOLDERS = {name: f"synthesis_{name}" for name in FUNCTIONS}
BUCKET = "work-files"
LAST_WEEK = Week.before(datetime.now(UTC))


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """A model that writes the good summary."""
    with ModelServer(lambda _messages: Behaviour(SUMMARY)) as server:
        yield server


@pytest.fixture(autouse=True)
def wired(monkeypatch: pytest.MonkeyPatch, model_server: ModelServer, environment: None) -> Iterator[None]:  # noqa: F811
    """The bucket, the variables that the stack sets, and functions that have not been called yet."""
    for name, value in {
        "SYNTHESIS_BUCKET": BUCKET,
        "LLM_PROVIDER": "openai_compatible",
        "LLM_BASE_URL": model_server.base_url,
        VARIABLE: "1",
    }.items():
        monkeypatch.setenv(name, value)
    made = (clients.patient_s3, clients.bedrock)
    for cached in made:
        cached.cache_clear()
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    forget_wiring(FOLDERS.values())
    yield
    for cached in made:
        cached.cache_clear()


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """What the functions' loggers print."""
    with printed_by(FOLDERS.values()) as stream:
        yield stream


def told(user: str, *messages: str) -> str:
    """Give somebody a session of last week; its id."""
    client = boto3.client("dynamodb")
    session_id = f"session-{user}"
    moment = LAST_WEEK.start + timedelta(hours=10)
    session = Session(session_id, user, moment.isoformat(), moment.isoformat(), 2_000_000_000)
    client.put_item(TableName=aws.CONVERSATIONS, Item=session_item(session))
    for place, message in enumerate(messages):
        at = (moment + timedelta(days=place)).isoformat()
        turn = StoredTurn(f"t{place}", session_id, message, at, 2_000_000_000, "", "I hear you.", "answer")
        client.put_item(TableName=aws.CONVERSATIONS, Item=turn_item(turn))
    return session_id


def run() -> dict[str, Any]:
    """Run the workflow over the handlers."""
    machine = StateMachine(
        definition(),
        {name: functools.partial(call, folder) for name, folder in FOLDERS.items()},
        now_ms=lambda: int(datetime.now(UTC).timestamp() * 1000),
    )
    started = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    output: dict[str, Any] = machine.run({}, execution_id="a:run-1", started_at=started)
    return output


def summaries() -> list[dict[str, Any]]:
    """Return the items of summaries."""
    items = boto3.client("dynamodb").scan(TableName=aws.CONVERSATIONS)["Items"]
    return [item for item in items if item["sk"]["S"].startswith("SUMMARY#")]


def test_a_week_through_the_functions(capsys: pytest.CaptureFixture[str], printed: io.StringIO) -> None:
    """From the index to the item, with metrics, and no word in what is printed."""
    told("pseudonym", *SAID)

    output = run()

    assert output | {"cost_micro_usd": 0} == {
        "week": LAST_WEEK.name, "outcome": "done", "due": 1, "withheld": 0, "written": 1, "skipped": 0,
        "dropped": 0, "cost_micro_usd": 0,
    }  # fmt: skip
    [summary] = summaries()
    assert summary["text"]["S"] == SUMMARY
    assert summary["usage"]["M"]["tokens_input"] == {"N": "120"}
    assert boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", []) == []
    metrics = capsys.readouterr().out
    assert {"SynthesisDue", "SynthesisWritten", "SynthesisCostMicroUsd", "SynthesisRuns"} <= {
        name for line in metrics.splitlines() if "_aws" in line for name in json.loads(line)
    }
    said = metrics + printed.getvalue()
    assert '"message":"closed"' in said
    assert "pseudonym" not in said
    assert "lay awake" not in said
    assert "grandmother" not in said


def test_what_is_given_up_is_logged_by_its_code(printed: io.StringIO, model_server: ModelServer) -> None:
    """Operators see that and why, and neither whom nor what."""
    model_server.script = lambda _messages: Behaviour("canary-told, and nothing more.")
    told("pseudonym", *SAID)

    assert run()["skipped"] == 1

    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    [skipped] = [line for line in lines if line["message"] == "skipped"]
    assert (skipped["record_id"], skipped["code"]) == ("P000001R000", "length.too_short")
    assert "canary" not in json.dumps(lines)
    assert "pseudonym" not in json.dumps(lines)


def test_without_bedrock_no_batch_is_thought_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The composer writes none, and says so."""
    monkeypatch.setenv("LLM_PROVIDER", "composer")
    told("pseudonym", *SAID)

    assert run() == {"week": LAST_WEEK.name, "outcome": "no_model"}


@pytest.mark.parametrize("folder", FOLDERS.values())
def test_importing_a_handler_needs_no_environment_and_no_provider(folder: str) -> None:
    """Lambda imports before it knows whether there is work; a provider's SDK takes a second."""
    run_python(
        f"import sys; import functions.{folder}.handler;"
        "assert not {'openai', 'anthropic', 'silent_infinity.adapters.aws.bedrock_batch'} & set(sys.modules)"
    )
