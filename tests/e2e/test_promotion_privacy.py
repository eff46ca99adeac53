"""What people write about a promotion, and what opens its page, is where it belongs and nowhere else.

Canaries are planted as an operator's reason, an approver's reason and a variant's description; addresses,
links and task tokens are looked for as they are.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from local.stack.stack import LocalStack
from tests.e2e.conftest import TRIAL_CATEGORY, TRIAL_PRODUCTION, Arm, Tables, staged
from tests.e2e.test_faults import Functions
from tests.e2e.test_least_privilege import refusals
from tests.e2e.test_privacy import logged
from tests.support.promotions import Approvers, Asked, Desk, Ended, Promotions, in_time, parameters
from tests.support.webhook import Webhook

SETTING = "SLACK_WEBHOOK_SECRET_ARN"


@dataclass
class Told:
    """What was written and sent over one promotion, and what of it lies where. Kind to text."""

    ended: Ended
    secrets: dict[str, str]
    sinks: dict[str, str] = field(default_factory=dict)


@contextmanager
def _channel(stack: LocalStack, webhook: Webhook) -> Iterator[None]:
    """Have the workflow post to a channel, as an environment with that setting does."""
    secrets, iam, lambdas = stack.client("secretsmanager"), stack.client("iam"), stack.client("lambda")
    functions = Functions(stack, ("Promotion",))
    arn = secrets.create_secret(Name=f"webhook-{uuid.uuid4().hex[:8]}", SecretString=webhook.url)["ARN"]
    notify = functions.name("PromotionNotify")
    role = lambdas.get_function_configuration(FunctionName=notify)["Role"].rpartition("/")[2]
    allowed = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=role, PolicyName="channel", PolicyDocument=policy)
    try:
        with functions.with_variable("PromotionNotify", SETTING, arn):
            yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="channel")


def _token(tables: Tables, asked: Asked) -> str:
    """Return the token of a waiting execution, out of the only table that has it."""
    [token] = [
        item["task_token"]["S"]
        for item in tables.items("Approvals")
        if item["pk"]["S"] == f"PROMOTION#{asked.promotion_id}" and "task_token" in item
    ]
    return str(token)


@pytest.fixture(scope="module")
def told(
    stack: LocalStack, tables: Tables, promotions: Promotions, approvers: Approvers, arm: Arm
) -> Iterator[Told]:
    """A promotion with canaries, rejected."""
    desk = Desk(promotions, approvers)
    name = staged(promotions, TRIAL_CATEGORY, TRIAL_PRODUCTION)
    version = promotions.operator.show(name)["version"]
    secrets = {kind: f"canary{kind}{uuid.uuid4().hex}" for kind in ("asked", "decided", "described")}
    promotions.operator.change("update", name, version=version, description=f"It {secrets['described']}.")
    arm.figures.give(name, TRIAL_PRODUCTION, percent=5)
    stack.outbox_messages()
    with Webhook() as webhook, _channel(stack, webhook):
        asked = promotions.ask(name, reason=f"Because {secrets['asked']}.")
        _, link = desk.links(desk.one, asked)
        secrets["token"] = _token(tables, asked)
        secrets["signature"] = parameters(link)["s"]
        secrets["address"] = desk.one.address
        desk.browser.decide(link, "reject", f"Because {secrets['decided']}.")
        ended = promotions.ended(asked)
        in_time(lambda: webhook.posts, "post in the channel")
        posts = list(webhook.posts)
    mails = approvers.mails(desk.one, asked.promotion_id) + approvers.mails(desk.two, asked.promotion_id)
    found = Told(ended, secrets)
    found.sinks = {
        "history": json.dumps(promotions.history(asked.promotion_id), default=str),
        "channel": json.dumps(posts),
        "people on call": json.dumps(stack.outbox_messages(), default=str),
        "mails": json.dumps([f"{mail.subject} {mail.text}" for mail in mails]),
        "metrics": json.dumps(stack.client("cloudwatch").list_metrics()["Metrics"], default=str),
        "logs": "\n".join(logged(stack)),
        "outputs": json.dumps(dict(stack.outputs)),
        **{table: json.dumps(tables.items(table)) for table in TABLES},
    }
    yield found
    promotions.operator.change("rollback", name)


TABLES = ("Variants", "VariantMetrics", "Idempotency", "AuditLog", "Promotions", "Approvals", "Limits")
BELONGS = {
    "asked": {"AuditLog", "Promotions", "Approvals", "Idempotency"},
    "decided": {"AuditLog", "Approvals"},
    "described": {"AuditLog", "Variants", "Approvals", "Idempotency"},
    "token": {"history"},
    "signature": {"mails"},
    "address": set[str](),
}
"""Where each may be. A task token is in the history of its own execution, by which alone it is good."""


@pytest.mark.parametrize("kind", BELONGS)
def test_what_is_said_and_what_opens_a_page_is_nowhere_else(kind: str, told: Told) -> None:
    """Logs, states, topics, channel and the other tables have none of it."""
    found = {name for name, text in told.sinks.items() if told.secrets[kind] in text}

    assert found <= BELONGS[kind]


def test_every_sink_was_there_to_be_searched(told: Told) -> None:
    """A search of nothing finds nothing."""
    sinks, variant_id = told.sinks, told.ended.variant["variant_id"]

    assert told.ended.status == "rejected"
    assert told.secrets["asked"] in sinks["Promotions"]
    assert told.secrets["decided"] in sinks["AuditLog"]
    assert told.secrets["signature"] in sinks["mails"]
    assert told.ended.promotion["promotion_id"] in sinks["logs"]
    assert "TaskSucceeded" in sinks["history"]
    for name in ("channel", "mails", "history", "Approvals"):
        assert variant_id in sinks[name], name


def test_the_token_is_forgotten_with_the_decision(told: Told, tables: Tables) -> None:
    """Nobody who reads the table later can resume anything."""
    assert told.secrets["token"] not in json.dumps(tables.items("Approvals"))


@pytest.mark.usefixtures("told")
def test_nothing_of_a_promotion_lacks_a_permission(stack: LocalStack) -> None:
    """Every function did its part with its own role; what the schedule would mend later was not needed."""
    assert refusals(stack) == []
