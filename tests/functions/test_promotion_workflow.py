"""The functions of the promotion workflow as it calls them: wired as deployed, over simulated AWS."""

import copy
import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.approvals import DynamoApprovals
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.bootstrap import operators
from silent_infinity.domain.payload import PayloadError
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.promotion.approval import APPROVED, Approval, Decided
from silent_infinity.domain.registry.commands import Action, PromotionRequest
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.settings import Settings
from silent_infinity.usecases.manage_variants import ManageVariants
from tests.contract import aws
from tests.contract.registry_stores import aws_registry
from tests.functions.test_turn_handlers import call, handler, run_python
from tests.support.registry import NOW, command, populated, variant
from tests.support.webhook import Webhook

MADE = (clients.dynamodb, clients.sns, clients.sqs, clients.secrets_manager, clients.step_functions)
FUNCTIONS = {
    "promotion_open": "_open_promotion",
    "promotion_apply": "_apply_promotion",
    "promotion_close": "_close_promotion",
    "promotion_notify": "_notify_promotion",
    "promotion_schedule": "_schedule_promotions",
    "promotion_start": "_promotion_consumer",
}
CATEGORY, ARM = "COMPOSE_POSITION", "arm"
APPROVER = "7f2a1c3e-0000-4000-8000-00000000000a"
CANARY = "canaryreason3z"
PROMOTION_ID = "request-of-promotion"


class World:
    """The stores of a deployment, its machine, its queues, and what was logged."""

    def __init__(self, logged: io.StringIO) -> None:
        self.logged = logged
        self.dynamodb = boto3.client("dynamodb")
        sqs, sns = boto3.client("sqs"), boto3.client("sns")
        self.quarantine = sqs.create_queue(QueueName="quarantine")["QueueUrl"]
        self._mailbox = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self._mailbox, AttributeNames=["QueueArn"])
        self.topic = sns.create_topic(Name="operations")["TopicArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"])
        self.states = boto3.client("stepfunctions")
        self.machine = self.states.create_state_machine(
            name="promotion",
            definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
            roleArn="arn:aws:iam::123456789012:role/any",
        )["stateMachineArn"]

    @property
    def registry(self) -> Any:
        """The registry over the tables."""
        return aws_registry(self.dynamodb)

    @property
    def row(self) -> VariantRecord:
        """The arm as it is stored."""
        found: VariantRecord = self.registry.store.snapshot().records[CATEGORY, ARM]
        return found

    @property
    def promotion(self) -> PromotionRequest:
        """The promotion's record."""
        found = self.registry.promotions.find(PROMOTION_ID)
        assert found is not None
        return found  # type: ignore[no-any-return] # a Registry, behind Any

    def approve(self) -> None:
        """Have somebody say yes."""
        approvals = DynamoApprovals(self.dynamodb, aws.APPROVALS)
        before = approvals.open(
            Approval(
                approval_id=PROMOTION_ID,
                category=CATEGORY,
                variant_id=ARM,
                variant_version=self.promotion.variant_version,
                evidence_hash="e" * 64,
                requested_by=self.promotion.requested_by,
                needed=1,
                opened_at=NOW.isoformat(),
                expires_at=2_000_000_000,
            ),
            "token",
        )
        decided = Decided(APPROVER, True, CANARY, NOW.isoformat())
        approvals.decide(PROMOTION_ID, decided, before, APPROVED)

    def executions(self) -> list[str]:
        """The names of the executions that were started."""
        found = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        return [execution["name"] for execution in found]

    def mails(self) -> list[dict[str, str]]:
        """What people on call were sent."""
        sqs = boto3.client("sqs")
        found = sqs.receive_message(QueueUrl=self._mailbox, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in found]


def _answer(_applied: object) -> HttpResponse:
    return ok({})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A production variant, an arm for which a promotion was asked, and the variables that the stack sets."""
    with mock_aws():
        for made in MADE:
            made.cache_clear()
        logged = io.StringIO()
        for name, made_once in FUNCTIONS.items():
            module = handler(name)
            getattr(module, made_once).cache_clear()
            for each in module.logger.handlers:
                monkeypatch.setattr(each, "stream", logged)
        aws.create_tables(boto3.client("dynamodb"))
        world = World(logged)
        for name, value in {
            "ENVIRONMENT": "local",
            "AWS_REGION": "us-east-1",
            "VARIANTS_TABLE": aws.VARIANTS,
            "AUDIT_LOG_TABLE": aws.AUDIT_LOG,
            "PROMOTIONS_TABLE": aws.PROMOTIONS,
            "IDEMPOTENCY_TABLE": aws.CLAIMS,
            "APPROVALS_TABLE": aws.APPROVALS,
            "OPERATIONS_TOPIC_ARN": world.topic,
            "PROMOTION_STATE_MACHINE_ARN": world.machine,
            "PROMOTION_QUARANTINE_QUEUE_URL": world.quarantine,
            "APPROVAL_SECONDS": "3600",
            "PROMOTION_WATCH_SECONDS": "60",
        }.items():
            monkeypatch.setenv(name, value)
        rows = [variant(CATEGORY, "prod", "production", 100), variant(CATEGORY, ARM, "staged")]
        world.registry.store.apply(populated(rows))
        _manage()(
            command(
                Action.PROMOTE, CATEGORY, ARM, request_id=PROMOTION_ID, expected_version=1, reason=CANARY
            ),
            PROMOTION_ID,
            _answer,
        )
        yield world
        for made in MADE:
            made.cache_clear()


def _manage() -> ManageVariants:
    from silent_infinity.adapters.memory.randomness import SeededRandomness
    from silent_infinity.adapters.system.clock import SystemClock

    clock = SystemClock()
    return ManageVariants(
        store=operators.variant_store(Settings.from_env(), clock),
        validator=JsonSchemaValidator(),
        clock=clock,
        randomness=SeededRandomness(7),
    )


def stream(name: str, **image: str) -> dict[str, Any]:
    """A record of the stream of promotions."""
    return {
        "eventID": "event-1",
        "eventName": name,
        "dynamodb": {
            "SequenceNumber": "111",
            "Keys": {"promotion_id": {"S": PROMOTION_ID}},
            "NewImage": {key: {"S": value} for key, value in {"promotion_id": PROMOTION_ID, **image}.items()},
        },
    }


ASKED = {"Records": [stream("INSERT", status="awaiting_evidence", execution="")]}


def test_a_promotion_is_taken_applied_and_closed(world: World) -> None:
    """The steps of the machine in their order, over the tables that they share."""
    opened = call("promotion_open", {"promotion_id": PROMOTION_ID, "execution": "arn:one"})
    second = call("promotion_open", {"promotion_id": PROMOTION_ID, "execution": "arn:two"})
    world.approve()
    entry = call("promotion_apply", {"promotion_id": PROMOTION_ID, "step": "entry"})
    again = call("promotion_apply", {"promotion_id": PROMOTION_ID, "step": "entry"})
    half = (world.row.status, world.row.rollout_percent)
    ramp = call("promotion_apply", {"promotion_id": PROMOTION_ID, "step": "ramp"})
    closed = call(
        "promotion_close",
        {"promotion_id": PROMOTION_ID, "outcome": "failed", "execution": "arn:one", "code": ""},
    )

    assert (opened["outcome"], opened["approval_seconds"], opened["route"]) == ("taken", 3600, "sample")
    assert second["outcome"] == "busy"
    assert entry == again
    assert (entry["outcome"], entry["more"], entry["watch_seconds"]) == ("applied", True, 60)
    assert half == ("canary", 10.0)
    assert (ramp["outcome"], ramp["more"]) == ("applied", False)
    assert (world.row.status, world.row.rollout_percent) == ("canary", 25.0)
    # What was applied stays applied, whatever a late event says.
    assert closed == {"outcome": "applied"}
    assert world.promotion.status == "applied"


def test_without_a_yes_nothing_is_applied(world: World) -> None:
    """The machine is not believed: whoever can call the function could say that people agreed."""
    call("promotion_open", {"promotion_id": PROMOTION_ID, "execution": "arn:one"})
    applied = call("promotion_apply", {"promotion_id": PROMOTION_ID, "step": "entry"})

    assert applied["outcome"] == "refused"
    assert world.row.status == "staged"


def test_what_is_asked_for_starts_once(world: World) -> None:
    """A stream delivers a record twice now and then; one promotion has one execution."""
    assert call("promotion_start", ASKED) == {"batchItemFailures": []}
    assert call("promotion_start", ASKED) == {"batchItemFailures": []}
    assert world.executions() == [PROMOTION_ID]


def test_a_note_on_an_open_promotion_starts_nothing(world: World) -> None:
    """Its execution notes itself and its evidence in the same record."""
    noted = {"Records": [stream("MODIFY", status="awaiting_evidence", execution="arn:one")]}

    assert call("promotion_start", noted) == {"batchItemFailures": []}
    assert world.executions() == []


def test_a_record_that_cannot_be_read_is_put_aside_by_its_name(world: World) -> None:
    """It must not hold up the promotions behind it, and nothing of its content is logged."""
    broken = {"Records": [stream("INSERT", reason=CANARY)]}

    assert call("promotion_start", broken) == {"batchItemFailures": []}
    [message] = boto3.client("sqs").receive_message(QueueUrl=world.quarantine)["Messages"]
    kept = json.loads(message["Body"])
    assert kept["promotion_id"] == PROMOTION_ID
    assert CANARY not in message["Body"] + world.logged.getvalue()


def test_a_start_that_fails_is_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda reads on from the record that is named."""
    monkeypatch.setenv("PROMOTION_STATE_MACHINE_ARN", world.machine.replace("promotion", "nothing"))

    assert call("promotion_start", ASKED) == {"batchItemFailures": [{"itemIdentifier": "111"}]}


def test_the_night_starts_what_the_stream_has_missed(world: World) -> None:
    """Its record is open and no execution has noted itself."""
    found = call("promotion_schedule", {})

    assert found["started"] == 1
    assert world.executions() == [PROMOTION_ID]


def test_people_on_call_and_the_team_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the topic that alarms go to, and by the channel whose address is a secret."""
    with Webhook() as webhook:
        secret = boto3.client("secretsmanager").create_secret(Name="slack", SecretString=webhook.url)
        monkeypatch.setenv("SLACK_WEBHOOK_SECRET_ARN", secret["ARN"])
        told = call("promotion_notify", {"promotion_id": PROMOTION_ID, "outcome": "rejected"})
        posts = list(webhook.posts)
    [mail] = world.mails()

    assert told == {"told": ["operations", "team_chat"]}
    assert mail["Subject"] == f"Silent Infinity: promotion rejected: {CATEGORY}/{ARM}"
    assert json.loads(posts[0])["text"] == mail["Message"]
    assert CANARY not in mail["Message"]


def test_outside_a_laptop_a_channel_without_tls_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is typed into a secret by mistake must not be posted in the clear."""
    monkeypatch.setenv("ENVIRONMENT", "prod")
    with Webhook() as webhook:
        secret = boto3.client("secretsmanager").create_secret(Name="slack", SecretString=webhook.url)
        monkeypatch.setenv("SLACK_WEBHOOK_SECRET_ARN", secret["ARN"])
        with pytest.raises(Exception, match="WebhookAddress"):
            call("promotion_notify", {"promotion_id": PROMOTION_ID, "outcome": "rejected", "to": "team_chat"})
        assert webhook.posts == []


def test_without_a_channel_the_people_on_call_are_told(world: World) -> None:
    """A channel is an offer, not a condition."""
    told = call("promotion_notify", {"promotion_id": PROMOTION_ID, "outcome": "expired"})

    assert told == {"told": ["operations"]}
    assert len(world.mails()) == 1


def test_no_reason_is_logged(world: World) -> None:
    """What a person said is in the audit log, for those who may read it."""
    call("promotion_open", {"promotion_id": PROMOTION_ID, "execution": "arn:one"})
    world.approve()
    call("promotion_apply", {"promotion_id": PROMOTION_ID, "step": "entry"})
    call("promotion_close", {"promotion_id": PROMOTION_ID, "outcome": "applied_in_part"})
    call("promotion_notify", {"promotion_id": PROMOTION_ID, "outcome": "applied_in_part"})
    call("promotion_schedule", {})
    logged = world.logged.getvalue()

    assert PROMOTION_ID in logged
    assert CANARY not in logged
    assert APPROVER not in logged


@pytest.mark.parametrize("name", ["promotion_open", "promotion_apply", "promotion_close", "promotion_notify"])
def test_an_event_that_names_no_promotion_is_refused(world: World, name: str) -> None:
    """A machine that was changed wrongly must fail loudly, and change nothing."""
    before = copy.deepcopy(world.row)

    with pytest.raises(PayloadError):
        call(name, {"outcome": "applied"})
    assert world.row == before


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_starts_without_an_environment(name: str) -> None:
    """Importing must neither call AWS nor need a variable: Lambda would report a crash without a reason."""
    run_python(f"import functions.{name}.handler")
