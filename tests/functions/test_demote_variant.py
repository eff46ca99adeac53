"""The demotion as workflows and alarms call it: wired from the environment, over simulated AWS."""

import copy
import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from silent_infinity.adapters.aws import clients
from silent_infinity.domain.payload import PayloadError
from silent_infinity.domain.variant_records import VariantRecord
from tests.contract import aws
from tests.contract.registry_stores import aws_registry
from tests.functions.test_turn_handlers import call, handler, run_python
from tests.support.mailbox import Mailbox
from tests.support.registry import populated, variant

MADE = (clients.dynamodb, clients.sns)
CATEGORY = "COMPOSE_POSITION"
CANARY = "canaryreason3z"
REQUEST = {
    "category": CATEGORY,
    "variant_id": "x",
    "reason": f"Crisis flags doubled {CANARY}.",
    "trigger": "rollup",
    "request_id": "night-1",
}


class World:
    """The stores of a deployment and the mailbox of the people on call."""

    def __init__(self, mailbox: Mailbox, logged: io.StringIO) -> None:
        self.told = mailbox.told
        self.logged = logged

    def row(self, variant_id: str = "x") -> VariantRecord:
        """Return a variant as it is stored."""
        store = aws_registry(boto3.client("dynamodb")).store
        return store.snapshot().records[CATEGORY, variant_id]

    def actions(self, variant_id: str = "x") -> list[str]:
        """Return the actions in a variant's audit log."""
        log = aws_registry(boto3.client("dynamodb")).log
        return [entry.facts["action"] for entry in log.history(CATEGORY, variant_id).entries]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A production variant and a canary, each with its first entry, and the variables that the stack sets."""
    with mock_aws():
        module = handler("demote_variant")
        for made in (*MADE, module._demotion_consumer):
            made.cache_clear()
        logged = io.StringIO()
        # The logger holds on to the standard output that it first met.
        for each in module.logger.handlers:
            monkeypatch.setattr(each, "stream", logged)
        dynamodb = boto3.client("dynamodb")
        aws.create_tables(dynamodb)
        mailbox = Mailbox()
        for name, value in {
            "ENVIRONMENT": "test",
            "AWS_REGION": "us-east-1",
            "VARIANTS_TABLE": aws.VARIANTS,
            "AUDIT_LOG_TABLE": aws.AUDIT_LOG,
            "PROMOTIONS_TABLE": aws.PROMOTIONS,
            "IDEMPOTENCY_TABLE": aws.CLAIMS,
            "OPERATIONS_TOPIC_ARN": mailbox.topic_arn,
        }.items():
            monkeypatch.setenv(name, value)
        rows = [
            variant(CATEGORY, "prod", "production", 100),
            variant(CATEGORY, "x", "canary", 20, ranges=[[0, 2000]]),
        ]
        aws_registry(dynamodb).store.apply(populated(rows))
        yield World(mailbox, logged)
        for made in MADE:
            made.cache_clear()


def alarm(
    state: str = "ALARM", at: str = "2026-11-21T03:00:00.000+0000", **dimensions: str
) -> dict[str, Any]:
    """Return the event of an alarm's action as CloudWatch's documentation has it."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": "arn:aws:cloudwatch:us-east-1:444455556666:alarm:crisis-flags",
        "accountId": "444455556666",
        "time": at,
        "region": "us-east-1",
        "alarmData": {
            "alarmName": "crisis-flags",
            "state": {"value": state, "reason": "Threshold Crossed", "timestamp": at},
            "previousState": {"value": "OK", "reason": "", "timestamp": "2026-11-20T03:00:00.000+0000"},
            "configuration": {
                "description": "Crisis flags of a canary",
                "metrics": [
                    {"id": "ratio", "expression": "flags / turns", "label": "ratio", "returnData": True},
                    {
                        "id": "flags",
                        "metricStat": {
                            "metric": {
                                "namespace": "SilentInfinity",
                                "name": "CrisisFlags",
                                "dimensions": dimensions,
                            },
                            "period": 300,
                            "stat": "Sum",
                        },
                        "returnData": False,
                    },
                ],
            },
        },
    }


def test_a_workflow_takes_a_variant_back(world: World) -> None:
    """The nightly rollup calls it with the name of what it found, and hears what became of it."""
    result = call("demote_variant", REQUEST)

    demoted = {"category": CATEGORY, "variant_id": "x", "outcome": "demoted", "restored": None}
    assert result == {"results": [demoted]}
    assert (world.row().status, world.row().rollout_percent) == ("experimental", 0)
    assert world.actions() == ["create", "automatic_demotion"]
    assert [told["variant_id"] for told in world.told()] == ["x"]


def test_an_alarm_takes_its_variant_back_once(world: World) -> None:
    """CloudWatch calls without waiting, and Lambda delivers at least once."""
    event = alarm(category=CATEGORY, variant_id="x")
    first = call("demote_variant", event)
    call("demote_variant", event)

    assert [result["outcome"] for result in first["results"]] == ["demoted"]
    assert world.actions() == ["create", "automatic_demotion"]
    assert world.told()[0]["actor"] == "system:alarm"


def test_an_alarm_that_compares_an_arm_with_production_takes_the_arm_back(world: World) -> None:
    """The usual way to watch an arm is an expression over both. Production did nothing wrong."""
    event = alarm(category=CATEGORY, variant_id="x")
    metrics = event["alarmData"]["configuration"]["metrics"]
    other = copy.deepcopy(metrics[1])
    other["id"] = "flags_of_production"
    other["metricStat"]["metric"]["dimensions"]["variant_id"] = "prod"
    metrics.append(other)

    results = call("demote_variant", event)["results"]

    assert [(result["variant_id"], result["outcome"]) for result in results] == [
        ("prod", "compared_with"),
        ("x", "demoted"),
    ]
    assert (world.row("prod").status, world.row().status) == ("production", "experimental")
    assert [told["variant_id"] for told in world.told()] == ["x"]


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_an_alarm_that_is_well_again_or_knows_nothing_takes_nothing_back(world: World, state: str) -> None:
    """An alarm may call the function in any of its states."""
    assert call("demote_variant", alarm(state, category=CATEGORY, variant_id="x")) == {"results": []}
    assert world.row().status == "canary"


def test_production_without_a_predecessor_is_told_of_and_not_retried(world: World) -> None:
    """A failed run would be tried again, and fail again."""
    result = call("demote_variant", alarm(category=CATEGORY, variant_id="prod"))

    assert [each["outcome"] for each in result["results"]] == ["person_needed"]
    assert [told["refused"] for told in world.told()] == ["no-predecessor"]
    assert (world.row("prod").status, world.row("prod").version) == ("production", 1)


@pytest.mark.parametrize(
    "event",
    [
        alarm(InstanceId="i-12345678"),
        {"alarmData": {"alarmName": "composite"}},
        {"alarmData": None},
        {key: value for key, value in REQUEST.items() if key != "variant_id"},
        {**REQUEST, "variant_id": 7},
        {**REQUEST, "request_id": ""},
        {},
    ],
    ids=["no-dimensions", "no-state", "no-alarm", "no-variant", "number", "no-request", "empty"],
)
def test_an_event_that_names_no_variant_fails_the_run(world: World, event: dict[str, Any]) -> None:
    """An alarm that is set up wrongly would otherwise never take anything back, and nobody would know."""
    with pytest.raises(PayloadError):
        call("demote_variant", event)
    assert world.row().version == 1


def test_the_reason_is_in_the_audit_log_and_nowhere_else(world: World) -> None:
    """Whoever writes one may quote what must not lie in a log or a mailbox."""
    call("demote_variant", REQUEST)
    log = aws_registry(boto3.client("dynamodb")).log

    assert CANARY in log.history(CATEGORY, "x").entries[-1].document
    assert "demoted" in world.logged.getvalue()
    assert CANARY not in world.logged.getvalue() + json.dumps(world.told())


def test_the_function_can_be_imported_without_an_environment() -> None:
    """Importing is what a cold start does first; no adapter is loaded before the first call."""
    run_python(
        "import functions.demote_variant.handler, sys\n"
        "assert not [name for name in sys.modules if name.startswith('silent_infinity.adapters')]"
    )
