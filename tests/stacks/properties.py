"""What must be true of the templates of every environment; each check raises AssertionError if not."""

import json
import re
from typing import Any

from stacks.constructs.anchors_bucket import ANCHOR_YEARS
from stacks.paths import FUNCTIONS
from tests.stacks.synthesised import Application, as_list

# The only actions that may name no resource, because AWS offers none: they set up the delivery of logs, and
# read the filter policy of a subscription.
LOG_DELIVERY = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
SERVICE_POLICIES = (
    "service-role/AmazonAPIGatewayPushToCloudWatchLogs",
    "service-role/AWSCodeDeployRoleForLambdaLimited",
)
EXPIRING_TABLES = {"Conversations", "TurnEvents", "Feedback", "Idempotency", "Limits", "Approvals"}
LASTING_TABLES = {"Prompts", "Variants", "VariantMetrics", "AuditLog", "Promotions"}
# What would be a name for the whole account or region. Aliases, indexes, groups and stages are named within
# something that has a generated name itself.
PHYSICAL_NAMES = {
    "AWS::ApiGateway::Authorizer": (),
    "AWS::ApiGateway::Model": ("Name",),
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::CodeDeploy::Application": ("ApplicationName",),
    "AWS::CodeDeploy::DeploymentGroup": ("DeploymentGroupName",),
    "AWS::Cognito::UserPool": ("UserPoolName",),
    "AWS::DynamoDB::Table": ("TableName",),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamName",),
    "AWS::KMS::Alias": ("AliasName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Lambda::LayerVersion": ("LayerName",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::StepFunctions::StateMachine": ("StateMachineName",),
    "AWS::WAFv2::WebACL": ("Name",),
}


def permissions_name_their_resources(application: Application) -> None:
    """Only log delivery, and for who deals with approvers their subscriptions, may go without a resource. No
    action has a wildcard.
    """
    for name, statement in application.identity_statements():
        actions = set(as_list(statement["Action"]))
        assert not any("*" in action for action in actions), f"{name} allows {actions}"
        if "*" in as_list(statement["Resource"]):
            approvers = name.startswith(("Api/ApprovalRoutes", "Promotion/PromotionAsk"))
            unnamed = {"sns:GetSubscriptionAttributes"} if approvers else LOG_DELIVERY
            assert actions <= unnamed, f"{name} allows {actions - unnamed} on everything"


def tables_are_protected(application: Application) -> None:
    """On demand, recoverable to any second, encrypted, and expiring where they hold something personal."""
    tables = application.resources("AWS::DynamoDB::Table")
    found = set()
    for name, table in tables.items():
        properties = table["Properties"]
        short = re.sub(r"[0-9A-F]{8}$", "", name.partition("/")[2])
        found.add(short)
        assert properties["BillingMode"] == "PAY_PER_REQUEST", name
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True, name
        assert properties["SSESpecification"]["SSEEnabled"] is True, name
        if application.environment.customer_managed_keys:
            assert properties["SSESpecification"]["SSEType"] == "KMS", name
            assert "KMSMasterKeyId" in properties["SSESpecification"], name
        if short in EXPIRING_TABLES:
            expiry = properties["TimeToLiveSpecification"]
            assert expiry == {"AttributeName": "expires_at", "Enabled": True}, name
        keeps = application.environment.retain_data
        assert properties.get("DeletionProtectionEnabled", False) is keeps, name
        assert table["DeletionPolicy"] == ("Retain" if keeps else "Delete"), name
    assert found == EXPIRING_TABLES | LASTING_TABLES


def functions_are_single_purpose(application: Application) -> None:
    """A role and a log group of its own with a retention for each function, and an alias to call it by."""
    functions = application.properties("AWS::Lambda::Function")
    assert len(functions) == len(list(FUNCTIONS.glob("*/handler.py")))
    roles = [json.dumps(function["Role"]) + name.partition("/")[0] for name, function in functions.items()]
    assert len(set(roles)) == len(roles), "two functions share a role"
    groups = application.properties("AWS::Logs::LogGroup")
    used = []
    for name, function in functions.items():
        stack = name.partition("/")[0]
        group = f"{stack}/{function['LoggingConfig']['LogGroup']['Ref']}"
        assert groups[group]["RetentionInDays"] == application.environment.log_retention_days, name
        used.append(group)
        assert function["Runtime"] == f"python{application.environment.lambda_python}", name
        assert function["Architectures"] == [application.environment.lambda_architecture], name
    assert len(set(used)) == len(used), "two functions share a log group"
    aliased = {
        f"{name.partition('/')[0]}/{alias['FunctionName']['Ref']}"
        for name, alias in application.properties("AWS::Lambda::Alias").items()
    }
    assert aliased == set(functions)


def every_log_ends(application: Application) -> None:
    """Logs hold identifiers of people's turns: none is kept for ever."""
    groups = application.properties("AWS::Logs::LogGroup")
    assert groups
    for name, group in groups.items():
        assert group.get("RetentionInDays") == application.environment.log_retention_days, name


WORKFLOWS = {
    "Turn/Turn": "EXPRESS",
    "Background/WeeklySynthesis": "STANDARD",
    "Analytics/NightlyRollup": "STANDARD",
    "Promotion/Promotion": "STANDARD",
}
"""The beginning of each state machine's name, and its type: a Standard one keeps what goes through it."""


def the_workflows_keep_no_words(application: Application) -> None:
    """The turn is Express, and neither a machine's log nor a trace holds what went through it."""
    machines = application.properties("AWS::StepFunctions::StateMachine")
    assert len(machines) == len(WORKFLOWS)
    for beginning, kind in WORKFLOWS.items():
        (machine,) = (machine for name, machine in machines.items() if name.startswith(beginning))
        assert machine["StateMachineType"] == kind
        assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
        assert machine["LoggingConfiguration"]["Level"] == "ALL"
        assert machine.get("TracingConfiguration", {"Enabled": False}) == {"Enabled": False}


def every_placeholder_is_substituted(application: Application) -> None:
    """A placeholder without a value reaches the caller; a value without a placeholder is a renamed one."""
    for name, machine in application.properties("AWS::StepFunctions::StateMachine").items():
        placeholders = set(re.findall(r"\$\{(\w+)\}", machine["DefinitionString"]))
        assert placeholders == set(machine["DefinitionSubstitutions"]), name


def routes_are_authorised(application: Application) -> None:
    """Everything but health, the API's description, approvers' signed links and the browser's preflight needs
    an ID token: a person's, or below /admin an operator's.
    """
    open_routes = set()
    for name, method in application.properties("AWS::ApiGateway::Method").items():
        if method["HttpMethod"] == "OPTIONS":
            assert method["Integration"]["Type"] == "MOCK", name
        elif method["AuthorizationType"] == "NONE":
            open_routes.add(re.sub(r"[0-9A-F]{8}$", "", name))
        elif name.startswith("Api/Apiadmin"):
            assert method["AuthorizerId"]["Ref"].startswith("Operator"), name
        else:
            assert method["AuthorizationType"] == "COGNITO_USER_POOLS", name
            assert method["AuthorizerId"]["Ref"].startswith("PeopleAuthorizer"), name
            # With scopes API Gateway would want access tokens.
            assert "AuthorizationScopes" not in method, name
    assert open_routes == {
        "Api/Apiv1healthGET",
        "Api/Apiv1openapijsonGET",
        "Api/Apiv1approvalsapprovalidGET",
        "Api/Apiv1approvalsapprovalidPOST",
    }


def requests_are_validated(application: Application) -> None:
    """Body and parameters are checked before anything of ours runs; a form, by its function."""
    validator = application.only("AWS::ApiGateway::RequestValidator")
    assert validator["ValidateRequestBody"] is True
    assert validator["ValidateRequestParameters"] is True
    for name, method in application.properties("AWS::ApiGateway::Method").items():
        if method["HttpMethod"] != "OPTIONS":
            assert "RequestValidatorId" in method, name
        if method["HttpMethod"] in ("POST", "PUT") and "approvals" not in name:
            assert set(method["RequestModels"]) == {"application/json"}, name


def the_access_log_names_nobody(application: Application) -> None:
    """Identifiers and numbers: no body, query string, path as sent, claim, address or error message."""
    stage = application.only("AWS::ApiGateway::Stage")
    logged = json.loads(stage["AccessLogSetting"]["Format"])
    assert set(logged.values()) <= {
        "$context.requestId",
        "$context.extendedRequestId",
        "$context.requestTimeEpoch",
        "$context.httpMethod",
        "$context.resourcePath",
        "$context.stage",
        "$context.status",
        "$context.error.responseType",
        "$context.integrationStatus",
        "$context.integrationLatency",
        "$context.responseLatency",
        "$context.responseLength",
        "$context.waf.status",
    }
    assert stage["TracingEnabled"] is False
    for setting in stage["MethodSettings"]:
        assert setting["LoggingLevel"] == "OFF"
        assert setting["DataTraceEnabled"] is False


def requests_are_throttled(application: Application) -> None:
    """The stage has a limit of its own, and turns, which cost most, a lower one."""
    environment = application.environment
    limits = {
        (setting["ResourcePath"], setting["HttpMethod"]): (
            setting["ThrottlingRateLimit"],
            setting["ThrottlingBurstLimit"],
        )
        for setting in application.only("AWS::ApiGateway::Stage")["MethodSettings"]
    }
    assert limits == {
        ("/*", "*"): (environment.api_rate_per_second, environment.api_burst),
        ("/~1v1~1turns", "POST"): (environment.turn_rate_per_second, environment.turn_burst),
    }
    assert environment.turn_rate_per_second < environment.api_rate_per_second


def a_firewall_stands_before_the_stage(application: Application) -> None:
    """Managed rules and a limit per address; no sample of a request is kept, because it shows the token."""
    association = application.only("AWS::WAFv2::WebACLAssociation")
    assert "Ref" in str(association["ResourceArn"])
    assert "ApiDeploymentStage" in str(association["ResourceArn"])
    acl = application.only("AWS::WAFv2::WebACL")
    rules = {rule["Name"]: rule for rule in acl["Rules"]}
    assert list(rules) == [
        "RatePerAddress",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "BodyRulesElsewhere",
    ]
    limit = rules["RatePerAddress"]["Statement"]["RateBasedStatement"]
    assert limit["Limit"] == application.environment.waf_requests_per_five_minutes
    for rule in (acl, *acl["Rules"]):
        assert rule["VisibilityConfig"]["SampledRequestsEnabled"] is False


def bodies_of_turns_are_only_counted(application: Application) -> None:
    """Every body rule counts, and what it labelled is blocked on every route but the turn's."""
    rules = {rule["Name"]: rule for rule in application.only("AWS::WAFv2::WebACL")["Rules"]}
    counted = set()
    for group in ("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"):
        for override in rules[group]["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]:
            assert override["ActionToUse"] == {"Count": {}}
            counted.add(override["Name"].casefold())
    elsewhere = rules["BodyRulesElsewhere"]
    labelled, not_here = elsewhere["Statement"]["AndStatement"]["Statements"]
    labels = {
        one["LabelMatchStatement"]["Key"].rpartition(":")[2].casefold()
        for one in labelled["OrStatement"]["Statements"]
    }
    assert labels == counted
    assert len(counted) == 8
    match = not_here["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert (match["PositionalConstraint"], match["SearchString"]) == ("ENDS_WITH", "/v1/turns")
    assert elsewhere["Action"] == {"Block": {}}


def operators_need_a_second_factor(application: Application) -> None:
    """MFA is a setting of the whole pool, so operators have one that nobody can join by themselves."""
    pool = application.named("AWS::Cognito::UserPool", "Operators")
    assert pool["MfaConfiguration"] == "ON"
    assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    group = application.only("AWS::Cognito::UserPoolGroup")
    assert group["GroupName"] == "admin"
    assert group["UserPoolId"]["Ref"].startswith("Operators")


def people_sign_in_safely(application: Application) -> None:
    """Strong passwords that travel as a proof, and no telling who has an account."""
    environment = application.environment
    pool = application.named("AWS::Cognito::UserPool", "People")
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is not environment.people_self_sign_up
    for client in application.properties("AWS::Cognito::UserPoolClient").values():
        assert client["PreventUserExistenceErrors"] == "ENABLED"
        assert client["EnableTokenRevocation"] is True
        assert client.get("AllowedOAuthFlows", []) == []
    flows = set(application.named("AWS::Cognito::UserPoolClient", "People")["ExplicitAuthFlows"])
    expected = {"ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
    if environment.is_local:
        expected |= {"ALLOW_USER_PASSWORD_AUTH"}
    if environment.name != "prod":
        expected |= {"ALLOW_ADMIN_USER_PASSWORD_AUTH"}
    assert flows == expected


def the_buckets_are_closed(application: Application) -> None:
    """Encrypted, never public, TLS only. Prompts keep every version; what people wrote goes within a day; of
    the lake, only what arrived and what statements answered is ever deleted by age.
    """
    buckets = application.resources("AWS::S3::Bucket")
    assert len(buckets) == 4
    for name, bucket in buckets.items():
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, name
        (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        algorithm = encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        # Anchors are evidence, and must not depend on a key that can be deleted.
        keyed = application.environment.customer_managed_keys and "AuditAnchors" not in name
        assert algorithm == ("aws:kms" if keyed else "AES256"), name
    policies = application.properties("AWS::S3::BucketPolicy")
    assert len(policies) == 4
    assert all(_denies_plain_http(policy) for policy in policies.values())
    prompts = application.named("AWS::S3::Bucket", "Prompts")
    assert prompts["VersioningConfiguration"] == {"Status": "Enabled"}
    work = application.named("AWS::S3::Bucket", "WeeklySynthesis")
    assert "VersioningConfiguration" not in work
    (rule,) = work["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 1)
    assert "Prefix" not in rule
    lake = application.named("AWS::S3::Bucket", "Lake")
    assert "VersioningConfiguration" not in lake
    kept = {
        rule["Prefix"]: rule["ExpirationInDays"]
        for rule in lake["LifecycleConfiguration"]["Rules"]
        if "ExpirationInDays" in rule
    }
    arrivals = application.environment.lake_retention_days
    assert kept == {
        "results/": 7,
        "bronze-errors/": 90,
        **({"bronze/": arrivals} if arrivals else {}),
    }


def the_audit_log_only_grows(application: Application) -> None:
    """Nobody's permissions can change or delete an entry; the conditions of the adapters see to the rest.

    What may be done is listed, and not what may not: AWS has more ways to delete than anybody remembers.
    """
    found = set()
    for name, action, resource in _permissions_on(application, "AuditLog"):
        found.add(action)
        assert action in {"dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:Query"}, f"{name}: {action}"
        assert action == "dynamodb:Query" or "/index/" not in resource, name
    assert found >= {"dynamodb:PutItem", "dynamodb:Query"}


def anchors_stay(application: Application) -> None:
    """The bucket locks every version, one role adds anchors, and none can take one away or unlock it."""
    bucket = application.named("AWS::S3::Bucket", "AuditAnchors")
    retention = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"
    assert "LifecycleConfiguration" not in bucket
    if application.environment.retain_data:
        assert retention["Mode"] == "COMPLIANCE"
        assert retention["Days"] >= ANCHOR_YEARS * 365
    else:
        # Years of a lock on a trial would keep its stack from being cleared away.
        assert retention == {"Mode": "GOVERNANCE", "Days": 1}
    reading = {"s3:GetObjectVersion", "s3:ListBucketVersions"}
    for name, action, resource in _permissions_on(application, "AuditAnchorsBucket"):
        if action == "s3:PutObject":
            assert name.startswith("Background/AuditAnchors"), name
            assert "/anchors/*" in resource, name
        else:
            assert action in reading, f"{name}: {action}"
    for name, policy in application.properties("AWS::S3::BucketPolicy").items():
        if "AuditAnchors" in name:
            assert all(each["Effect"] == "Deny" for each in policy["PolicyDocument"]["Statement"]), name


def _permissions_on(application: Application, store: str) -> list[tuple[str, str, str]]:
    """Return policy, action and resource of every permission on a store, seen in its own stack or another."""
    assert not application.resources("AWS::IAM::ManagedPolicy")
    for name, role in application.properties("AWS::IAM::Role").items():
        assert all(_is_of_a_service(policy) for policy in role.get("ManagedPolicyArns", [])), name
    return [
        (name, action, text)
        for name, statement in application.identity_statements()
        for text in map(json.dumps, as_list(statement["Resource"]))
        if store in text
        for action in as_list(statement["Action"])
    ]


def _is_of_a_service(policy: Any) -> bool:
    """Whether AWS made a policy for one of the two services that have one: neither reaches any data."""
    return any(name in json.dumps(policy) for name in SERVICE_POLICIES)


QUEUES = {
    "Turn/UnrecordedTurnsDeadLetters",
    "Turn/UnrecordedTurns",
    "Background/SentinelQuarantine",
    "Analytics/IntakeQuarantine",
    "Analytics/IntakeReplay",
    "Analytics/NightlyRollupDeadLetters",
    "Promotion/PromotionStartsDeadLetters",
}
"""The beginning of each queue's name."""


def queues_and_topics_are_closed(application: Application) -> None:
    """Encrypted, TLS only; what cannot be recorded ends in the dead letters after ten tries, what cannot be
    replayed in the quarantine of the lake after three.
    """
    queues = application.properties("AWS::SQS::Queue")
    assert len(queues) == len(QUEUES)
    assert {each for each in QUEUES if any(name.startswith(each) for name in queues)} == QUEUES
    for name, queue in queues.items():
        keyed = "KmsMasterKeyId" in queue
        assert keyed is application.environment.customer_managed_keys, name
        assert keyed or queue["SqsManagedSseEnabled"] is True, name
    policies = application.properties("AWS::SQS::QueuePolicy").values()
    assert len(policies) == len(QUEUES)
    assert all(_denies_plain_http(policy) for policy in policies)
    redrives = {
        name.partition("/")[0]: queue["RedrivePolicy"]["maxReceiveCount"]
        for name, queue in queues.items()
        if "RedrivePolicy" in queue
    }
    assert redrives == {"Turn": 10, "Analytics": 3}
    topics = application.properties("AWS::SNS::Topic")
    topic_policies = application.properties("AWS::SNS::TopicPolicy").values()
    assert len(topics) == len(topic_policies) == 2
    assert all("KmsMasterKeyId" in topic for topic in topics.values())
    assert all(_denies_plain_http(policy) for policy in topic_policies)


def alarms_reach_the_operations_topic(application: Application) -> None:
    """An alarm that tells nobody is none; neither is one whose topic or key refuses it."""
    alarms = application.properties("AWS::CloudWatch::Alarm")
    watched = {(alarm["Namespace"], alarm["MetricName"]) for alarm in alarms.values()}
    assert watched >= {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("AWS/States", "ExecutionsFailed"),
        ("AWS/States", "ExecutionsTimedOut"),
        ("AWS/ApiGateway", "5XXError"),
        ("AWS/Firehose", "FailedConversion.Records"),
        ("AWS/Firehose", "DeliveryToS3.DataFreshness"),
    }
    for name, alarm in alarms.items():
        assert "OperationsTopic" in str(alarm["AlarmActions"]), name
        # Silence is good news, except of what has to happen every night.
        nightly = alarm["MetricName"] in ("ExecutionsSucceeded", "Invocations")
        silence = "breaching" if nightly else "notBreaching"
        assert alarm["TreatMissingData"] == silence, name
    policy = application.named("AWS::SNS::TopicPolicy", "Operations")["PolicyDocument"]
    publishers = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    assert [publisher["Principal"] for publisher in publishers] == [{"Service": "cloudwatch.amazonaws.com"}]
    key = application.named("AWS::KMS::Key", "Operations")
    assert "cloudwatch.amazonaws.com" in str(key["KeyPolicy"])


def keys_rotate(application: Application) -> None:
    """Every key of ours gets new material each year."""
    keys = application.properties("AWS::KMS::Key")
    assert len(keys) == (3 if application.environment.customer_managed_keys else 2)
    for name, key in keys.items():
        assert key["EnableKeyRotation"] is True, name


def nothing_has_a_fixed_name(application: Application) -> None:
    """A name of our own would keep two environments, or a replacement, out of one account."""
    for kind, names in PHYSICAL_NAMES.items():
        for resource, properties in application.properties(kind).items():
            assert not set(names) & set(properties), resource


def everything_is_tagged(application: Application) -> None:
    """Costs and owners are found by tags."""
    wanted = {"Project": "SilentInfinity", "Environment": application.environment.name}
    for kind in (
        "AWS::Athena::WorkGroup",
        "AWS::DynamoDB::Table",
        "AWS::KinesisFirehose::DeliveryStream",
        "AWS::Lambda::Function",
        "AWS::StepFunctions::StateMachine",
    ):
        for name, properties in application.properties(kind).items():
            tags = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
            assert tags.items() >= wanted.items(), name


def statements_are_bounded_and_encrypted(application: Application) -> None:
    """No client's settings can send results elsewhere, and no statement reads more than is paid for."""
    environment = application.environment
    workgroup = application.only("AWS::Athena::WorkGroup")
    settings = workgroup["WorkGroupConfiguration"]
    assert workgroup["Name"] == f"silent-infinity-{environment.name}"
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["BytesScannedCutoffPerQuery"] == environment.athena_scan_limit_gb * 1024**3
    assert settings["EngineVersion"]["SelectedEngineVersion"] == "Athena engine version 3"
    results = settings["ResultConfiguration"]
    assert json.dumps(results["OutputLocation"]).endswith('/results/"]]}')
    keyed = environment.customer_managed_keys
    option = results["EncryptionConfiguration"]["EncryptionOption"]
    assert option == ("SSE_KMS" if keyed else "SSE_S3")
    assert ("KmsKey" in results["EncryptionConfiguration"]) is keyed


def deliveries_are_encrypted_parquet(application: Application) -> None:
    """Names of categories are keys of maps: their case is kept. What does not fit is kept apart."""
    streams = application.properties("AWS::KinesisFirehose::DeliveryStream")
    assert len(streams) == 2
    for name, stream in streams.items():
        keyed = application.environment.customer_managed_keys
        encryption = stream["DeliveryStreamEncryptionConfigurationInput"]
        assert encryption["KeyType"] == ("CUSTOMER_MANAGED_CMK" if keyed else "AWS_OWNED_CMK"), name
        target = stream["ExtendedS3DestinationConfiguration"]
        conversion = target["DataFormatConversionConfiguration"]
        serde = conversion["InputFormatConfiguration"]["Deserializer"]["OpenXJsonSerDe"]
        parquet = conversion["OutputFormatConfiguration"]["Serializer"]["ParquetSerDe"]
        assert conversion["Enabled"] is True, name
        assert serde["CaseInsensitive"] is False, name
        assert parquet["Compression"] == "SNAPPY", name
        assert target["CompressionFormat"] == "UNCOMPRESSED", name
        assert target["BufferingHints"] == {
            "IntervalInSeconds": application.environment.lake_buffer_seconds,
            "SizeInMBs": 128,
        }, name
        assert target["Prefix"].startswith("bronze/"), name
        assert target["Prefix"].endswith("/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"), name
        assert target["ErrorOutputPrefix"].startswith("bronze-errors/"), name
        assert "!{firehose:error-output-type}" in target["ErrorOutputPrefix"], name


def the_record_only_grows(application: Application) -> None:
    """What arrived cannot be deleted or written over by any role but Firehose's; one role sweeps up what was
    refined anew. Everything that reaches the lake belongs to its own stack, but for what reads a promotion's
    figures.
    """
    found = set()
    for name, action, resource in _permissions_on(application, "LakeStore"):
        # The figures of a promotion are read from gold; nothing else of another stack reaches the lake.
        assert name.startswith(("Analytics/", "Promotion/PromotionCollect")), f"{name}: {action}"
        if action == "s3:DeleteObject":
            assert name.startswith("Analytics/NightlyRollupSweep"), name
            assert any(prefix in resource for prefix in ("/silver/*", "/units/*", "/gold/*")), resource
        elif "/bronze/" in resource and action != "s3:GetObject":
            assert name.startswith(("Analytics/TurnEvents", "Analytics/Feedback")), f"{name}: {action}"
            assert action in {"s3:AbortMultipartUpload", "s3:PutObject"}, f"{name}: {action}"
        else:
            assert action in LAKE_ACTIONS, f"{name}: {action}"
        found.add(action)
    assert found == LAKE_ACTIONS | {"s3:DeleteObject"}


LAKE_ACTIONS = {
    "s3:AbortMultipartUpload",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
}


CHECKS: tuple[Any, ...] = (
    permissions_name_their_resources,
    tables_are_protected,
    functions_are_single_purpose,
    every_log_ends,
    the_workflows_keep_no_words,
    every_placeholder_is_substituted,
    routes_are_authorised,
    requests_are_validated,
    the_access_log_names_nobody,
    requests_are_throttled,
    a_firewall_stands_before_the_stage,
    bodies_of_turns_are_only_counted,
    operators_need_a_second_factor,
    people_sign_in_safely,
    the_buckets_are_closed,
    the_audit_log_only_grows,
    anchors_stay,
    queues_and_topics_are_closed,
    alarms_reach_the_operations_topic,
    keys_rotate,
    nothing_has_a_fixed_name,
    everything_is_tagged,
    statements_are_bounded_and_encrypted,
    deliveries_are_encrypted_parquet,
    the_record_only_grows,
)


def _denies_plain_http(policy: dict[str, Any]) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy["PolicyDocument"]["Statement"]
    )
