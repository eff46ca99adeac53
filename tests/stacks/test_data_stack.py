"""The stores: keys, indexes and streams, as the adapters use them."""

import re
from typing import Any

import pytest

from tests.stacks.synthesised import Application

TABLES = {
    "Conversations": (("pk", "S"), ("sk", "S")),
    "TurnEvents": (("turn_id", "S"),),
    "Feedback": (("feedback_id", "S"),),
    "Prompts": (("template_id", "S"), ("version", "N")),
    "Variants": (("pk", "S"), ("sk", "S")),
    "VariantMetrics": (("pk", "S"), ("sk", "S")),
    "AuditLog": (("pk", "S"), ("sk", "S")),
    "Promotions": (("promotion_id", "S"),),
    "Approvals": (("pk", "S"), ("sk", "S")),
    "Idempotency": (("claim_key", "S"),),
    "Limits": (("limit_key", "S"),),
}
INDEXES = {
    ("Conversations", "user-index"): ("user_id_hash", "updated_at", "KEYS_ONLY"),
    ("Feedback", "session-index"): ("session_id", "created_at", "ALL"),
    ("Feedback", "time-index"): ("feedback_date", "created_at", "ALL"),
    ("Variants", "status-index"): ("status", "created_at", "ALL"),
    ("AuditLog", "log-index"): ("log", "at", "ALL"),
    ("Promotions", "log-index"): ("log", "requested_at", "ALL"),
    ("Approvals", "untold-index"): ("untold", "opened_at", "KEYS_ONLY"),
}


def tables(application: Application) -> dict[str, dict[str, Any]]:
    """Return the tables' properties by their short names."""
    found = application.properties("AWS::DynamoDB::Table")
    return {re.sub(r"[0-9A-F]{8}$", "", name.partition("/")[2]): table for name, table in found.items()}


def test_tables_have_the_keys_that_the_adapters_write(application: Application) -> None:
    """A key cannot be changed later: the table would be replaced, and its content lost."""
    keys = {}
    for name, table in tables(application).items():
        types = {entry["AttributeName"]: entry["AttributeType"] for entry in table["AttributeDefinitions"]}
        keys[name] = tuple((key["AttributeName"], types[key["AttributeName"]]) for key in table["KeySchema"])

    assert keys == TABLES


def test_indexes_answer_the_queries_that_there_are(application: Application) -> None:
    """The index by user holds keys only: it needs no second copy of what somebody wrote."""
    indexes = {}
    for name, table in tables(application).items():
        for index in table.get("GlobalSecondaryIndexes", []):
            keys = [key["AttributeName"] for key in index["KeySchema"]]
            indexes[name, index["IndexName"]] = (*keys, index["Projection"]["ProjectionType"])

    assert indexes == INDEXES


def test_events_feedback_and_promotions_have_streams_of_new_images(application: Application) -> None:
    """The lake and the sentinel read the first two, and a promotion that was asked for starts its workflow; a
    stream that is added later misses what came before.
    """
    streams = {
        name: table["StreamSpecification"]["StreamViewType"]
        for name, table in tables(application).items()
        if "StreamSpecification" in table
    }

    assert streams == {"TurnEvents": "NEW_IMAGE", "Feedback": "NEW_IMAGE", "Promotions": "NEW_IMAGE"}


@pytest.mark.parametrize("name", ["UserSalt", "ApprovalLinks"])
def test_secrets_are_made_by_aws_and_nobody_has_seen_them(application: Application, name: str) -> None:
    """Who knows the salt can find out which pseudonym is whose; who has the key of links may approve."""
    secret = application.named("AWS::SecretsManager::Secret", name)

    assert "SecretString" not in secret
    assert secret["GenerateSecretString"]["PasswordLength"] == 64


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_data_of_real_people_outlives_its_stack(name: str, applications: dict[str, Application]) -> None:
    """A stack that is destroyed by mistake must not take conversations, pseudonyms or accounts with it."""
    application = applications[name]
    for kind in (
        "AWS::DynamoDB::Table",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
        "AWS::KMS::Key",
        "AWS::Cognito::UserPool",
    ):
        for resource, declared in application.resources(kind).items():
            if resource.startswith("Background/WeeklySynthesisWorkFiles"):
                continue  # what a run works with, for a day at most: the summaries themselves lie in a table
            assert declared["DeletionPolicy"] == "Retain", resource
            assert declared["UpdateReplacePolicy"] == "Retain", resource
