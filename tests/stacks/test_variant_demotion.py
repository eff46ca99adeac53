"""Automatic demotion in the templates: who may call it, what it may do, and who hears of its failure."""

import json

from stacks.constructs.variant_demotion import ALARMS
from tests.stacks.synthesised import Application


def test_it_changes_the_registry_and_adds_to_the_log_and_nothing_else(application: Application) -> None:
    """Whoever takes this role over can take variants back, seen by all; not open a promotion, not hide it."""
    permissions = application.permissions("VariantDemotionDemoteRole")
    on_tables = {
        (action.partition(":")[2], table)
        for action, resource in permissions
        if action.startswith("dynamodb:")
        for table in ("Variants", "AuditLog", "Idempotency", "Promotions")
        if table in resource and "VariantMetrics" not in resource
    }

    assert on_tables == {
        ("GetItem", "Variants"),
        ("Scan", "Variants"),
        ("PutItem", "Variants"),
        ("PutItem", "AuditLog"),
        ("GetItem", "Idempotency"),
        ("PutItem", "Idempotency"),
        ("UpdateItem", "Promotions"),
    }
    assert len(on_tables) == sum(action.startswith("dynamodb:") for action, _ in permissions)
    assert {action.partition(":")[0] for action, _ in permissions} <= {"dynamodb", "sns", "kms", "logs"}


def test_alarms_of_this_account_may_call_it_and_nobody_else(application: Application) -> None:
    """Without the condition an alarm of any account could take our variants back."""
    [permission] = [
        permission
        for permission in application.properties("AWS::Lambda::Permission").values()
        if "VariantDemotion" in json.dumps(permission["FunctionName"])
    ]

    assert permission["Principal"] == ALARMS
    assert permission["Action"] == "lambda:InvokeFunction"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_a_demotion_that_fails_raises_an_alarm(application: Application) -> None:
    """People are still served by what was found wanting."""
    alarm = application.named("AWS::CloudWatch::Alarm", "VariantDemotion")

    assert (alarm["MetricName"], alarm["Threshold"], alarm["Statistic"]) == ("Errors", 1, "Sum")
    assert alarm["AlarmActions"]
    assert any("VariantDemotionDemote" in json.dumps(each["Value"]) for each in alarm["Dimensions"])
