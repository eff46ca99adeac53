"""Promotions in the templates: who may do what, what starts and ends them, and who hears when that fails."""

import json
import re
from typing import Any

import pytest

from silent_infinity.adapters.aws.approvals import promotion_partition, variant_partition
from stacks.constructs.store_access import GOLDEN_PREFIX, PROMOTION_PREFIX
from tests.stacks.properties import permissions_name_their_resources
from tests.stacks.synthesised import Application, synthesise

TABLES = ("Variants", "AuditLog", "Idempotency", "Promotions", "Approvals", "VariantMetrics")
REGISTRY = {
    ("GetItem", "Variants"),
    ("Scan", "Variants"),
    ("PutItem", "Variants"),
    ("PutItem", "AuditLog"),
    ("GetItem", "Idempotency"),
    ("PutItem", "Idempotency"),
}
STREAM = {
    ("DescribeStream", "Promotions"),
    ("GetRecords", "Promotions"),
    ("GetShardIterator", "Promotions"),
    ("ListStreams", "Promotions"),
}
ALLOWED = {
    "PromotionOpen": {("GetItem", "Promotions"), ("UpdateItem", "Promotions")},
    "PromotionCollect": {
        ("GetItem", "Promotions"),
        ("GetItem", "Variants"),
        ("Scan", "Variants"),
        ("Query", "Approvals"),
        ("Query", "VariantMetrics"),
    },
    "PromotionEvaluate": {
        ("GetItem", "Promotions"),
        ("UpdateItem", "Promotions"),
        ("GetItem", "Variants"),
        ("Scan", "Variants"),
        ("PutItem", "Approvals"),
    },
    "PromotionAsk": {
        ("GetItem", "Promotions"),
        ("GetItem", "Approvals"),
        ("PutItem", "Approvals"),
        ("UpdateItem", "Approvals"),
    },
    "PromotionApply": REGISTRY
    | {("GetItem", "Promotions"), ("UpdateItem", "Promotions"), ("GetItem", "Approvals")},
    "PromotionClose": REGISTRY
    | {("GetItem", "Promotions"), ("UpdateItem", "Promotions"), ("GetItem", "Approvals")},
    "PromotionNotify": {("GetItem", "Promotions")},
    "PromotionStartsStart": STREAM | {("GetItem", "Approvals"), ("UpdateItem", "Approvals")},
    "PromotionStartsSchedule": REGISTRY
    | {
        ("GetItem", "Approvals"),
        ("UpdateItem", "Approvals"),
        ("Query", "Approvals"),
        ("GetItem", "Promotions"),
        ("PutItem", "Promotions"),
        ("UpdateItem", "Promotions"),
        ("Query", "Promotions"),
    },
    "ApprovalRoutesApprovals": {
        ("GetItem", "Approvals"),
        ("UpdateItem", "Approvals"),
        ("GetItem", "Promotions"),
        ("GetItem", "Variants"),
        ("Scan", "Variants"),
    },
}
ELSEWHERE = {
    "PromotionCollect": {"athena", "glue", "s3"},
    "PromotionAsk": {"secretsmanager", "sns"},
    "PromotionClose": {"sqs"},
    "PromotionNotify": {"sns"},
    "PromotionStartsStart": {"states", "sqs"},
    "PromotionStartsSchedule": {"states"},
    "ApprovalRoutesApprovals": {"secretsmanager", "sns"},
}
"""The other services that a role may call, besides keys and its own log."""


def on_tables(application: Application, role: str) -> set[tuple[str, str]]:
    """Return action and table of what a role may do with items."""
    return {
        (action.partition(":")[2], table)
        for action, resource in application.permissions(f"{role}Role")
        if action.startswith("dynamodb:")
        for table in TABLES
        if re.search(rf"{table}[0-9A-F]{{8}}", resource)
    }


@pytest.mark.parametrize("role", ALLOWED)
def test_each_role_may_do_what_it_needs_and_nothing_else(application: Application, role: str) -> None:
    """Whoever takes over the page of approvals must not be able to change a variant or to make evidence up;
    whoever judges must not be able to apply.
    """
    permissions = application.permissions(f"{role}Role")
    services = {action.partition(":")[0] for action, _ in permissions}

    assert on_tables(application, role) == ALLOWED[role]
    assert services - {"dynamodb", "kms", "logs"} == ELSEWHERE.get(role, set())


def leading_keys(application: Application, role: str) -> dict[str, set[str]]:
    """Return the prefixes of keys to which a role's actions on approvals are bound; "" for no bound."""
    found: dict[str, set[str]] = {}
    for name, statement in application.identity_statements():
        resources = json.dumps(statement["Resource"])
        if f"/{role}Role" not in name or "Approvals" not in resources or "/index/" in resources:
            continue
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if not any(action.startswith("dynamodb:") for action in actions):
            continue
        condition = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
        for action in actions:
            found.setdefault(action, set()).update(condition.get("dynamodb:LeadingKeys", [""]))
    return found


@pytest.mark.parametrize(
    "role", [role for role in ALLOWED if role != "PromotionNotify" and "Open" not in role]
)
def test_results_of_golden_sets_and_decisions_are_kept_apart_by_key(
    application: Application, role: str
) -> None:
    """They lie in one table: the page that anybody can reach must not be able to write a clean result."""
    wanted = "VARIANT#*" if role == "PromotionCollect" else "PROMOTION#*"

    assert set().union(*leading_keys(application, role).values()) == {wanted}


def test_the_keys_that_are_allowed_are_those_that_are_written() -> None:
    """No emulator holds anybody to a permission: a difference would stop promotions on AWS only."""
    assert promotion_partition("a").startswith(PROMOTION_PREFIX)
    assert variant_partition("LLM_MODEL", "a").startswith(GOLDEN_PREFIX)


def test_the_machine_calls_its_functions_and_nothing_else(application: Application) -> None:
    """A definition that was changed could use whatever its role may do."""
    permissions = application.permissions("PromotionWorkflowRole")

    assert {action for action, _ in permissions if not action.startswith("logs:")} == {
        "lambda:InvokeFunction"
    }
    assert len([action for action, _ in permissions if action == "lambda:InvokeFunction"]) == 8


def test_an_execution_is_resumed_by_the_page_and_by_who_puts_right_and_by_nobody_else(
    application: Application,
) -> None:
    """Each is bound to this machine: a token of another one is refused."""
    resuming = {
        name.partition("/")[2]: json.dumps(statement["Resource"])
        for name, statement in application.identity_statements()
        if "states:SendTaskSuccess" in statement["Action"]
    }

    assert len(resuming) == 3
    assert all("PromotionWorkflowStateMachine" in resource for resource in resuming.values())
    [may_resume] = [name for name in resuming if name.startswith("MayResume")]
    policy = application.named("AWS::IAM::Policy", may_resume)
    roles = json.dumps(policy["Roles"])
    assert len(policy["Roles"]) == 2
    assert "ApprovalRoutes" in roles
    assert "PromotionAsk" in roles


def test_every_promotion_that_is_asked_for_starts(application: Application) -> None:
    """Both ends of the record's life are followed: its beginning starts, its end ends the wait for people."""
    [mapping] = [
        mapping
        for mapping in application.properties("AWS::Lambda::EventSourceMapping").values()
        if "Promotions" in json.dumps(mapping["EventSourceArn"])
    ]
    patterns = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]

    assert patterns == [{"eventName": ["INSERT", "MODIFY"]}]
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumRecordAgeInSeconds"] == 6 * 3600
    assert "DeadLetters" in json.dumps(mapping["DestinationConfig"]["OnFailure"])


def rules(application: Application) -> dict[str, dict[str, Any]]:
    """Return the rules of the stack by the one status that each is for."""
    found = {}
    for rule in application.properties("AWS::Events::Rule").values():
        if rule["EventPattern"].get("detail-type") == ["Step Functions Execution Status Change"]:
            [status] = rule["EventPattern"]["detail"]["status"]
            found[status] = rule
    return found


@pytest.mark.parametrize(
    ("status", "outcome"), [("ABORTED", "stopped"), ("TIMED_OUT", "failed"), ("FAILED", "failed")]
)
def test_an_execution_that_ends_otherwise_leaves_no_open_promotion(
    application: Application, status: str, outcome: str
) -> None:
    """Its variant would be locked, and its approvers would decide into the void."""
    rule = rules(application)[status]
    [target] = rule["Targets"]
    transformer = target["InputTransformer"]

    assert rule["EventPattern"]["source"] == ["aws.states"]
    assert "PromotionWorkflowStateMachine" in json.dumps(rule["EventPattern"]["detail"]["stateMachineArn"])
    assert sorted(transformer["InputPathsMap"].values()) == ["$.detail.executionArn", "$.detail.name"]
    assert f'"outcome":"{outcome}"' in transformer["InputTemplate"]
    assert "PromotionClose" in json.dumps(target["Arn"])
    assert "DeadLetters" in json.dumps(target["DeadLetterConfig"])
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 24 * 3600, "MaximumRetryAttempts": 185}


def test_eventbridge_may_use_the_key_of_the_dead_letters(application: Application) -> None:
    """What it cannot deliver would be dropped without a word. For events of this account alone."""
    keys = [
        statement
        for name, key in application.properties("AWS::KMS::Key").items()
        if name.startswith("Data/DataKey")
        for statement in key["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "events.amazonaws.com"}
    ]

    assert len(keys) == application.environment.customer_managed_keys
    for statement in keys:
        assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_an_end_that_could_not_be_written_is_kept(application: Application) -> None:
    """The rules' retries are of the call: what the function fails at, Lambda drops unless it may keep it."""
    [kept] = application.properties("AWS::Lambda::EventInvokeConfig").values()
    queue = kept["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]

    assert queue.startswith("PromotionStartsDeadLetters")
    assert kept["FunctionName"]["Ref"].startswith("PromotionClose")
    assert kept["Qualifier"] == "live"


def test_the_rules_are_for_no_other_machine(application: Application) -> None:
    """A turn that was ended is none of theirs."""
    assert set(rules(application)) == {"ABORTED", "TIMED_OUT", "FAILED"}


def test_the_night_looks_for_what_is_due(application: Application) -> None:
    """After the rollup, and with an alarm of silence; on a laptop nothing happens by itself."""
    schedules = [
        schedule
        for schedule in application.properties("AWS::Scheduler::Schedule").values()
        if "PromotionStartsSchedule" in json.dumps(schedule["Target"]["Arn"])
    ]
    alarms = [
        alarm
        for alarm in application.properties("AWS::CloudWatch::Alarm").values()
        if alarm["MetricName"] == "Invocations"
    ]
    expression = application.environment.promotion_schedule

    assert [schedule["ScheduleExpression"] for schedule in schedules] == ([expression] if expression else [])
    assert [alarm["EvaluationPeriods"] for alarm in alarms] == ([26] if expression else [])
    assert bool(expression) is not application.environment.is_local


ALARMS = {
    "PromotionRunsFail": "ExecutionsFailed",
    "PromotionRunsTimeOut": "ExecutionsTimedOut",
    "PromotionRunsAbort": "ExecutionsAborted",
    "PromotionClosingFails": "Errors",
    "PromotionStartsStartFallsBehind": "IteratorAge",
    "PromotionStartsScheduleFails": "Errors",
    "PromotionStartsDeadLettersFill": "ApproximateNumberOfMessagesVisible",
    "ApprovalRoutesApprovalsFail": "Errors",
}


@pytest.mark.parametrize("name", ALARMS)
def test_people_on_call_hear_of_what_does_not_work(application: Application, name: str) -> None:
    """A promotion that nobody carries out is one that somebody said yes to."""
    alarm = application.named("AWS::CloudWatch::Alarm", name)

    assert alarm["MetricName"] == ALARMS[name]
    assert alarm["AlarmActions"]
    assert "docs/operations.md, Promotions" in alarm["AlarmDescription"]


def test_links_lead_to_the_api_of_the_environment(application: Application) -> None:
    """A link that leads elsewhere would hand a signature to somebody else."""
    ask = application.named("AWS::Lambda::Function", "PromotionAskFunction")
    base = json.dumps(ask["Environment"]["Variables"]["APPROVAL_BASE_URL"])

    assert "https://" in base
    assert ".execute-api." in base
    assert "ExportsOutputRefApi" in base


def test_an_environment_with_a_channel_lets_only_who_tells_read_its_address(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whoever knows a webhook's address can post in the team's name."""
    secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:slack-AbCdEf"
    application = synthesise(
        "dev", tmp_path_factory.mktemp("cdk") / "slack", block={"slack_webhook_secret_arn": secret}
    )
    readers = [
        name for name, each in application.identity_statements() if secret in json.dumps(each["Resource"])
    ]
    settings = [
        name
        for name, function in application.properties("AWS::Lambda::Function").items()
        if "SLACK_WEBHOOK_SECRET_ARN" in function["Environment"]["Variables"]
    ]

    permissions_name_their_resources(application)
    assert [name.partition("/")[2].startswith("PromotionNotify") for name in readers] == [True]
    assert [name.partition("/")[2].startswith("PromotionNotify") for name in settings] == [True]


def test_the_pages_function_is_behind_no_sign_in_and_before_the_firewall(application: Application) -> None:
    """An approver may be on a phone; the signature in the link is what says who they are."""
    methods = {
        method["HttpMethod"]: method
        for name, method in application.properties("AWS::ApiGateway::Method").items()
        if "approvals" in name and method["HttpMethod"] != "OPTIONS"
    }

    assert set(methods) == {"GET", "POST"}
    for method in methods.values():
        assert method["AuthorizationType"] == "NONE"
        assert method["RequestParameters"]["method.request.path.approval_id"] is True
        assert "ApprovalRoutes" in json.dumps(method["Integration"]["Uri"])
