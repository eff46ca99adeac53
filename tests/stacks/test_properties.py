"""Properties of the templates, and the proof that each check can fail."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.stacks import properties
from tests.stacks.synthesised import Application

Check = Callable[[Application], None]
Damage = Callable[[Application], None]


@pytest.mark.parametrize("check", properties.CHECKS, ids=lambda check: check.__name__)
def test_every_environment_holds(check: Check, application: Application) -> None:
    """What is promised for production has to be true where it is tried first."""
    check(application)


def _set(kind: str, part: str, path: str, value: Any) -> Damage:
    """Return a damage: the property at `path` of the resource whose logical id starts with `part` changes."""

    def damage(application: Application) -> None:
        target: Any = application.named(kind, part)
        *way, last = path.split(".")
        for step in way:
            target = target[int(step)] if step.isdigit() else target[step]
        target[last] = value

    return damage


def _drop(kind: str, part: str, key: str) -> Damage:
    """Return a damage: the resource whose logical id starts with `part` loses a property."""
    return lambda application: application.named(kind, part).__delitem__(key)


def _allow(actions: list[str], resource: str, role: str = "CaptureRole") -> Damage:
    """Return a damage: a role, by default that of the capture function, may do more."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return lambda application: application.named("AWS::IAM::Policy", role)["PolicyDocument"][
        "Statement"
    ].append(statement)


def _share_role(application: Application) -> None:
    functions = application.properties("AWS::Lambda::Function")
    first, second = [functions[name] for name in functions if name.startswith("Turn/")][:2]
    first["Role"] = second["Role"]


def _count_nothing(application: Application) -> None:
    rules = application.only("AWS::WAFv2::WebACL")["Rules"]
    rules[1]["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"].pop()


TABLE = "AWS::DynamoDB::Table"
POOL = "AWS::Cognito::UserPool"
CLIENT = "AWS::Cognito::UserPoolClient"
METHOD = "AWS::ApiGateway::Method"
STAGE = "AWS::ApiGateway::Stage"
MACHINE = "AWS::StepFunctions::StateMachine"
WORKGROUP = "AWS::Athena::WorkGroup"
DELIVERY = "AWS::KinesisFirehose::DeliveryStream"
DAMAGES: list[tuple[Check, Damage]] = [
    (properties.permissions_name_their_resources, _allow(["dynamodb:GetItem"], "*")),
    (properties.permissions_name_their_resources, _allow(["dynamodb:*"], "arn:aws:dynamodb:::table/x")),
    (properties.tables_are_protected, _drop(TABLE, "Feedback", "PointInTimeRecoverySpecification")),
    (properties.tables_are_protected, _drop(TABLE, "Prompts", "SSESpecification")),
    (properties.tables_are_protected, _drop(TABLE, "Conversations", "TimeToLiveSpecification")),
    (properties.tables_are_protected, _set(TABLE, "TurnEvents", "DeletionProtectionEnabled", False)),
    (properties.functions_are_single_purpose, _share_role),
    (properties.functions_are_single_purpose, _drop("AWS::Lambda::Function", "Intent", "LoggingConfig")),
    (properties.every_log_ends, _drop("AWS::Logs::LogGroup", "AccessLog", "RetentionInDays")),
    (properties.the_workflows_keep_no_words, _set(MACHINE, "Turn", "StateMachineType", "STANDARD")),
    (
        properties.the_workflows_keep_no_words,
        _set(MACHINE, "WeeklySynthesis", "LoggingConfiguration.IncludeExecutionData", True),
    ),
    (
        properties.the_workflows_keep_no_words,
        _set(MACHINE, "Turn", "LoggingConfiguration.IncludeExecutionData", True),
    ),
    (properties.every_placeholder_is_substituted, _set(MACHINE, "Turn", "DefinitionSubstitutions.New", "x")),
    (properties.routes_are_authorised, _set(METHOD, "Apiv1feedbackPOST", "AuthorizationType", "NONE")),
    (
        properties.routes_are_authorised,
        _set(METHOD, "ApiadminapivariantsGET", "AuthorizerId.Ref", "PeopleAuthorizer"),
    ),
    (properties.requests_are_validated, _drop(METHOD, "Apiv1turnsPOST", "RequestValidatorId")),
    (
        properties.the_access_log_names_nobody,
        _set(STAGE, "Api", "AccessLogSetting.Format", '{"who": "$context.authorizer.claims.sub"}'),
    ),
    (properties.the_access_log_names_nobody, _set(STAGE, "Api", "MethodSettings.0.DataTraceEnabled", True)),
    (properties.requests_are_throttled, _set(STAGE, "Api", "MethodSettings.1.ThrottlingRateLimit", 10_000)),
    (
        properties.a_firewall_stands_before_the_stage,
        _set("AWS::WAFv2::WebACLAssociation", "Firewall", "ResourceArn", "arn:aws:another"),
    ),
    (properties.bodies_of_turns_are_only_counted, _count_nothing),
    (properties.operators_need_a_second_factor, _set(POOL, "Operators", "MfaConfiguration", "OPTIONAL")),
    (
        properties.operators_need_a_second_factor,
        _set(POOL, "Operators", "AdminCreateUserConfig.AllowAdminCreateUserOnly", False),
    ),
    (
        properties.people_sign_in_safely,
        _set(CLIENT, "People", "ExplicitAuthFlows", ["ALLOW_USER_PASSWORD_AUTH"]),
    ),
    (properties.the_buckets_are_closed, _drop("AWS::S3::Bucket", "Prompts", "VersioningConfiguration")),
    (
        properties.the_buckets_are_closed,
        _drop("AWS::S3::Bucket", "WeeklySynthesis", "LifecycleConfiguration"),
    ),
    *(
        (
            properties.the_audit_log_only_grows,
            _allow([f"dynamodb:{action}"], f"arn:aws:x:table/AuditLog{part}"),
        )
        for action, part in (
            ("UpdateItem", "A1"),
            ("DeleteItem", "A1"),
            ("BatchWriteItem", "A1"),
            ("PartiQLDelete", "A1"),
            ("DeleteTable", "A1"),
            ("PutItem", "A1/index/log-index"),
        )
    ),
    (
        properties.the_audit_log_only_grows,
        lambda application: next(
            role
            for name, role in application.properties("AWS::IAM::Role").items()
            if name.startswith("Turn/Capture")
        ).update({"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"]}),
    ),
    *(
        (properties.anchors_stay, _allow([f"s3:{action}"], "arn:aws:s3:::AuditAnchorsBucketA1/anchors/*"))
        for action in (
            "DeleteObject",
            "DeleteObjectVersion",
            "PutObjectRetention",
            "BypassGovernanceRetention",
            "PutLifecycleConfiguration",
            "PutObject",
        )
    ),
    (properties.anchors_stay, _drop("AWS::S3::Bucket", "AuditAnchors", "ObjectLockConfiguration")),
    (
        properties.anchors_stay,
        _set(
            "AWS::S3::Bucket",
            "AuditAnchors",
            "ObjectLockConfiguration.Rule.DefaultRetention.Mode",
            "GOVERNANCE",
        ),
    ),
    (
        properties.anchors_stay,
        _set("AWS::S3::Bucket", "AuditAnchors", "ObjectLockConfiguration.Rule.DefaultRetention.Days", 30),
    ),
    (
        properties.queues_and_topics_are_closed,
        lambda application: application.templates["Turn"]["Resources"].update(
            {"Plain": {"Type": "AWS::SQS::Queue", "Properties": {}}}
        ),
    ),
    (
        properties.alarms_reach_the_operations_topic,
        _set("AWS::CloudWatch::Alarm", "TurnsFail", "AlarmActions", []),
    ),
    (properties.keys_rotate, _set("AWS::KMS::Key", "DataKey", "EnableKeyRotation", False)),
    (properties.nothing_has_a_fixed_name, _set(TABLE, "Limits", "TableName", "Limits")),
    (properties.everything_is_tagged, _set("AWS::Lambda::Function", "Intent", "Tags", [])),
    (
        properties.the_buckets_are_closed,
        _set("AWS::S3::Bucket", "Lake", "LifecycleConfiguration.Rules.0.Prefix", "gold/"),
    ),
    (
        properties.alarms_reach_the_operations_topic,
        _set("AWS::CloudWatch::Alarm", "NightlyRollupNothing", "TreatMissingData", "notBreaching"),
    ),
    (
        properties.statements_are_bounded_and_encrypted,
        _set(WORKGROUP, "Lake", "WorkGroupConfiguration.EnforceWorkGroupConfiguration", False),
    ),
    (
        properties.statements_are_bounded_and_encrypted,
        _set(
            WORKGROUP,
            "Lake",
            "WorkGroupConfiguration.ResultConfiguration.EncryptionConfiguration.EncryptionOption",
            "SSE_S3",
        ),
    ),
    (
        properties.deliveries_are_encrypted_parquet,
        _set(
            DELIVERY,
            "Feedback",
            "ExtendedS3DestinationConfiguration.DataFormatConversionConfiguration"
            ".InputFormatConfiguration.Deserializer.OpenXJsonSerDe.CaseInsensitive",
            True,
        ),
    ),
    (
        properties.deliveries_are_encrypted_parquet,
        _drop(DELIVERY, "TurnEvents", "DeliveryStreamEncryptionConfigurationInput"),
    ),
    *(
        (properties.the_record_only_grows, _allow([action], f"arn:aws:s3:::LakeStoreBucketA1/{place}", role))
        for action, place, role in (
            ("s3:GetObject", "gold/*", "CaptureRole"),
            ("s3:PutObject", "bronze/turn_events/*", "NightlyRollupWorkflowRole"),
            ("s3:DeleteObject", "bronze/*", "NightlyRollupSweepRole"),
            ("s3:DeleteObject", "gold/*", "WeeklyReportRole"),
            ("s3:DeleteObjectVersion", "gold/*", "NightlyRollupSweepRole"),
        )
    ),
]


@pytest.mark.parametrize(
    ("check", "damage"), DAMAGES, ids=[f"{check.__name__}-{n}" for n, (check, _) in enumerate(DAMAGES)]
)
def test_a_check_sees_what_it_is_there_for(check: Check, damage: Damage, prod: Application) -> None:
    """A check that cannot fail protects nobody."""
    damaged = replace(prod, templates=deepcopy(prod.templates))
    damage(damaged)

    with pytest.raises((AssertionError, KeyError)):
        check(damaged)


def test_every_check_was_seen_failing() -> None:
    """New checks come with a damage that they notice."""
    assert {check for check, _ in DAMAGES} == set(properties.CHECKS)
