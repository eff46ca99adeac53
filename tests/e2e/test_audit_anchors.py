"""The audit log over the deployed stack: anchored under lock, and loud when somebody has been at it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.stack.stack import LocalStack

KEY = {"pk": {"S": "VARIANT#TOPIC_HIERARCHY#flat"}, "sk": {"S": "0000000001"}}
NAME = "TOPIC_HIERARCHY/flat"
SUBJECT = "Audit log of variants: a history does not hold"


def _anchored(stack: LocalStack) -> dict[str, Any]:
    """Run the night's work with the function's own role and return its counts."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["AuditAnchorFunctionName"], Qualifier="live", Payload=b"{}"
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
    counts: dict[str, Any] = json.loads(answer["Payload"].read())
    return counts


def _versions(stack: LocalStack) -> list[dict[str, Any]]:
    listed = stack.client("s3").list_object_versions(Bucket=stack.outputs["AuditAnchorsBucketName"])
    found: list[dict[str, Any]] = listed.get("Versions", [])
    return sorted(found, key=lambda version: version["Key"])


def _heads(stack: LocalStack, version: dict[str, Any]) -> dict[str, Any]:
    found = stack.client("s3").get_object(
        Bucket=stack.outputs["AuditAnchorsBucketName"], Key=version["Key"], VersionId=version["VersionId"]
    )
    heads: dict[str, Any] = json.loads(found["Body"].read())["heads"]
    return heads


def _mails(stack: LocalStack, patience_seconds: float) -> list[dict[str, Any]]:
    """Return the mails about histories, waiting for the first of them for as long as is asked."""
    deadline = time.monotonic() + patience_seconds
    while True:
        found = [mail for mail in stack.outbox_messages() if mail["Subject"] == SUBJECT]
        if found or time.monotonic() >= deadline:
            return found
        time.sleep(0.25)


@pytest.fixture
def removed(stack: LocalStack) -> Iterator[None]:
    """The first entry of a history is gone, as only an account's administrator could do it."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["AuditLogTableName"]
    item = dynamodb.get_item(TableName=table, Key=KEY)["Item"]
    dynamodb.delete_item(TableName=table, Key=KEY)
    yield
    dynamodb.put_item(TableName=table, Item=item)


def test_a_night_anchors_every_variant_that_was_deployed(stack: LocalStack) -> None:
    """The seed began a history for each of them; the role is just enough to read all and to add an anchor."""
    counts = _anchored(stack)
    heads = _heads(stack, _versions(stack)[-1])

    table = stack.outputs["VariantsTableName"]
    rows = stack.client("dynamodb").scan(TableName=table)["Items"]
    variants = {f"{row['category']['S']}/{row['variant_id']['S']}" for row in rows if "category" in row}
    assert counts["findings"] == 0
    assert set(heads) == variants
    assert counts["entries"] >= counts["anchored"] == len(variants)


def test_an_anchor_cannot_be_deleted(stack: LocalStack) -> None:
    """Not by whoever deployed the stack either, unless they may pass the lock of a trial and say so."""
    _anchored(stack)
    version = _versions(stack)[-1]

    with pytest.raises(ClientError, match="AccessDenied"):
        stack.client("s3").delete_object(
            Bucket=stack.outputs["AuditAnchorsBucketName"],
            Key=version["Key"],
            VersionId=version["VersionId"],
        )


@pytest.mark.usefixtures("removed")
def test_a_removed_entry_is_told_of_the_next_night(stack: LocalStack) -> None:
    """People on call get the variant and the number; the other histories are anchored all the same."""
    stack.outbox_messages()

    counts = _anchored(stack)
    mails = _mails(stack, patience_seconds=10)

    assert counts["findings"] >= 1
    assert [json.loads(mail["Message"])["first_variant"] for mail in mails] == [NAME]
    assert NAME not in _heads(stack, _versions(stack)[-1])
    assert counts["anchored"] == len(_heads(stack, _versions(stack)[-1])) > 0
