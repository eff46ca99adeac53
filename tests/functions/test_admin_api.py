"""The operators' function as Lambda calls it, over AWS as moto plays it."""

import importlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.variant_metrics import DynamoVariantMetrics
from silent_infinity.bootstrap import background
from silent_infinity.domain import initial_variants
from silent_infinity.domain.initial_variants import initial_variant_records
from silent_infinity.domain.variant_sums import RATE, DayOfVariant, Sums
from silent_infinity.settings import MissingSettingError, Settings
from tests.contract import aws
from tests.functions.test_turn_handlers import Context, run_python
from tests.support.operators import (
    CLIENT_ID,
    POOL_ID,
    SUBJECT,
    VARIANT,
    VARIANTS,
    Operator,
    context_claims,
    proxy_event,
)

handler: Any = importlib.import_module("functions.admin_api.handler")
SMALL_TALK = "SMALL_TALK_MODEL/claude-haiku-4-5"
CATEGORIES = ("SMALL_TALK_MODEL", "VOICE_LLM", "GHOST_CHAR_STYLE", "CRISIS_FLOW_MODEL", "SYSTEM_PROMPT")
VARIABLES = {
    "ENVIRONMENT": "test",
    "AWS_REGION": "us-east-1",
    "VARIANTS_TABLE": aws.VARIANTS,
    "AUDIT_LOG_TABLE": aws.AUDIT_LOG,
    "PROMOTIONS_TABLE": aws.PROMOTIONS,
    "APPROVALS_TABLE": aws.APPROVALS,
    "IDEMPOTENCY_TABLE": aws.CLAIMS,
    "VARIANT_METRICS_TABLE": aws.VARIANT_METRICS,
    "PROMPTS_TABLE": aws.PROMPTS,
    "PROMPTS_BUCKET": aws.BUCKET,
    "AUDIT_ANCHORS_BUCKET": aws.ANCHORS,
    "OPERATOR_POOL_ID": POOL_ID,
    "OPERATOR_CLIENT_ID": CLIENT_ID,
    "CORS_ORIGIN": "https://app.example",
}


def _forget() -> None:
    clients.dynamodb.cache_clear()
    clients.s3.cache_clear()
    handler._routes.cache_clear()


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tables, buckets and variables as the stacks make them, seeded as a first deployment seeds them, with
    the variants of a few categories.
    """
    with mock_aws():
        _forget()
        aws.create_tables(boto3.client("dynamodb"))
        aws.create_bucket(boto3.client("s3"))
        aws.create_anchors(boto3.client("s3"))
        for name, value in VARIABLES.items():
            monkeypatch.setenv(name, value)
        few = tuple(record for record in initial_variant_records() if record.category in CATEGORIES)
        monkeypatch.setattr(initial_variants, "initial_variant_records", lambda: few)
        background.seed_reference_data(Settings.from_env())("seed")
        yield
        _forget()


def call(event: dict[str, Any]) -> dict[str, Any]:
    """Invoke the function as Lambda does: JSON in, JSON out."""
    answer: dict[str, Any] = json.loads(
        json.dumps(handler.lambda_handler(json.loads(json.dumps(event)), Context("admin_api")))
    )
    return answer


@pytest.fixture
def operator(deployed: None) -> Operator:
    """An operator of the function."""
    return Operator(call)


def test_importing_the_handler_needs_no_environment() -> None:
    """Wiring is lazy: a missing variable is told by the invocation that needs it, not by a failed start."""
    run_python("import functions.admin_api.handler")


def test_every_route_answers_over_the_tables(operator: Operator) -> None:
    """The wiring of each route, and DynamoDB's idea of numbers, lists and nothing."""
    listed = operator.list(limit="100")
    assert {each["category"] for each in listed["variants"]} == set(CATEGORIES)
    assert operator.show(SMALL_TALK)["ranges"] == [[0, 2000]]

    paused = operator.change("pause", SMALL_TALK)
    assert paused["variant"]["in_force"] == {"status": "canary", "rollout_percent": 0}
    asked = operator.change("promote", "VOICE_LLM/haiku", version=1)
    assert (operator.status, asked["outcome"]) == (202, "approval_requested")
    waiting = operator.change("update", "CRISIS_FLOW_MODEL/claude-opus-4-7", version=1, description="Words.")
    assert (operator.status, waiting["variant"]["description"]) == (200, "Words.")

    [promotion] = operator.send("GET /admin/api/promotions")["promotions"]
    assert promotion["variant_id"] == "haiku"
    entries = operator.send("GET /admin/api/audit-log", query={"variant_id": SMALL_TALK})["entries"]
    assert [entry["action"] for entry in entries] == ["create", "pause"]
    verified = operator.send("GET /admin/api/audit-log/verify")
    assert (verified["ok"], verified["findings"], verified["unaudited"]) == (True, [], [])
    assert verified["entries"] == verified["variants"] + 3


def test_a_comparison_reads_the_figures_of_the_lake(operator: Operator) -> None:
    """As the nightly rollup publishes them."""
    metrics = DynamoVariantMetrics(clients.dynamodb(), aws.VARIANT_METRICS)
    today: date = datetime.now(UTC).date()
    for variant_id, successes in (("claude-sonnet-4-6", 700), ("claude-haiku-4-5", 600)):
        sums = {"completed": Sums(RATE, 1000, successes)}
        metrics.put(DayOfVariant("SMALL_TALK_MODEL", variant_id, today, sums))
    query = {"a": "claude-sonnet-4-6", "b": "claude-haiku-4-5", "category": "SMALL_TALK_MODEL"}
    [metric] = operator.send(f"GET {VARIANTS}/compare", query=query)["metrics"]

    assert metric["difference"] == pytest.approx(-0.1)
    assert operator.show(SMALL_TALK)["metrics_7d"]["metrics"]["completed"]["value"] == 0.6


def test_a_change_is_stored_once_under_its_key(operator: Operator) -> None:
    """The stored answer is read back from the table of idempotency, and nothing else is written."""
    first = operator.send(f"POST {VARIANT}/pause", SMALL_TALK, body={"reason": "A reason."}, key="k")
    assert operator.status == 400
    first = operator.send(f"POST {VARIANT}/pause", SMALL_TALK, body={"reason": "A longer reason."}, key="k")
    again = operator.send(f"POST {VARIANT}/pause", SMALL_TALK, body={"reason": "A longer reason."}, key="k")

    assert first == again
    assert operator.headers["Idempotency-Replayed"] == "true"
    entries = operator.send("GET /admin/api/audit-log", query={"variant_id": SMALL_TALK})["entries"]
    assert len(entries) == 2


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"s3_key": "prompts/system/v99.md"}, 422),
        ({"prompt_sha": "0" * 64}, 422),
        ({}, 201),
    ],
)
def test_a_persona_has_to_be_published(changes: dict[str, str], status: int, operator: Operator) -> None:
    """With the text that is meant: the checksums of all published prompts are looked up."""
    config = operator.show("SYSTEM_PROMPT/v2-sha-current")["config"]
    operator.change(
        "create", "SYSTEM_PROMPT", variant_id="trial", description="d", config={**config, **changes}
    )

    assert operator.status == status


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"groups": "[]"}, 403),
        ({"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_people"}, 403),
        ({"token_use": "access"}, 401),
    ],
)
def test_who_is_no_operator_is_refused(claims: dict[str, str], status: int, deployed: None) -> None:
    """Whatever the authorizer before the function found; the pool is that of the variables."""
    answer = call(proxy_event(f"GET {VARIANTS}", authorizer=context_claims(**claims)))

    assert answer["statusCode"] == status
    assert answer["headers"]["Access-Control-Allow-Origin"] == "https://app.example"


def test_who_is_refused_does_not_reach_the_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wired for somebody who may do nothing: the tables are not even named here."""
    for name in ("OPERATOR_POOL_ID", "OPERATOR_CLIENT_ID"):
        monkeypatch.setenv(name, VARIABLES[name])
    _forget()

    assert call(proxy_event(f"GET {VARIANTS}", authorizer={}))["statusCode"] == 401
    with pytest.raises(MissingSettingError, match="VARIANTS_TABLE"):
        call(proxy_event(f"GET {VARIANTS}"))


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """What the function's logger prints."""
    stream = io.StringIO()
    before = [each.setStream(stream) for each in handler.logger.handlers]
    yield stream
    for each, old in zip(handler.logger.handlers, before, strict=True):
        each.setStream(old)


def test_no_word_of_a_reason_or_a_body_is_logged(
    operator: Operator, printed: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reasons stay in the audit log; keys, names and subjects stay out of the logs as well."""
    reason = "canary reason of an operator"
    operator.send(f"POST {VARIANT}/pause", SMALL_TALK, body={"reason": reason}, key="canary-key")
    operator.send(f"PUT {VARIANT}", SMALL_TALK, body={"reason": reason, "canary": 1}, version=2)
    operator.send(f"PUT {VARIANT}", SMALL_TALK, body='{"canary": ', version=2)
    operator.change("create", "VOICE_LLM", variant_id="canary", description="canary", config={"canary": 1})
    operator.list(cursor="canary")
    output = printed.getvalue() + "".join(capsys.readouterr())

    assert output.count('"status_code"') == 5
    assert '"status_code":200' in output.replace(" ", "")
    assert "canary" not in output
    assert SUBJECT not in output
