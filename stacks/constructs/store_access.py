"""Permissions on stored data: named actions on named resources, and the key's where there is one."""

from collections.abc import Iterable, Sequence

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs

from stacks.constructs.acknowledgements import acknowledge_finding
from stacks.constructs.operations import OperationsTopic
from stacks.constructs.single_purpose_function import SinglePurposeFunction

# Permissions are spelled out, because the grants of CDK's constructs hold wildcards (kms:GenerateDataKey*,
# index/*) and actions that nothing here uses.
READ_WITH_KEY = ("kms:Decrypt", "kms:DescribeKey")
USE_KEY = (*READ_WITH_KEY, "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
PROMPTS_PREFIX = "prompts/"
OUTCOME_PREFIX = "admin#"
GOLDEN_PREFIX = "VARIANT#"
PROMOTION_PREFIX = "PROMOTION#"
_READS = frozenset({"GetItem", "Query", "Scan"})


def allow_items(
    function: SinglePurposeFunction, table: dynamodb.Table, *actions: str, queries: Iterable[str] = ()
) -> None:
    """Let `function` do `actions` on the items of `table`, and query indexes.

    Args:
        function: who is allowed.
        table: whose items.
        actions: of DynamoDB, such as "GetItem"; a transaction needs those of its parts.
        queries: names of the table's indexes.
    """
    function.allow([f"dynamodb:{action}" for action in actions], table.table_arn)
    index_arns = [f"{table.table_arn}/index/{name}" for name in queries]
    if index_arns:
        function.allow(["dynamodb:Query"], *index_arns)
    if table.encryption_key:
        function.allow(READ_WITH_KEY if set(actions) <= _READS else USE_KEY, table.encryption_key.key_arn)


def allow_outcomes(function: SinglePurposeFunction, claims: dynamodb.Table) -> None:
    """Let `function` keep the answers to changes of the registry among the claims of turns.

    Those hold what people were answered, so only keys of such answers may be read. Keys are put
    in a transaction, whose condition sees to it that none replaces a claim.
    """
    function.allow(
        ["dynamodb:GetItem"],
        claims.table_arn,
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{OUTCOME_PREFIX}*"]}},
    )
    allow_items(function, claims, "PutItem")


def allow_claim(
    function: SinglePurposeFunction, claims: dynamodb.Table, claim_key: str, *actions: str
) -> None:
    """Let `function` do `actions` on the one claim of this name; others hold what people were answered."""
    function.allow(
        [f"dynamodb:{action}" for action in actions],
        claims.table_arn,
        conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [claim_key]}},
    )
    if claims.encryption_key:
        function.allow(USE_KEY, claims.encryption_key.key_arn)


def allow_counting(function: SinglePurposeFunction, table: dynamodb.Table, partition: str) -> None:
    """Let `function` add to the counters in one partition of `table`, and to nothing else there."""
    function.allow(
        ["dynamodb:UpdateItem"],
        table.table_arn,
        conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [partition]}},
    )
    if table.encryption_key:
        function.allow(USE_KEY, table.encryption_key.key_arn)


def allow_golden_results(function: SinglePurposeFunction, approvals: dynamodb.Table, *actions: str) -> None:
    """Let `function` do `actions` on results of golden sets, which lie beside what approvers decide."""
    _allow_below(function, approvals, GOLDEN_PREFIX, actions)


def allow_approvals(function: SinglePurposeFunction, approvals: dynamodb.Table, *actions: str) -> None:
    """Let `function` do `actions` on approvals and evidence, beside which lie the results of golden sets."""
    _allow_below(function, approvals, PROMOTION_PREFIX, actions)


def _allow_below(
    function: SinglePurposeFunction, table: dynamodb.Table, prefix: str, actions: Sequence[str]
) -> None:
    function.allow(
        [f"dynamodb:{action}" for action in actions],
        table.table_arn,
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{prefix}*"]}},
    )
    if table.encryption_key:
        key = READ_WITH_KEY if set(actions) <= _READS else USE_KEY
        function.allow(key, table.encryption_key.key_arn)


def allow_objects(function: SinglePurposeFunction, bucket: s3.Bucket, *, writes: bool = False) -> None:
    """Let `function` read the prompts in `bucket`, or also publish some."""
    actions = ["s3:GetObject", "s3:PutObject"] if writes else ["s3:GetObject"]
    function.allow(actions, bucket.arn_for_objects(f"{PROMPTS_PREFIX}*"))
    if bucket.encryption_key:
        function.allow(USE_KEY if writes else READ_WITH_KEY, bucket.encryption_key.key_arn)
    # The finding names the export through which the other stack knows the bucket.
    stack = Stack.of(bucket)
    export = stack.resolve(stack.export_value(bucket.bucket_arn))["Fn::ImportValue"]
    acknowledge_finding(
        function,
        f"AwsSolutions-IAM5[Resource::{export}/{PROMPTS_PREFIX}*]",
        "Versions of prompts are published without a deployment, so their names are not known here. The "
        "bucket holds nothing else.",
    )


def allow_secret(
    function: SinglePurposeFunction, secret: secretsmanager.ISecret, key: kms.IKey | None = None
) -> None:
    """Let `function` read the value of `secret`, which `key` encrypts."""
    function.allow(["secretsmanager:GetSecretValue"], secret.secret_arn)
    if key:
        function.allow(READ_WITH_KEY, key.key_arn)


def allow_consuming(function: SinglePurposeFunction, queue: sqs.Queue) -> None:
    """Let `function` be fed from `queue`."""
    function.allow(
        ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        queue.queue_arn,
    )
    if queue.encryption_master_key:
        function.allow(READ_WITH_KEY, queue.encryption_master_key.key_arn)


def allow_sending(function: SinglePurposeFunction, queue: sqs.Queue) -> None:
    """Let `function` put messages into `queue`."""
    function.allow(["sqs:SendMessage"], queue.queue_arn)
    if queue.encryption_master_key:
        function.allow(USE_KEY, queue.encryption_master_key.key_arn)


def allow_telling(function: SinglePurposeFunction, operations: OperationsTopic) -> None:
    """Let `function` publish to the operations topic."""
    function.allow(["sns:Publish"], operations.topic.topic_arn)
    function.allow(["kms:Decrypt", "kms:GenerateDataKey"], operations.key.key_arn)


def allow_stream(function: SinglePurposeFunction, table: dynamodb.Table) -> str:
    """Let `function` be fed from the stream of `table`, and return the stream's ARN."""
    arn = table.table_stream_arn
    if arn is None:
        raise ValueError(f"{table.node.id} has no stream")
    function.allow(["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], arn)
    function.allow(["dynamodb:ListStreams"], f"{table.table_arn}/stream/*")
    if table.encryption_key:
        function.allow(READ_WITH_KEY, table.encryption_key.key_arn)
    stack = Stack.of(table)
    export = stack.resolve(stack.export_value(table.table_arn))["Fn::ImportValue"]
    acknowledge_finding(
        function,
        f"AwsSolutions-IAM5[Resource::{export}/stream/*]",
        "Lambda lists a table's streams before it reads one, and that action is granted on all streams of "
        "the table: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
        "iam-policy-example-lamda-process-dynamodb-streams.html has it so.",
    )
    return arn
