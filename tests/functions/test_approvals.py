"""The functions that ask approvers and take their decisions, as AWS calls them, over AWS as moto plays it."""

import base64
import importlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import pytest
from moto import mock_aws

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.approvals import DynamoApprovals
from silent_infinity.adapters.aws.evidence import DynamoEvidence
from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.promotions import promotion_item
from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.usecases.ask_approvers import NoApproversError
from tests.contract import aws
from tests.functions.test_turn_handlers import Context, run_python
from tests.support.approvals import ANA, BEN, CLEO, REASON, TOKEN, evidence, query_of
from tests.support.handlers import forget_wiring, printed_by
from tests.support.promotion_workflow import definition
from tests.support.registry import variant

FOLDERS = ("promotion_ask", "approvals")
DOCUMENT = evidence(reason="SECRETREASON of an operator")
TYPED = "SECRETTYPED: people stay, and nothing else is worse."


class Workflow:
    """Step Functions, as far as a token's task is told that it succeeded."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def send_task_success(self, **request: str) -> None:
        self.told.append((request["taskToken"], json.loads(request["output"])))


class Mail:
    """SNS with confirmed approvers, and what it was given to send."""

    def __init__(self) -> None:
        self.approvers = [ANA, BEN, CLEO]
        self.sent: list[dict[str, Any]] = []

    def get_paginator(self, _: str) -> "Mail":
        return self

    def paginate(self, TopicArn: str) -> list[dict[str, Any]]:  # noqa: N803 -- the client's name
        assert TopicArn == "arn:approvers"
        return [
            {
                "Subscriptions": [
                    {
                        "SubscriptionArn": f"arn:aws:{one.subject}",
                        "Protocol": "email",
                        "Endpoint": one.address,
                    }
                    for one in self.approvers
                ]
            }
        ]

    def get_subscription_attributes(self, SubscriptionArn: str) -> dict[str, Any]:  # noqa: N803
        subject = SubscriptionArn.removeprefix("arn:aws:")
        return {"Attributes": {"FilterPolicy": json.dumps({"approver": [subject]})}}

    def publish(self, **request: Any) -> None:
        self.sent.append(request)

    def link_of(self, subject: str) -> str:
        """Return the link to approve that a subject was sent."""
        text = next(
            one["Message"]
            for one in self.sent
            if one["MessageAttributes"]["approver"]["StringValue"] == subject
        )
        return str(next(line for line in text.splitlines() if line.startswith("Approve:")).split()[-1])


@pytest.fixture
def workflow(monkeypatch: pytest.MonkeyPatch) -> Workflow:
    """The workflow that waits."""
    found = Workflow()
    monkeypatch.setattr(clients, "step_functions", lambda: found)
    return found


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Mail:
    """The topic of approvers."""
    found = Mail()
    monkeypatch.setattr(clients, "sns", lambda: found)
    return found


@pytest.fixture(autouse=True)
def stores(monkeypatch: pytest.MonkeyPatch, workflow: Workflow, mail: Mail) -> Iterator[Any]:
    """The tables with an open promotion and its evidence, and the variables that the stack sets."""
    with mock_aws():
        clients.dynamodb.cache_clear()
        clients.secrets_manager.cache_clear()
        client = boto3.client("dynamodb")
        aws.create_tables(client)
        secret = boto3.client("secretsmanager").create_secret(Name="links", SecretString="k" * 48)
        variables = {
            "ENVIRONMENT": "test",
            "AWS_REGION": "us-east-1",
            "APPROVALS_TABLE": aws.APPROVALS,
            "PROMOTIONS_TABLE": aws.PROMOTIONS,
            "VARIANTS_TABLE": aws.VARIANTS,
            "APPROVERS_TOPIC_ARN": "arn:approvers",
            "APPROVAL_LINK_SECRET_ARN": secret["ARN"],
            "APPROVAL_BASE_URL": "https://api.example.test/stage",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        forget_wiring(FOLDERS)
        _put_promotion(client)
        yield client
    forget_wiring(FOLDERS)


def _put_promotion(client: Any) -> None:
    row = variant(
        DOCUMENT.category,
        DOCUMENT.variant_id,
        DOCUMENT.from_status,
        version=DOCUMENT.variant_version,
        promotion_id=DOCUMENT.promotion_id,
    )
    key = {"pk": f"VARIANT#{row.category}", "sk": row.variant_id}
    client.put_item(TableName=aws.VARIANTS, Item=to_item({**to_payload(row), **key}))
    promotion = PromotionRequest(
        promotion_id=DOCUMENT.promotion_id,
        category=DOCUMENT.category,
        variant_id=DOCUMENT.variant_id,
        from_status=DOCUMENT.from_status,
        to_status=DOCUMENT.to_status,
        rollout_percent=DOCUMENT.to_percent,
        requested_by=DOCUMENT.requested_by,
        requested_at=DOCUMENT.requested_at,
        reason=DOCUMENT.reason,
        variant_version=DOCUMENT.variant_version,
    )
    client.put_item(TableName=aws.PROMOTIONS, Item=promotion_item(promotion))
    DynamoEvidence(client, aws.APPROVALS).put(DOCUMENT)


def _call(folder: str, event: dict[str, Any]) -> Any:
    return importlib.import_module(f"functions.{folder}.handler").lambda_handler(event, Context(folder))


def _ask() -> Any:
    return _call(
        "promotion_ask",
        {
            "promotion_id": DOCUMENT.promotion_id,
            "evidence_hash": DOCUMENT.hash,
            "task_token": TOKEN,
            "approval_seconds": 604_800,
        },
    )


def _event(link: str, form: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "httpMethod": "GET" if form is None else "POST",
        "resource": "/v1/approvals/{approval_id}",
        "pathParameters": {"approval_id": urlsplit(link).path.rsplit("/", 1)[1]},
        "queryStringParameters": query_of(link),
        "body": None if form is None else urlencode(form),
        "isBase64Encoded": False,
        "requestContext": {},
        **changes,
    }


FORM = {"decision": "approve", "reason": TYPED}


def test_a_promotion_is_asked_about_and_approved(workflow: Workflow, mail: Mail, stores: Any) -> None:
    """From the workflow's call over the mail and the page to the workflow's resume."""
    asked = _ask()
    link = mail.link_of(ANA.subject)
    shown = _call("approvals", _event(link))
    sent = _call("approvals", _event(link, FORM))
    again = _call("approvals", _event(link, FORM))
    (decided,) = DynamoApprovals(stores, aws.APPROVALS).find(DOCUMENT.promotion_id).decisions  # type: ignore[union-attr]

    assert asked == {"asked": 3}
    assert link.startswith("https://api.example.test/stage/v1/approvals/")
    assert [page["statusCode"] for page in (shown, sent, again)] == [200, 200, 409]
    assert 'value="approve" required checked' in shown["body"]
    assert workflow.told == [(TOKEN, {"decision": "approved"})]
    assert (decided.approver, decided.reason) == (ANA.subject, TYPED)
    assert (datetime.now(UTC) - datetime.fromisoformat(decided.at)).total_seconds() < 60


def test_a_form_that_the_gateway_encoded_is_read_all_the_same(workflow: Workflow, mail: Mail) -> None:
    """API Gateway sends bodies in base64 where media types are set so."""
    _ask()
    body = base64.b64encode(urlencode(FORM).encode()).decode()
    event = _event(mail.link_of(ANA.subject), {}, body=body, isBase64Encoded=True)

    assert _call("approvals", event)["statusCode"] == 200
    assert len(workflow.told) == 1


@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        (None, False),
        ("", False),
        ("{}", False),
        ("decision=approve", False),
        ("&".join(f"a{n}=1" for n in range(50)), False),
        ("decision=approve&reason=" + "x" * 20_000, False),
        ("decision=approve&reason=%ff%fe%00%00%00%00%00%00%00%00%00", False),
        ("not base64", True),
        ("/w==", True),
    ],
)
def test_a_body_that_is_no_form_is_no_decision(
    body: str | None, encoded: bool, workflow: Workflow, mail: Mail
) -> None:
    """Anything may be sent to a public address."""
    _ask()
    event = _event(mail.link_of(ANA.subject), {}, body=body, isBase64Encoded=encoded)

    assert _call("approvals", event)["statusCode"] == 422
    assert workflow.told == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_address_without_a_query_is_refused(method: str) -> None:
    """API Gateway sends nulls for what is not there."""
    event = _event("https://x/v1/approvals/p", None, httpMethod=method, queryStringParameters=None, body=None)

    assert _call("approvals", event)["statusCode"] == 403
    assert _call("approvals", {**event, "pathParameters": None})["statusCode"] == 403


def test_pages_are_neither_kept_nor_passed_on(mail: Mail) -> None:
    """The address is the key: no cache, no referrer, no frame, no search engine."""
    _ask()
    headers = _call("approvals", _event(mail.link_of(ANA.subject)))["headers"]

    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "noindex" in headers["X-Robots-Tag"]


def test_a_store_that_is_down_makes_a_page_that_says_so(monkeypatch: pytest.MonkeyPatch, mail: Mail) -> None:
    """An approver with an error of the gateway before their eyes does not know whether they have decided."""
    _ask()
    monkeypatch.setenv("APPROVALS_TABLE", "there-is-no-such-table")
    forget_wiring(["approvals"])
    page = _call("approvals", _event(mail.link_of(ANA.subject), FORM))

    assert page["statusCode"] == 503
    assert "Try again in a minute" in page["body"]


def test_too_few_approvers_are_an_error_by_name(mail: Mail) -> None:
    """The workflow catches it by this name."""
    mail.approvers = []

    catchers = definition()["States"]["Ask the approvers"]["Catch"]

    with pytest.raises(NoApproversError):
        _ask()
    assert [NoApproversError.__name__] in [catcher["ErrorEquals"] for catcher in catchers]


def test_logs_hold_nothing_that_opens_or_was_typed(mail: Mail) -> None:
    """Whoever reads logs can neither decide nor read what people wrote."""
    stream: io.StringIO
    with printed_by(FOLDERS) as stream:
        _ask()
        link = mail.link_of(ANA.subject)
        for event in (_event(link), _event(link, {"decision": "approve"}), _event(link, FORM)):
            _call("approvals", event)
    printed = stream.getvalue()

    assert '"status_code":422' in printed
    for secret in (
        TOKEN,
        query_of(link)["s"],
        ANA.subject,
        ANA.address,
        "SECRETREASON",
        "SECRETTYPED",
        REASON,
    ):
        assert secret not in printed


@pytest.mark.parametrize("folder", FOLDERS)
def test_importing_loads_no_adapter_of_aws(folder: str) -> None:
    """An approver waits for the page's cold start; clients are made with the first call."""
    run_python(
        f"import sys, functions.{folder}.handler\n"
        "loaded = [name for name in sys.modules if name.startswith('silent_infinity.adapters')]\n"
        "assert set(loaded) <= {'silent_infinity.adapters', 'silent_infinity.adapters.http', "
        "'silent_infinity.adapters.http.approvals'}, loaded"
    )
