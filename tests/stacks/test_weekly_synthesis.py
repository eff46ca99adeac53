"""The weekly synthesis: what each of its functions may do, when it runs, and who hears of a failure."""

import json
from pathlib import Path

import pytest

from stacks.environment import EnvironmentConfig, EnvironmentConfigError
from tests.stacks.synthesised import Application, context, synthesise

ROLES = ("Prepare", "BatchStart", "BatchFollow", "Write", "Close")


def actions(application: Application, part: str) -> set[str]:
    """Return what the role of a function may do, whatever on."""
    return {action for action, _ in application.permissions(f"WeeklySynthesis{part}Role")}


def test_every_function_may_do_what_it_does_and_no_more(prod: Application) -> None:
    """Those that read people's words, that spend money and that delete are three different ones."""
    everybody = {
        "logs:CreateLogStream", "logs:PutLogEvents", "s3:ListBucket",
        "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    }  # fmt: skip
    files = {"s3:GetObject", "s3:PutObject"}
    assert {part: actions(prod, part) - everybody for part in ROLES} == {
        "Prepare": {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", *files},
        "BatchStart": {"bedrock:CreateModelInvocationJob", "dynamodb:PutItem", "iam:PassRole", *files},
        "BatchFollow": {"bedrock:GetModelInvocationJob", "dynamodb:PutItem", *files},
        "Write": {
            "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "dynamodb:ConditionCheckItem",
            "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", *files,
        },
        "Close": {"bedrock:StopModelInvocationJob", "dynamodb:DeleteItem", "s3:DeleteObject"},
    }  # fmt: skip


def test_what_it_writes_in_the_conversations_is_its_own(prod: Application) -> None:
    """It reads sessions and never changes one."""
    writes = {"dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"}
    found = 0
    for name, statement in prod.identity_statements():
        if not name.startswith("Background/WeeklySynthesis") or "Conversations" not in json.dumps(statement):
            continue
        named = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if writes & set(named):
            keys = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            assert set(keys) <= {"USER#*", "SYNTHESIS#*"}, name
            found += 1
    assert found == len(ROLES)


def test_the_role_of_a_batch_is_bedrocks_and_passed_to_nobody_else(prod: Application) -> None:
    """Whoever can pass a role can use it."""
    [role] = [
        role
        for name, role in prod.properties("AWS::IAM::Role").items()
        if name.startswith("Background/WeeklySynthesisBatchRole")
    ]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert "model-invocation-job/*" in json.dumps(trust["Condition"]["ArnEquals"])
    passing = [s for _, s in prod.identity_statements() if s["Action"] == "iam:PassRole"]
    assert [s["Condition"] for s in passing] == [
        {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}
    ]
    assert "WeeklySynthesisBatchRole" in json.dumps(passing[0]["Resource"])
    assert {action for action, _ in prod.permissions("WeeklySynthesisBatchRole")} >= {
        "bedrock:InvokeModel", "s3:GetObject", "s3:ListBucket", "s3:PutObject",
    }  # fmt: skip


def test_without_bedrock_there_is_no_batch(applications: dict[str, Application]) -> None:
    """Neither a role nor a permission that nobody needs."""
    local = applications["local"]

    assert not any("BatchRole" in name for name in local.resources("AWS::IAM::Role"))
    assert not any("bedrock" in json.dumps(s) for _, s in local.identity_statements())
    for part in ("Prepare", "Close"):
        function = local.named("AWS::Lambda::Function", f"WeeklySynthesis{part}Function")
        assert "SYNTHESIS_BATCH_ROLE_ARN" not in function["Environment"]["Variables"]


def test_it_runs_when_the_environment_says(applications: dict[str, Application]) -> None:
    """Early on Monday, for the week before; where nobody lives, never by itself."""
    for name, application in applications.items():
        every = application.properties("AWS::Scheduler::Schedule")
        schedules = {path: one for path, one in every.items() if "WeeklySynthesis" in path}
        assert len(schedules) == (1 if name in ("staging", "prod") else 0), name
        for schedule in schedules.values():
            assert schedule["ScheduleExpression"] == "cron(0 3 ? * MON *)"
            assert json.loads(schedule["Target"]["Input"]) == {"week": ""}


def test_nobodys_patience_cuts_a_summary_off(tmp_path: Path) -> None:
    """What keeps replies short on a small machine does not hold for what nobody waits for."""
    application = synthesise("local", tmp_path / "local", model_base_url="http://127.0.0.1:9/v1")
    write = application.named("AWS::Lambda::Function", "WeeklySynthesisWriteFunction")

    assert "LLM_MAX_OUTPUT_TOKENS" not in write["Environment"]["Variables"]
    assert write["Timeout"] == 890


def test_a_run_that_fails_is_heard_of(application: Application) -> None:
    """However it fails."""
    watched = {
        alarm["MetricName"]: alarm
        for name, alarm in application.properties("AWS::CloudWatch::Alarm").items()
        if name.startswith("Background/WeeklySynthesis")
    }

    assert set(watched) == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
    assert all("OperationsTopic" in json.dumps(alarm["AlarmActions"]) for alarm in watched.values())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("synthesis_schedule", "every Monday"),
        ("synthesis_schedule", "at(2026-11-23T03:00:00)"),
        ("synthesis_concurrency", 0),
        ("synthesis_concurrency", 41),
    ],
)
def test_a_setting_that_could_not_run_is_refused(field: str, value: object) -> None:
    """At synthesis, by its name."""
    block = {**context("dev")["dev"], field: value}

    with pytest.raises(EnvironmentConfigError, match=field):
        EnvironmentConfig.from_block("dev", block)
