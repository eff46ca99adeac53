"""The anchoring as Lambda calls it: wired from the environment, over simulated AWS."""

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.items import to_item
from tests.contract import aws
from tests.contract.registry_stores import RECORD, aws_registry, grow
from tests.functions.test_turn_handlers import call, handler, run_python
from tests.support.mailbox import Mailbox

MADE = (clients.dynamodb, clients.patient_s3, clients.sns)
REASON = "canaryreason7q"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A history of two entries, an empty bucket, and the mailbox of the people on call."""
    with mock_aws():
        for cached in (*MADE, handler("audit_anchor")._anchor_audit):
            cached.cache_clear()
        dynamodb = boto3.client("dynamodb")
        aws.create_tables(dynamodb)
        aws.create_anchors(boto3.client("s3"))
        made = Mailbox()
        for name, value in {
            "ENVIRONMENT": "test",
            "AWS_REGION": "us-east-1",
            "VARIANTS_TABLE": aws.VARIANTS,
            "AUDIT_LOG_TABLE": aws.AUDIT_LOG,
            "AUDIT_ANCHORS_BUCKET": aws.ANCHORS,
            "OPERATIONS_TOPIC_ARN": made.topic_arn,
        }.items():
            monkeypatch.setenv(name, value)
        grow(aws_registry(dynamodb), 2)
        yield made
        for cached in MADE:
            cached.cache_clear()


def _anchors() -> list[dict[str, Any]]:
    s3 = boto3.client("s3")
    names = [each["Key"] for each in s3.list_objects_v2(Bucket=aws.ANCHORS).get("Contents", [])]
    return [json.loads(s3.get_object(Bucket=aws.ANCHORS, Key=name)["Body"].read()) for name in names]


def test_a_night_leaves_an_anchor(mailbox: Mailbox) -> None:
    """The schedule's event says nothing: all there is to know is in the stores."""
    result = call("audit_anchor", {})

    row = aws_registry(boto3.client("dynamodb")).store.snapshot().records[RECORD.key]
    (anchor,) = _anchors()
    assert anchor["heads"] == {"STARTER_POOL_SIZE/five": [2, row.audit_head]}
    assert anchor["at"] == result["at"]
    assert (result["anchored"], result["entries"], result["findings"]) == (1, 2, 0)
    assert mailbox.told() == []


def test_a_tampered_history_is_told_of_without_a_word_of_it(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alert lies in mailboxes, the log in a console: both get identifiers and counts."""
    key = {"pk": f"VARIANT#{RECORD.category}#{RECORD.variant_id}", "sk": "0000000001"}
    boto3.client("dynamodb").put_item(
        TableName=aws.AUDIT_LOG, Item=to_item({**key, "document": json.dumps({"reason": REASON})})
    )
    logged = io.StringIO()
    # The logger holds on to the standard output that it first met.
    for each in handler("audit_anchor").logger.handlers:
        monkeypatch.setattr(each, "stream", logged)

    result = call("audit_anchor", {})

    (told,) = mailbox.told()
    assert told["first_variant"] == "STARTER_POOL_SIZE/five"
    assert told["first_flaw"] == "changed"
    assert result["findings"] == told["findings"] > 0
    assert _anchors()[0]["heads"] == {}
    assert '"findings":' in logged.getvalue()
    assert REASON not in json.dumps([told, result]) + logged.getvalue()


@pytest.mark.parametrize(
    ("variable", "code"),
    [
        ("VARIANTS_TABLE", "ResourceNotFound"),
        ("AUDIT_LOG_TABLE", "ResourceNotFound"),
        ("AUDIT_ANCHORS_BUCKET", "NoSuch"),
    ],
)
def test_what_cannot_be_reached_fails_the_run(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, variable: str, code: str
) -> None:
    """The alarm on errors is what tells people that nothing was checked."""
    monkeypatch.setenv(variable, "nothing-of-this-name")

    with pytest.raises(Exception, match=code):
        call("audit_anchor", {})
    assert _anchors() == []


def test_importing_the_handler_needs_no_environment() -> None:
    """And no adapter is loaded before the first call."""
    run_python(
        "import functions.audit_anchor.handler, sys\n"
        "assert not [name for name in sys.modules if name.startswith('silent_infinity.adapters')]"
    )
