"""What runs beside the turn: fed by the stream, bounded, and unable to hold anything up."""

import json
from pathlib import Path
from typing import Any

import pytest

from stacks.paths import DATA
from tests.stacks.synthesised import Application, synthesise


def mapping(application: Application) -> dict[str, Any]:
    """Return the mapping from the stream of turn events to the sentinel."""
    return application.named("AWS::Lambda::EventSourceMapping", "Sentinel")


def test_at_most_two_consumers_read_the_turn_events(application: Application) -> None:
    """DynamoDB throttles a third reader of a shard, and with it all of them."""
    readers = [
        name
        for name, found in application.properties("AWS::Lambda::EventSourceMapping").items()
        if "TurnEvents" in json.dumps(found["EventSourceArn"])
    ]

    assert len(readers) <= 2
    assert any(name.startswith("Background/Sentinel") for name in readers)


def test_a_dying_sentinel_cannot_hold_a_shard_for_ever(application: Application) -> None:
    """Half the batch, three tries, six hours, then the quarantine: by default it would try for a day."""
    found = mapping(application)

    assert found["BisectBatchOnFunctionError"] is True
    assert found["MaximumRetryAttempts"] == 3
    assert found["MaximumRecordAgeInSeconds"] == 6 * 3600
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "Quarantine" in json.dumps(found["DestinationConfig"]["OnFailure"]["Destination"])


def test_the_mapping_lets_through_what_the_code_observes(application: Application) -> None:
    """One list decides both: what is filtered away costs no invocation, what comes through is not refused."""
    kinds = json.loads((DATA / "sentinel.json").read_text(encoding="utf-8"))["observe_kinds"]
    [pattern] = [json.loads(each["Pattern"]) for each in mapping(application)["FilterCriteria"]["Filters"]]

    assert pattern == {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"reply_kind": {"S": kinds}}}}
    assert not {"template", "clarification"} & set(kinds)


def test_a_batch_of_silent_calls_ends_before_the_function_does(application: Application) -> None:
    """A function that is cut off has its whole batch delivered again, and pays for it again."""
    classes = json.loads((DATA / "turn_classes.json").read_text(encoding="utf-8"))["classes"]
    function = application.named("AWS::Lambda::Function", "SentinelFunction")

    assert function["Timeout"] * 1000 > mapping(application)["BatchSize"] * classes["TC2"]["budget_ms"]
    assert function["Timeout"] <= 60


def test_each_environment_bounds_how_much_is_observed_at_once(application: Application) -> None:
    """On a laptop the person's own turn needs the same model."""
    assert mapping(application)["ParallelizationFactor"] == application.environment.sentinel_concurrency
    assert application.environment.sentinel_concurrency == 1 or not application.environment.is_local


@pytest.mark.parametrize(
    ("block", "enabled"),
    [
        ({"sentinel_enabled": True}, True),
        ({"sentinel_enabled": False}, False),
        ({"sentinel_enabled": True, "llm_provider": "composer"}, False),
    ],
)
def test_an_environment_turns_the_sentinel_off(block: dict[str, Any], enabled: bool, tmp_path: Path) -> None:
    """And without a model it is off by itself."""
    assert mapping(synthesise("dev", tmp_path / "dev", block=block)).get("Enabled", True) is enabled


def test_the_sentinel_reads_what_was_said_and_writes_beside_it(
    applications: dict[str, Application],
) -> None:
    """It can neither change nor delete anything, and knows nobody: neither the salt nor a subject."""
    application = applications["dev"]
    allowed = {
        store: {action for action, resource in application.permissions("SentinelRole") if store in resource}
        for store in (
            *("Conversations", "Variants", "VariantMetrics", "TurnEvents"),
            *("Operations", "Quarantine", "Salt", "Limits"),
        )
    }

    assert allowed["Conversations"] == {
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:ConditionCheckItem",
    }
    assert allowed["Variants"] == {"dynamodb:Scan"}
    assert allowed["VariantMetrics"] == {"dynamodb:UpdateItem"}
    assert allowed["Operations"] == {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"}
    assert allowed["Quarantine"] == {"sqs:SendMessage"}
    # What its calls cost is reserved before and settled after.
    assert allowed["Limits"] == {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
    assert allowed["Salt"] == set()


def test_the_sentinel_asks_the_provider_that_answers_people(applications: dict[str, Application]) -> None:
    """One provider, one set of settings."""
    for application in applications.values():
        sentinel, generate = (
            {
                name: value
                for name, value in application.named("AWS::Lambda::Function", f"{role}Function")[
                    "Environment"
                ]["Variables"].items()
                if name.startswith("LLM_")
            }
            for role in ("Sentinel", "Generate")
        )

        assert sentinel == generate


def test_misses_the_quarantine_and_delay_raise_alarms(application: Application) -> None:
    """Nobody waits for the sentinel, so nobody would notice."""
    environment = application.environment.name
    misses, fills, behind = (
        application.named("AWS::CloudWatch::Alarm", f"Sentinel{name}")
        for name in ("Misses", "QuarantineFills", "FallsBehind")
    )

    assert (misses["Namespace"], misses["MetricName"], misses["Threshold"]) == (
        "SilentInfinity",
        "SentinelMisses",
        1,
    )
    # The very dimensions that the function writes: any other would watch a metric that does not exist.
    assert {each["Name"]: each["Value"] for each in misses["Dimensions"]} == {
        "service": "sentinel",
        "environment": environment,
    }
    assert (fills["MetricName"], fills["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)
    assert (behind["MetricName"], behind["Statistic"]) == ("IteratorAge", "Maximum")


def test_nothing_of_the_turn_depends_on_the_background(application: Application) -> None:
    """The turn works the same without this stack."""
    for stack in ("Data", "Turn", "Api"):
        assert "Background" not in json.dumps(application.templates[stack])
