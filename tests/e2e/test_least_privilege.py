"""Every function works with its own role, and is refused what it must not do.

The emulator checks each signed call against the policies of the caller's role, here as in all end-to-end
tests. What it does not check (the roles of the state machine and of API Gateway, which it does not assume) is
asked of `SimulatePrincipalPolicy`, with the policies that were deployed.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from local.stack.aws import ACCOUNT, REGION
from local.stack.stack import LocalStack
from tests.e2e.conftest import Client, Tables
from tests.e2e.test_faults import Functions
from tests.support.world import TELLING

TABLES = (
    "Conversations",
    "TurnEvents",
    "Feedback",
    "Prompts",
    "Variants",
    "VariantMetrics",
    "AuditLog",
    "Promotions",
    "Approvals",
    "Idempotency",
    "Limits",
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
WORDS_OF_PEOPLE = ("Conversations", "TurnEvents", "Feedback")
"""Tables with what people wrote, or about whom."""
PROMOTING = frozenset(
    {
        "promotion_apply",
        "promotion_ask",
        "promotion_close",
        "promotion_collect",
        "promotion_evaluate",
        "promotion_notify",
        "promotion_open",
        "promotion_schedule",
        "promotion_start",
    }
)
"""The functions of the promotion workflow, and those that start it."""
STRANGERS = PROMOTING | {
    "admin_api",
    "admin_authorizer",
    "approvals",
    "audit_anchor",
    "demote_variant",
    "openapi",
    "seed",
}
"""Functions that have no business with people."""


@dataclass(frozen=True)
class Role:
    """A function's role, as temporary credentials for it see the emulated account."""

    name: str
    arn: str
    stack: LocalStack
    credentials: dict[str, str]

    def client(self, service: str) -> Any:
        """A client that may do what the function may."""
        connect: Any = boto3.client  # its overloads want literal service names
        return connect(service, endpoint_url=self.stack.endpoint_url, region_name=REGION, **self.credentials)

    def allows(self, call: Callable[[], object]) -> bool:
        """Whether the call gets past the policies, whatever becomes of it then."""
        try:
            call()
        except ClientError as error:
            return error.response["Error"]["Code"] not in DENIED
        return True

    def policies(self) -> list[dict[str, Any]]:
        """The statements of the role, as deployed."""
        iam = self.stack.client("iam")
        name = self.arn.rpartition("/")[2]
        assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
        documents = [
            iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        ]
        return [statement for document in documents for statement in document["Statement"]]


@pytest.fixture(scope="module")
def roles(stack: LocalStack) -> dict[str, Role]:
    """The role of every function, by the function's folder."""
    pages = stack.client("lambda").get_paginator("list_functions").paginate()
    found = {}
    for function in (function for page in pages for function in page["Functions"]):
        name = function.get("Environment", {}).get("Variables", {}).get("POWERTOOLS_SERVICE_NAME")
        if name is None:
            continue
        given = stack.client("sts").assume_role(RoleArn=function["Role"], RoleSessionName="privileges")
        credentials = {
            "aws_access_key_id": given["Credentials"]["AccessKeyId"],
            "aws_secret_access_key": given["Credentials"]["SecretAccessKey"],
            "aws_session_token": given["Credentials"]["SessionToken"],
        }
        found[name] = Role(name, function["Role"], stack, credentials)
    assert set(found) >= STRANGERS | {"capture", "feedback", "feedback_api", "sessions_api", "sentinel"}
    return found


@dataclass(frozen=True)
class Probes:
    """Calls on one table that change nothing even where they are allowed: no item has these keys."""

    table: str
    key: dict[str, Any]

    def of(self, dynamodb: Any) -> dict[str, Callable[[], object]]:
        """Action to call."""
        [hash_name] = list(self.key)[:1]
        absent = {"TableName": self.table, "ConditionExpression": f"attribute_exists({hash_name})"}
        return {
            "GetItem": partial(dynamodb.get_item, TableName=self.table, Key=self.key),
            "Scan": partial(dynamodb.scan, TableName=self.table, Limit=1),
            "Query": partial(
                dynamodb.query,
                TableName=self.table,
                KeyConditionExpression=f"{hash_name} = :hash",
                ExpressionAttributeValues={":hash": self.key[hash_name]},
            ),
            "PutItem": partial(dynamodb.put_item, Item=self.key, **absent),
            "DeleteItem": partial(dynamodb.delete_item, Key=self.key, **absent),
            "UpdateItem": partial(
                dynamodb.update_item,
                Key=self.key,
                UpdateExpression="SET probed = :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
                **absent,
            ),
        }


@pytest.fixture(scope="module")
def probes(stack: LocalStack) -> dict[str, Probes]:
    """The probes of every table."""
    made = {}
    for name in TABLES:
        table = stack.outputs[f"{name}TableName"]
        schema = stack.client("dynamodb").describe_table(TableName=table)["Table"]["KeySchema"]
        ordered = sorted(schema, key=lambda part: part["KeyType"] != "HASH")
        made[name] = Probes(table, {part["AttributeName"]: {"S": "no-such-item"} for part in ordered})
    return made


def declared(role: Role, table: str) -> set[str]:
    """What the role's own policies allow on a table."""
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    allowed = set()
    for statement in role.policies():
        actions, resources = (
            value if isinstance(value, list) else [value]
            for value in (statement["Action"], statement["Resource"])
        )
        assert statement["Effect"] == "Allow"
        if arn in resources:
            allowed |= {action.partition(":")[2] for action in actions}
    return allowed


def test_each_role_gets_exactly_what_its_policies_say_on_every_table(
    roles: dict[str, Role], probes: dict[str, Probes]
) -> None:
    """All functions, all tables, six actions: what no policy names is refused, so each policy is complete."""
    refused = allowed = 0
    for role in roles.values():
        dynamodb = role.client("dynamodb")
        for name, probe in probes.items():
            wanted = declared(role, probe.table)
            for action, call in probe.of(dynamodb).items():
                assert role.allows(call) == (action in wanted), (role.name, name, action)
                allowed, refused = allowed + (action in wanted), refused + (action not in wanted)

    assert allowed > 30
    assert refused > 10 * allowed


def test_nobody_can_change_or_delete_what_the_audit_log_holds(
    stack: LocalStack, roles: dict[str, Role], probes: dict[str, Probes]
) -> None:
    """By no way that DynamoDB has: single items, batches, transactions, PartiQL, or the table as a whole.

    One way is left to whoever may add: DynamoDB has one permission for putting a new item and for putting one
    over another. The chain shows that; see docs/operations.md.
    """
    table, key = probes["AuditLog"].table, probes["AuditLog"].key
    for role in roles.values():
        dynamodb = role.client("dynamodb")
        update = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
        place = {"TableName": table, "Key": key}
        where = " AND ".join(f"{name} = 'no-such-item'" for name in key)
        statement = f'DELETE FROM "{table}" WHERE {where}'  # noqa: S608 -- names of the deployed table
        ways: dict[str, Callable[[], object]] = {
            "delete": partial(dynamodb.delete_item, **place),
            "update": partial(dynamodb.update_item, **place, **update),
            "batch": partial(
                dynamodb.batch_write_item, RequestItems={table: [{"DeleteRequest": {"Key": key}}]}
            ),
            "transaction": partial(dynamodb.transact_write_items, TransactItems=[{"Delete": place}]),
            "transaction, update": partial(
                dynamodb.transact_write_items, TransactItems=[{"Update": {**place, **update}}]
            ),
            "PartiQL": partial(dynamodb.execute_statement, Statement=statement),
            "table": partial(dynamodb.delete_table, TableName=table),
            "time to live": partial(
                dynamodb.update_time_to_live,
                TableName=table,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": "at"},
            ),
        }
        for way, call in ways.items():
            assert not role.allows(call), (role.name, way)

    assert stack.client("dynamodb").describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"


def test_nobody_can_take_an_anchor_away_or_shorten_its_time(
    stack: LocalStack, roles: dict[str, Role]
) -> None:
    """The lock holds against everybody; these functions do not even get as far as the lock."""
    bucket = stack.outputs["AuditAnchorsBucketName"]
    for role in roles.values():
        s3 = role.client("s3")
        here = {"Bucket": bucket, "Key": "anchors/no-such-anchor.json"}
        ways: dict[str, Callable[[], object]] = {
            "delete": partial(s3.delete_object, **here),
            "delete a version": partial(s3.delete_object, **here, VersionId="null"),
            "bypass": partial(s3.delete_object, **here, BypassGovernanceRetention=True),
            "retention": partial(
                s3.put_object_retention,
                **here,
                Retention={"Mode": "GOVERNANCE", "RetainUntilDate": "2000-01-01T00:00:00Z"},
            ),
            "lock": partial(
                s3.put_object_lock_configuration,
                Bucket=bucket,
                ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"},
            ),
            "versions": partial(
                s3.put_bucket_versioning,
                Bucket=bucket,
                VersioningConfiguration={"Status": "Suspended"},
            ),
            "bucket": partial(s3.delete_bucket, Bucket=bucket),
        }
        for way, call in ways.items():
            assert not role.allows(call), (role.name, way)
        writes = role.allows(partial(s3.put_object, **{**here, "Key": "elsewhere/probe"}, Body=b""))
        assert not writes, role.name


def test_whoever_works_for_operators_reads_nothing_of_people(
    stack: LocalStack, roles: dict[str, Role], probes: dict[str, Probes]
) -> None:
    """An operator's mistake, or a stolen operator's token, must not open a conversation, or the salt."""
    links = stack.outputs["ApprovalLinkSecretArn"]
    secrets = stack.client("secretsmanager").list_secrets()["SecretList"]
    salts = [secret for secret in secrets if secret["ARN"] != links]
    assert len(salts) == len(secrets) - 1 > 0
    for name in STRANGERS:
        role = roles[name]
        dynamodb = role.client("dynamodb")
        for table in WORDS_OF_PEOPLE:
            for action, call in probes[table].of(dynamodb).items():
                assert not role.allows(call), (name, table, action)
        for salt in salts:
            read = partial(role.client("secretsmanager").get_secret_value, SecretId=salt["ARN"])
            assert not role.allows(read), name


def test_who_asks_and_who_decides_are_kept_apart(
    stack: LocalStack, roles: dict[str, Role], probes: dict[str, Probes]
) -> None:
    """The key of links is known to two; one resumes by a click, one writes to approvers, one changes rows.

    The page of approvals, which anybody on the internet can reach, changes no row of the registry.
    """
    secret, topic = stack.outputs["ApprovalLinkSecretArn"], stack.outputs["ApproversTopicArn"]
    machine = stack.outputs["PromotionStateMachineArn"]
    able: dict[str, set[str]] = {}
    for name, role in roles.items():
        ways: dict[str, Callable[[], object]] = {
            "key": partial(role.client("secretsmanager").get_secret_value, SecretId=secret),
            "stop": partial(
                role.client("stepfunctions").stop_execution,
                executionArn=f"{machine.replace(':stateMachine:', ':execution:')}:no-such-execution",
            ),
            **{f"rows: {way}": call for way, call in probes["Variants"].of(role.client("dynamodb")).items()},
        }
        for way, call in ways.items():
            if role.allows(call):
                able.setdefault(way, set()).add(name)

    def may(action: str, resource: str) -> set[str]:
        return {name for name, role in roles.items() if decision(stack, role.arn, action, resource)}

    assert able["key"] == {"approvals", "promotion_ask"}
    assert "stop" not in able
    assert may("sns:Publish", topic) == {"promotion_ask"}
    assert may("sns:Subscribe", topic) == set()
    assert may("states:SendTaskSuccess", machine) == {
        "approvals",
        "promotion_ask",
        "promotion_start",
        "promotion_schedule",
    }
    assert may("states:StartExecution", machine) == {"promotion_start", "promotion_schedule"}
    writers = able["rows: PutItem"] | able.get("rows: UpdateItem", set())
    assert not writers & {"approvals", "promotion_ask", "promotion_collect", "promotion_evaluate"}
    assert "promotion_apply" in writers


def test_the_promotion_workflow_calls_its_functions_and_nothing_else(stack: LocalStack) -> None:
    """Simulated, as with the turn's workflow: the machine itself has no store, no topic and no lake."""
    machine = stack.outputs["PromotionStateMachineArn"]
    workflow = stack.client("stepfunctions").describe_state_machine(stateMachineArn=machine)["roleArn"]
    may = partial(decision, stack, workflow)
    functions = {
        function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: function["FunctionArn"]
        for page in stack.client("lambda").get_paginator("list_functions").paginate()
        for function in page["Functions"]
        if "POWERTOOLS_SERVICE_NAME" in function.get("Environment", {}).get("Variables", {})
    }
    invoked = {name for name, arn in functions.items() if may("lambda:InvokeFunction", f"{arn}:live")}

    assert invoked == (PROMOTING - {"promotion_schedule", "promotion_start"}) | {"demote_variant"}
    for table in TABLES:
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{stack.outputs[f'{table}TableName']}"
        assert not any(may(f"dynamodb:{action}", arn) for action in ("GetItem", "PutItem", "UpdateItem")), (
            table
        )
    assert not may("sns:Publish", stack.outputs["ApproversTopicArn"])
    assert not may("secretsmanager:GetSecretValue", stack.outputs["ApprovalLinkSecretArn"])


def test_no_function_can_give_itself_more(stack: LocalStack, roles: dict[str, Role]) -> None:
    """Neither a policy, nor another role, nor another function, nor a person made an operator."""
    pool = stack.outputs["OperatorPoolId"]
    for role in roles.values():
        name = role.arn.rpartition("/")[2]
        iam, cognito = role.client("iam"), role.client("cognito-idp")
        everything = json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        )
        ways: dict[str, Callable[[], object]] = {
            "policy": partial(iam.put_role_policy, RoleName=name, PolicyName="x", PolicyDocument=everything),
            "role": partial(iam.create_role, RoleName="x", AssumeRolePolicyDocument=everything),
            "user": partial(iam.create_access_key, UserName="x"),
            "operator": partial(
                cognito.admin_add_user_to_group,
                UserPoolId=pool,
                Username="operator@example.com",
                GroupName="admin",
            ),
            "second factor": partial(
                cognito.set_user_pool_mfa_config, UserPoolId=pool, MfaConfiguration="OFF"
            ),
        }
        for way, call in ways.items():
            assert not role.allows(call), (role.name, way)


def decision(stack: LocalStack, role: str, action: str, resource: str) -> bool:
    """Whether the deployed policies of a role allow an action."""
    [result] = stack.client("iam").simulate_principal_policy(
        PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
    )["EvaluationResults"]
    return bool(result["EvalDecision"] == "allowed")


def test_the_workflow_and_the_api_may_call_what_they_call_and_nothing_else(stack: LocalStack) -> None:
    """Simulated: the emulator runs these two without assuming their roles."""
    machine = stack.outputs["TurnStateMachineArn"]
    workflow = stack.client("stepfunctions").describe_state_machine(stateMachineArn=machine)["roleArn"]
    functions = {
        function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: function["FunctionArn"]
        for page in stack.client("lambda").get_paginator("list_functions").paginate()
        for function in page["Functions"]
        if "POWERTOOLS_SERVICE_NAME" in function.get("Environment", {}).get("Variables", {})
    }
    steps = {"capture", "crisis_screen", "intent", "generate", "validate", "feedback"}
    invoke = "lambda:InvokeFunction"
    invoked = {name for name, arn in functions.items() if decision(stack, workflow, invoke, f"{arn}:live")}
    front = next(
        role["Arn"]
        for page in stack.client("iam").get_paginator("list_roles").paginate()
        for role in page["Roles"]
        if "StartTurnRole" in role["RoleName"]
    )

    assert invoked == steps
    assert not decision(stack, workflow, "dynamodb:GetItem", "*")
    assert decision(stack, front, "states:StartSyncExecution", machine)
    assert not decision(
        stack, front, "states:StartSyncExecution", stack.outputs["WeeklySynthesisStateMachineArn"]
    )
    assert not decision(stack, front, "states:StopExecution", machine)
    assert not any(
        decision(stack, front, "lambda:InvokeFunction", f"{arn}:live") for arn in functions.values()
    )


LAKE_PREFIXES = (
    "bronze",
    "bronze-errors",
    "silver",
    "units",
    "gold",
    "registry",
    "results",
    "reports",
    "elsewhere",
)
OF_THE_LAKE: dict[str, frozenset[str]] = {
    "lake_consumer": frozenset({"firehose"}),
    "lake_replay": frozenset({"firehose"}),
    "rollup_plan": frozenset({"read registry", "write registry", "read results", "list", "rows"}),
    "rollup_statement": frozenset(),
    "rollup_swap": frozenset({"list", "move partitions", "add partitions", "look at partitions"}),
    "rollup_sweep": frozenset({"list", "look at partitions", "delete silver", "delete units", "delete gold"}),
    "rollup_metrics": frozenset({"read results", "rows"}),
    "rollup_evaluate": frozenset({"read results", "rows"}),
    "promotion_collect": frozenset(
        {
            "read silver",
            "read gold",
            "read results",
            "write results",
            "list",
            "rows",
            "statement",
            "look at partitions",
        }
    ),
    "weekly_report": frozenset(
        {
            "read silver",
            "read gold",
            "read results",
            "write results",
            "write reports",
            "list",
            "rows",
            "statement",
            "look at partitions",
        }
    ),
}
"""What each function of the lake may do with it, of everything that `lake_ways` tries."""


def lake_ways(role: Role, stack: LocalStack, query_id: str) -> dict[str, Callable[[], object]]:
    """Return calls on the lake by what they are for. Those that are allowed change nothing that counts."""
    s3, glue, athena = role.client("s3"), role.client("glue"), role.client("athena")
    bucket, database = stack.outputs["LakeBucketName"], stack.outputs["LakeDatabaseName"]
    gold = {"DatabaseName": database, "TableName": "gold_costs"}
    nothing: dict[str, Any] = {"Values": ["1999-01-01"], "StorageDescriptor": {"Location": "s3://nowhere/"}}
    ways: dict[str, Callable[[], object]] = {
        "list": partial(s3.list_objects_v2, Bucket=bucket, MaxKeys=1),
        "bucket": partial(s3.delete_bucket, Bucket=bucket),
        "bucket policy": partial(s3.put_bucket_policy, Bucket=bucket, Policy="{}"),
        "lifecycle": partial(s3.delete_bucket_lifecycle, Bucket=bucket),
        "look at partitions": partial(glue.get_partitions, **gold),
        "move partitions": partial(
            glue.update_partition, **gold, PartitionValueList=["1999-01-01"], PartitionInput=nothing
        ),
        "add partitions": partial(glue.batch_create_partition, **gold, PartitionInputList=[]),
        "drop a partition": partial(glue.delete_partition, **gold, PartitionValues=["1999-01-01"]),
        "drop a table": partial(glue.delete_table, DatabaseName=database, Name="no_such_table"),
        "change a table": partial(
            glue.update_table, DatabaseName=database, TableInput={"Name": "no_such_table"}
        ),
        "rows": partial(athena.get_query_results, QueryExecutionId=query_id),
        "statement": partial(
            athena.start_query_execution,
            QueryString="SELECT 1",
            WorkGroup=stack.outputs["LakeWorkgroupName"],
        ),
        "elsewhere": partial(athena.start_query_execution, QueryString="SELECT 1", WorkGroup="primary"),
        "workgroup": partial(
            athena.update_work_group, WorkGroup=stack.outputs["LakeWorkgroupName"], Description="x"
        ),
        "firehose": partial(
            role.client("firehose").put_record_batch,
            DeliveryStreamName=stack.outputs["TurnEventsDeliveryStreamName"],
            Records=[{"Data": b"{}"}],
        ),
        "run": partial(
            role.client("stepfunctions").start_execution,
            stateMachineArn=stack.outputs["NightlyRollupStateMachineArn"],
            input='{"date": "never"}',
        ),
    }
    for prefix in LAKE_PREFIXES:
        here = {"Bucket": bucket, "Key": f"{prefix}/no-such-object"}
        ways[f"read {prefix}"] = partial(s3.get_object, **here)
        ways[f"write {prefix}"] = partial(s3.put_object, **here, Body=b"")
        ways[f"delete {prefix}"] = partial(s3.delete_object, **here)
    return ways


def test_each_function_does_its_part_with_the_lake_and_no_other(
    stack: LocalStack, roles: dict[str, Role]
) -> None:
    """Nobody but Firehose writes what arrived, nobody deletes it; one deletes what was refined, one moves."""
    asked = stack.client("athena").start_query_execution(
        QueryString="SELECT 1", WorkGroup=stack.outputs["LakeWorkgroupName"]
    )["QueryExecutionId"]
    for name, role in roles.items():
        allowed = OF_THE_LAKE.get(name, frozenset())
        for way, call in lake_ways(role, stack, asked).items():
            if way == "firehose" and way in allowed:
                continue  # it would put a record into the lake that is none
            assert role.allows(call) == (way in allowed), (name, way)

    assert set(OF_THE_LAKE) <= set(roles)
    # Simulated: the emulator asks for the catalogue only, where AWS asks for database and table as well.
    moved = {
        table
        for table in ("bronze_turn_events", "bronze_feedback", "silver_turns", "unit_days", "gold_costs")
        if decision(
            stack,
            roles["rollup_swap"].arn,
            "glue:UpdatePartition",
            f"arn:aws:glue:{REGION}:{ACCOUNT}:table/{stack.outputs['LakeDatabaseName']}/{table}",
        )
    }
    assert moved == {"silver_turns", "unit_days", "gold_costs"}
    own = stack.client("s3")
    for prefix in LAKE_PREFIXES:
        own.delete_object(Bucket=stack.outputs["LakeBucketName"], Key=f"{prefix}/no-such-object")


def test_the_rollup_starts_its_own_statements_and_functions_and_nothing_else(stack: LocalStack) -> None:
    """Simulated, as with the turn's workflow. What reads every table must not reach beyond the lake."""
    machine = stack.outputs["NightlyRollupStateMachineArn"]
    workflow = stack.client("stepfunctions").describe_state_machine(stateMachineArn=machine)["roleArn"]
    may = partial(decision, stack, workflow)
    bucket = f"arn:aws:s3:::{stack.outputs['LakeBucketName']}"
    functions = {
        function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: function["FunctionArn"]
        for page in stack.client("lambda").get_paginator("list_functions").paginate()
        for function in page["Functions"]
        if "POWERTOOLS_SERVICE_NAME" in function.get("Environment", {}).get("Variables", {})
    }
    invoked = {name for name, arn in functions.items() if may("lambda:InvokeFunction", f"{arn}:live")}
    readable = {prefix for prefix in LAKE_PREFIXES if may("s3:GetObject", f"{bucket}/{prefix}/x")}
    writable = {prefix for prefix in LAKE_PREFIXES if may("s3:PutObject", f"{bucket}/{prefix}/x")}
    glue = f"arn:aws:glue:{REGION}:{ACCOUNT}:table/{stack.outputs['LakeDatabaseName']}/gold_costs"

    assert invoked == {name for name in functions if name.startswith("rollup_")} | {"demote_variant"}
    assert readable == {"bronze", "silver", "units", "gold", "results"}
    assert writable == {"silver", "units", "gold", "results"}
    assert not any(may("s3:DeleteObject", f"{bucket}/{prefix}/x") for prefix in LAKE_PREFIXES)
    assert may("glue:GetTable", glue)
    assert not may("glue:UpdatePartition", glue)
    assert not may("s3:GetObject", f"arn:aws:s3:::{stack.outputs['AuditAnchorsBucketName']}/x")
    for table in TABLES:
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{stack.outputs[f'{table}TableName']}"
        assert not may("dynamodb:GetItem", arn), table


@pytest.fixture
def operator(stack: LocalStack) -> Iterator[httpx.Client]:
    """An operator's HTTP client."""
    headers = {"Authorization": stack.operator_token()}
    with httpx.Client(base_url=stack.api_url, headers=headers, timeout=30) as client:
        yield client


def test_every_function_does_its_work_with_its_own_role(
    stack: LocalStack, tables: Tables, person: Client, operator: httpx.Client
) -> None:
    """A turn, what is seen of it, feedback, sessions, an operator's change, the seed and the anchors."""
    # The first calls of all may meet functions that are still starting.
    turns = (person.turn(TELLING).json() for _ in range(5))
    answer = next(turn for turn in turns if turn["reply"]["kind"] == "answer")
    event = tables.event(answer["turn_id"], patience_seconds=20)
    assert event is not None
    assert event["user_id_hash"]["S"]
    assert tables.observation(answer, patience_seconds=45) is not None
    session = answer["session_id"]
    assert person.request("POST", "/v1/feedback", json={"session_id": session, "nps": 9}).status_code == 201
    assert person.request("GET", f"/v1/sessions/{session}").status_code == 200
    assert person.request("DELETE", f"/v1/sessions/{session}").status_code == 200

    assert len(tables.items("Variants")) > 17
    entries = len(tables.items("AuditLog"))
    changed = operator.post(
        "/admin/api/variants/CHAT_UI_LAYOUT",
        headers={"Idempotency-Key": uuid.uuid4().hex},
        json={
            "variant_id": f"probe-{uuid.uuid4().hex[:8]}",
            "description": "Made to see that the function may.",
            "config": operator.get("/admin/api/variants/CHAT_UI_LAYOUT/current").json()["config"],
            "reason": "To see that the function may do it.",
        },
    )
    assert changed.status_code == 201, changed.text
    assert len(tables.items("AuditLog")) == entries + 1
    lambdas = stack.client("lambda")
    anchored = lambdas.invoke(FunctionName=_arn(stack, "audit_anchor"), Payload=b"{}")
    assert "FunctionError" not in anchored, anchored["Payload"].read()
    objects = stack.client("s3").list_objects_v2(Bucket=stack.outputs["AuditAnchorsBucketName"])
    assert objects["KeyCount"] >= 1


def test_no_function_was_refused_anything_so_far(stack: LocalStack) -> None:
    """Whatever the tests before had the functions do, nobody missed a permission and went on degraded."""
    assert refusals(stack) == []


def refusals(stack: LocalStack) -> list[tuple[str, str]]:
    """Return what functions have logged of permissions that they lack: log group and line.

    Tests of faults point functions at tables that are none of theirs; what was logged meanwhile is theirs.
    """
    logs = stack.client("logs")
    found = []
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            for word in ("AccessDenied", "not authorized to perform"):
                events = logs.filter_log_events(
                    logGroupName=group["logGroupName"], filterPattern=f'"{word}"'
                )["events"]
                found += [
                    (group["logGroupName"], event["message"][:300])
                    for event in events
                    if not any(start <= event["timestamp"] <= end for start, end in Functions.meddled)
                ]
    return found


def _arn(stack: LocalStack, folder: str) -> str:
    pages = stack.client("lambda").get_paginator("list_functions").paginate()
    return next(
        str(function["FunctionArn"])
        for page in pages
        for function in page["Functions"]
        if function.get("Environment", {}).get("Variables", {}).get("POWERTOOLS_SERVICE_NAME") == folder
    )
