"""The nightly anchor in the templates: what it may do, when it runs, and who hears of its failure."""

import json
from typing import Any

from stacks.constructs.anchors_bucket import PREFIX
from tests.stacks.synthesised import Application

DYNAMODB_READS = {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"}


def _function(application: Application) -> dict[str, Any]:
    return application.named("AWS::Lambda::Function", "AuditAnchors")


def test_the_anchoring_reads_what_it_judges_and_writes_anchors_only(application: Application) -> None:
    """Whoever takes this role over can neither change a history nor the row that tells of it."""
    permissions = application.permissions("AuditAnchorsAnchorRole")
    actions = {action for action, _ in permissions}

    assert {action for action in actions if action.startswith("dynamodb:")} == DYNAMODB_READS
    assert {action for action in actions if action.startswith("s3:")} == {
        "s3:GetObjectVersion",
        "s3:ListBucketVersions",
        "s3:PutObject",
    }
    assert {action.partition(":")[0] for action in actions} <= {"dynamodb", "s3", "sns", "kms", "logs"}
    assert all(f"/{PREFIX}*" in resource for action, resource in permissions if action == "s3:PutObject")
    assert {"VARIANTS_TABLE", "AUDIT_LOG_TABLE", "AUDIT_ANCHORS_BUCKET", "OPERATIONS_TOPIC_ARN"} <= set(
        _function(application)["Environment"]["Variables"]
    )
    assert "PROMOTIONS_TABLE" not in _function(application)["Environment"]["Variables"]


def test_the_key_of_the_data_is_only_read_with(prod: Application) -> None:
    """A role that cannot write needs no key to encrypt with."""
    on_the_data_key = {
        action
        for action, resource in prod.permissions("AuditAnchorsAnchorRole")
        if action.startswith("kms:") and "DataKey" in resource
    }

    assert on_the_data_key == {"kms:Decrypt", "kms:DescribeKey"}


def test_it_runs_every_night_in_every_environment(application: Application) -> None:
    """In UTC, so that a clock that is set back does not run it twice; and it is tried again for hours."""
    schedule = application.named("AWS::Scheduler::Schedule", "AuditAnchors")

    assert schedule["ScheduleExpression"] == "cron(15 3 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "Etc/UTC"
    assert schedule.get("State", "ENABLED") == "ENABLED"
    assert schedule["Target"]["RetryPolicy"] == {
        "MaximumEventAgeInSeconds": 21_600,
        "MaximumRetryAttempts": 10,
    }
    assert "AuditAnchors" in json.dumps(schedule["Target"]["Arn"])


def test_a_failed_night_raises_an_alarm(application: Application) -> None:
    """A log that nobody checks is a log that anybody changes."""
    alarm = application.named("AWS::CloudWatch::Alarm", "AuditAnchors")

    assert (alarm["MetricName"], alarm["Threshold"], alarm["Statistic"]) == ("Errors", 1, "Sum")
    assert alarm["AlarmActions"]
    assert any("AuditAnchorsAnchor" in json.dumps(each["Value"]) for each in alarm["Dimensions"])
