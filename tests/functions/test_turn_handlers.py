"""The handlers as Lambda calls them: wired from the environment, over AWS as moto plays it.

The real state machine calls them one after the other, so what they hand each other is what they get on AWS.
"""

import functools
import importlib
import io
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.items import from_item
from silent_infinity.adapters.aws.registry_items import variant_item
from silent_infinity.domain.variant_categories import categories
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variants import BUCKETS
from tests.contract import aws
from tests.support.asl import StateMachine
from tests.support.world import FUNCTIONS_ARN, TELLING, definition

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "capture": "capture",
    "screen": "crisis_screen",
    "intent": "intent",
    "generate": "generate",
    "validate": "validate",
    "record": "feedback",
}
TURN_FUNCTIONS = tuple(FOLDERS.values())
APIS = ("feedback_api", "sessions_api", "turn_redrive")


@dataclass(frozen=True)
class Context:
    """What the Lambda runtime tells a function of its invocation."""

    function_name: str
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:f"
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"


def handler(folder: str) -> Any:
    """Return the module of a function."""
    return importlib.import_module(f"functions.{folder}.handler")


def call(folder: str, event: dict[str, Any]) -> Any:
    """Invoke a function as Lambda does: JSON in, JSON out."""
    result = handler(folder).lambda_handler(json.loads(json.dumps(event)), Context(folder))
    return json.loads(json.dumps(result))


def run_python(code: str) -> None:
    """Run the code in a fresh process without any environment."""
    path = f"{ROOT}:{ROOT / 'functions/layer/python'}"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, check=True, cwd=ROOT)  # noqa: S603 -- the code is written in this file


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tables, a bucket and a secret, and the variables that the stacks set."""
    with mock_aws():
        for made in (clients.dynamodb, clients.brief_dynamodb, clients.s3, clients.secrets_manager):
            made.cache_clear()
        aws.create_tables(boto3.client("dynamodb"))
        aws.create_bucket(boto3.client("s3"))
        secret = boto3.client("secretsmanager").create_secret(Name="salt", SecretString="a salt")
        variables = {
            "ENVIRONMENT": "test",
            "AWS_REGION": "us-east-1",
            "CONVERSATIONS_TABLE": aws.CONVERSATIONS,
            "TURN_EVENTS_TABLE": aws.TURN_EVENTS,
            "IDEMPOTENCY_TABLE": aws.CLAIMS,
            "LIMITS_TABLE": aws.LIMITS,
            "FEEDBACK_TABLE": aws.FEEDBACK,
            "VARIANTS_TABLE": aws.VARIANTS,
            "PROMPTS_TABLE": aws.PROMPTS,
            "PROMPTS_BUCKET": aws.BUCKET,
            "USER_SALT_SECRET_ARN": secret["ARN"],
            "LLM_PROVIDER": "composer",
            "CORS_ORIGIN": "https://app.example",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for folder in (*TURN_FUNCTIONS, *APIS):
            for wiring in vars(handler(folder)).values():
                if hasattr(wiring, "cache_clear"):
                    wiring.cache_clear()
        yield
        for made in (clients.dynamodb, clients.brief_dynamodb, clients.s3, clients.secrets_manager):
            made.cache_clear()


def turn(
    message: str, queue: list[dict[str, Any]] | None = None, key: str = "", **fields: Any
) -> dict[str, Any]:
    """Run the workflow over the handlers; return its output with the body parsed."""
    tasks: dict[str, Any] = {
        FUNCTIONS_ARN[name]: functools.partial(call, folder) for name, folder in FOLDERS.items()
    }
    tasks["arn:aws:states:::sqs:sendMessage"] = ([] if queue is None else queue).append
    machine = StateMachine(definition(), tasks, now_ms=lambda: int(datetime.now(UTC).timestamp() * 1000))
    body = json.dumps({"message": message, **fields})
    started_at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    output = machine.run(
        {"body": body, "subject": "subject-1", "token_use": "id", "idempotency_key": key, "request_id": "r"},
        execution_id=f"execution-{uuid.uuid4()}",
        started_at=started_at,
    )
    return {**output, "body": json.loads(output["body"])}


def api_event(method: str, body: Any = None, token_use: str = "id", **path: str) -> dict[str, Any]:
    """Return a proxy event of API Gateway."""
    return {
        "httpMethod": method,
        "pathParameters": path or None,
        "body": body if isinstance(body, str) or body is None else json.dumps(body),
        "requestContext": {"authorizer": {"claims": {"sub": "subject-1", "token_use": token_use}}},
    }


@pytest.mark.parametrize("folder", [*TURN_FUNCTIONS, *APIS, "seed"])
def test_importing_a_handler_needs_no_environment(folder: str) -> None:
    """Wiring is lazy: a missing variable is told by the invocation that needs it, not by a failed start."""
    run_python(f"import functions.{folder}.handler")


@pytest.mark.parametrize("folder", TURN_FUNCTIONS)
def test_a_cold_start_of_the_turn_pays_for_no_tracing_nor_for_a_model_sdk(folder: str) -> None:
    """Import cost is a budget: what is not used must not be loaded."""
    code = (
        f"import sys, functions.{folder}.handler;"
        "heavy = {'aws_xray_sdk', 'openai', 'anthropic', 'pydantic', 'httpx', 'moto'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    run_python(code)


def test_a_message_goes_through_all_six_functions(environment: None) -> None:
    """Answered, and recorded in the tables that the stacks name."""
    answer = turn(TELLING)["body"]

    events = boto3.client("dynamodb").scan(TableName=aws.TURN_EVENTS)["Items"]
    assert "funeral" in answer["reply"]["text"]
    assert [event["turn_id"]["S"] for event in events] == [answer["turn_id"]]
    assert events[0]["environment"] == {"S": "test"}


def test_the_registry_is_what_its_table_holds_now(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator writes a row, and the next turn of a running session goes by it."""
    monkeypatch.setenv("VARIANT_CACHE_TTL_SECONDS", "0")
    dynamodb = boto3.client("dynamodb")
    arm = VariantRecord("MANDALA_FACE", "none", "canary", ranges=((0, BUCKETS),), created_at="2026-11-21")
    told = []

    dynamodb.put_item(TableName=aws.VARIANTS, Item=variant_item(arm))
    first = turn(TELLING)["body"]
    told.append(first["client_variants"]["MANDALA_FACE"]["variant_id"])
    reported = {"session_id": first["session_id"], "client": {"exposures": {"MANDALA_FACE": "none"}}}
    turn(TELLING, **reported)
    dynamodb.put_item(TableName=aws.VARIANTS, Item=variant_item(replace(arm, ranges=())))
    last = turn(TELLING, **reported)["body"]
    told.append(last["client_variants"]["MANDALA_FACE"]["variant_id"])

    events = [from_item(item) for item in dynamodb.scan(TableName=aws.TURN_EVENTS)["Items"]]
    events.sort(key=lambda event: str(event["turn_id"]))
    assert told == ["none", "on"]
    assert [event["active_variants"]["MANDALA_FACE"] for event in events] == ["none", "none", "on"]
    assert [event["exposures"].get("MANDALA_FACE") for event in events] == [None, "none", None]
    assert all(event["active_variants"].keys() == categories().keys() for event in events)


def test_without_the_registrys_table_the_initial_population_is_served_and_marked(
    environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn never fails for want of an experiment."""
    monkeypatch.setenv("VARIANTS_TABLE", "no-such-table")

    answer = turn(TELLING)["body"]

    [event] = (from_item(item) for item in boto3.client("dynamodb").scan(TableName=aws.TURN_EVENTS)["Items"])
    assert answer["client_variants"]["MANDALA_FACE"]["variant_id"] == "on"
    assert event["active_variants"].keys() == categories().keys()
    assert "variants" in event["degraded"]


def test_a_record_that_was_refused_is_recorded_from_the_queue(
    environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The redrive function reads what the state machine has sent to the queue."""
    queue: list[dict[str, Any]] = []
    handler("feedback")._record_turn.cache_clear()
    monkeypatch.setenv("TURN_EVENTS_TABLE", "no-such-table")
    answer = turn(TELLING, queue)["body"]
    monkeypatch.setenv("TURN_EVENTS_TABLE", aws.TURN_EVENTS)
    assert answer["reply"]["text"]
    assert len(queue) == 1

    for _ in range(2):
        call("turn_redrive", {"Records": [{"body": queue[0]["MessageBody"]}]})

    events = boto3.client("dynamodb").scan(TableName=aws.TURN_EVENTS)["Items"]
    assert [event["turn_id"]["S"] for event in events] == [answer["turn_id"]]


def test_a_session_is_read_rated_and_deleted(environment: None) -> None:
    """The three things that people do with a session besides talking in it."""
    answer = turn(TELLING)["body"]
    session_id = answer["session_id"]

    read = call("sessions_api", api_event("GET", session_id=session_id))
    rating = {"session_id": session_id, "turn_id": answer["turn_id"], "rating": 5}
    rated = call("feedback_api", api_event("POST", rating))
    deleted = call("sessions_api", api_event("DELETE", session_id=session_id))
    gone = call("sessions_api", api_event("GET", session_id=session_id))

    assert read["statusCode"] == 200
    assert json.loads(read["body"])["turns"][0]["reply"]["text"] == answer["reply"]["text"]
    assert read["headers"]["Access-Control-Allow-Origin"] == "https://app.example"
    assert read["headers"]["Cache-Control"] == "no-store"
    assert rated["statusCode"] == 201
    assert json.loads(deleted["body"]) == {
        "session_id": session_id,
        "turns_deleted": 1,
        "feedback_deleted": 1,
        "summaries_deleted": 0,
    }
    assert gone["statusCode"] == 404


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (api_event("POST", "{"), 400),
        (api_event("POST", "[]"), 400),
        (api_event("POST", {"nps": 11}), 400),
        (api_event("POST", {"nps": 9}, token_use="access"), 401),
    ],
    ids=["no JSON", "no object", "out of range", "access token"],
)
def test_an_api_function_refuses_what_it_must(event: dict[str, Any], status: int, environment: None) -> None:
    """With a problem document that says what to do and where help is."""
    refused = call("feedback_api", event)

    assert refused["statusCode"] == status
    assert refused["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(refused["body"])["help"]["resources"]


def test_a_store_that_is_down_is_no_server_error_page(
    environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After, and nothing of what went wrong inside."""
    monkeypatch.setenv("CONVERSATIONS_TABLE", "no-such-table")
    refused = call("sessions_api", api_event("GET", session_id=str(uuid.uuid4())))

    assert refused["statusCode"] == 503
    assert refused["headers"]["Retry-After"] == "5"
    assert "no-such-table" not in refused["body"]


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """What the functions' loggers print; they hold on to the standard output that they first met."""
    stream = io.StringIO()
    handlers = [h for folder in (*TURN_FUNCTIONS, *APIS) for h in handler(folder).logger.handlers]
    before = [each.setStream(stream) for each in handlers]
    yield stream
    for each, old in zip(handlers, before, strict=True):
        each.setStream(old)


def test_no_word_of_a_turn_is_logged(
    environment: None, capsys: pytest.CaptureFixture[str], printed: io.StringIO
) -> None:
    """Invariant 4 for everything that the functions print: logs and metrics alike."""
    canary = "canaryq7x"
    message = f"My sister {canary} and I have not spoken since the funeral; I keep going over it."
    answer = turn(message, client={"exposures": {"MANDALA_FACE": canary}})["body"]
    rated = {"session_id": answer["session_id"], "nps": 9, "rating_variant_id": canary}
    call("feedback_api", api_event("POST", rated))
    turn(f"I want to die and {canary} I have been planning it.")
    call("feedback_api", api_event("POST", {"session_id": answer["session_id"], "text": canary}))
    call("sessions_api", api_event("GET", session_id=answer["session_id"]))
    call("feedback_api", api_event("POST", {"nps": canary}))

    output = "".join(capsys.readouterr()) + printed.getvalue()
    assert answer["turn_id"] in output
    assert '"CloudWatchMetrics"' in output
    assert canary not in output
    assert "subject-1" not in output


def test_a_missing_variable_is_named(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever deployed it must not have to guess."""
    from silent_infinity.settings import MissingSettingError

    monkeypatch.delenv("CONVERSATIONS_TABLE")

    with pytest.raises(MissingSettingError, match="CONVERSATIONS_TABLE"):
        call("sessions_api", api_event("GET", session_id=str(uuid.uuid4())))
