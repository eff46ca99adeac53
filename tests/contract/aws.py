"""DynamoDB, S3 and Secrets Manager in this process, laid out as the data stack lays them out."""

from collections.abc import Callable
from threading import RLock
from typing import Any

from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_s3 import S3Client

CONVERSATIONS = "conversations"
TURN_EVENTS = "turn-events"
CLAIMS = "idempotency"
LIMITS = "limits"
FEEDBACK = "feedback"
VARIANTS = "variants"
VARIANT_METRICS = "variant-metrics"
AUDIT_LOG = "audit-log"
PROMOTIONS = "promotions"
APPROVALS = "approvals"
PROMPTS = "prompts"
BUCKET = "prompts-bucket"
ANCHORS = "anchors-bucket"


class OneAtATime:
    """A client whose operations happen one after the other, as DynamoDB's own do.

    moto works on plain dictionaries and puts a table back when a transaction fails, so two of its calls that
    overlap can lose each other's writes. Between calls, threads still race as they do on AWS.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = RLock()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if not callable(attribute) or name == "get_paginator":
            return attribute

        def locked(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                return attribute(*args, **kwargs)

        return locked


def create_tables(client: DynamoDBClient) -> None:
    """Create every table."""
    _create(
        client, CONVERSATIONS, {"pk": "HASH", "sk": "RANGE"}, {"user-index": ("user_id_hash", "updated_at")}
    )
    _create(client, TURN_EVENTS, {"turn_id": "HASH"})
    _create(client, CLAIMS, {"claim_key": "HASH"})
    _create(client, LIMITS, {"limit_key": "HASH"})
    _create(
        client,
        FEEDBACK,
        {"feedback_id": "HASH"},
        {"session-index": ("session_id", "created_at"), "time-index": ("feedback_date", "created_at")},
    )
    create_variants(client)
    _create(client, VARIANT_METRICS, {"pk": "HASH", "sk": "RANGE"})
    _create(client, AUDIT_LOG, {"pk": "HASH", "sk": "RANGE"}, {"log-index": ("log", "at")})
    _create(client, PROMOTIONS, {"promotion_id": "HASH"}, {"log-index": ("log", "requested_at")})
    _create(client, APPROVALS, {"pk": "HASH", "sk": "RANGE"}, {"untold-index": ("untold", "opened_at")})
    _create(client, PROMPTS, {"template_id": "HASH", "version": "RANGE"}, numbers=("version",))


def create_variants(client: DynamoDBClient) -> None:
    """Create the table of variants."""
    _create(client, VARIANTS, {"pk": "HASH", "sk": "RANGE"}, {"status-index": ("status", "created_at")})


def create_bucket(client: S3Client) -> None:
    """Create the prompts' bucket."""
    client.create_bucket(Bucket=BUCKET)


def create_anchors(client: S3Client) -> None:
    """Create the anchors' bucket, whose versions cannot be deleted for a year."""
    client.create_bucket(Bucket=ANCHORS, ObjectLockEnabledForBucket=True)
    client.put_object_lock_configuration(
        Bucket=ANCHORS,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 1}},
        },
    )


def _create(
    client: DynamoDBClient,
    name: str,
    key: dict[str, str],
    indexes: dict[str, tuple[str, str]] | None = None,
    numbers: tuple[str, ...] = (),
) -> None:
    attributes = {*key, *(attribute for pair in (indexes or {}).values() for attribute in pair)}
    definition: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": attribute, "KeyType": kind} for attribute, kind in key.items()],
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": "N" if attribute in numbers else "S"}
            for attribute in sorted(attributes)
        ],
    }
    if indexes:
        definition["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": pair[0], "KeyType": "HASH"},
                    {"AttributeName": pair[1], "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, pair in indexes.items()
        ]
    create: Callable[..., Any] = client.create_table
    create(**definition)
