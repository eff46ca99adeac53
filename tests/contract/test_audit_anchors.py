"""What all anchors of the audit log promise: what was kept once is what is read, whatever came later."""

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from silent_infinity.adapters.aws.audit_anchors import S3AuditAnchors
from silent_infinity.adapters.memory.variant_store import MemoryAnchors
from silent_infinity.domain.audit import Heads
from silent_infinity.ports.audit_log import AuditAnchors
from silent_infinity.ports.errors import StoreUnavailableError
from tests.contract import aws
from tests.contract.threads import at_once

FIRST = Heads("2026-11-21T03:15:00+00:00", {"LLM_MODEL/a": (3, "aa"), "TOPIC_HIERARCHY/flat": (1, "bb")})
SECOND = Heads("2026-11-21T03:15:00.250000+00:00", {"LLM_MODEL/a": (4, "cc")})
NAME = "anchors/2026/11/21/031500Z.json"


@pytest.fixture
def locked(s3: S3Client) -> S3Client:
    """The anchors' bucket, empty."""
    aws.create_anchors(s3)
    return s3


@pytest.fixture(params=["memory", "aws"])
def anchors(request: pytest.FixtureRequest) -> AuditAnchors:
    """No anchors, of one implementation."""
    if request.param == "memory":
        return MemoryAnchors()
    client: S3Client = request.getfixturevalue("locked")
    return S3AuditAnchors(lambda: client, aws.ANCHORS)


def test_anchors_are_read_as_they_were_kept(anchors: AuditAnchors) -> None:
    """In the order of time, whenever they were written."""
    assert list(anchors.all()) == []

    anchors.put(SECOND)
    anchors.put(FIRST)

    assert list(anchors.all()) == [FIRST, SECOND]


def test_an_anchor_is_kept_once(anchors: AuditAnchors) -> None:
    """A night that is run again must not put other heads in the place of those that were kept."""
    anchors.put(FIRST)

    anchors.put(Heads(FIRST.at, {"LLM_MODEL/a": (2, "99")}))

    assert list(anchors.all()) == [FIRST]


def test_of_many_writers_one_keeps_its_heads(anchors: AuditAnchors) -> None:
    """A schedule delivers at least once."""
    at_once(8, lambda number: anchors.put(Heads(FIRST.at, {"LLM_MODEL/a": (number, "aa")})))

    assert len(anchors.all()) == 1


def test_many_anchors_are_read(anchors: AuditAnchors) -> None:
    """A thousand nights are more than one page of a listing."""
    days = [f"2026-{1 + n // 28:02}-{1 + n % 28:02}T03:15:00+00:00" for n in range(300)]
    for day in days:
        anchors.put(Heads(day, {}))

    assert [heads.at for heads in anchors.all()] == days


def test_what_is_written_over_an_anchor_is_not_read(locked: S3Client) -> None:
    """Object Lock protects versions, not names: a later version or a marker must not hide the first one."""
    anchors = S3AuditAnchors(lambda: locked, aws.ANCHORS)
    anchors.put(FIRST)
    locked.put_object(Bucket=aws.ANCHORS, Key=NAME, Body=b'{"at": "2026", "heads": {}}')
    locked.delete_object(Bucket=aws.ANCHORS, Key=NAME)

    assert list(anchors.all()) == [FIRST]


def test_a_second_write_adds_no_version(locked: S3Client) -> None:
    """A night that runs twice must not look like somebody who writes over an anchor."""
    anchors = S3AuditAnchors(lambda: locked, aws.ANCHORS)
    anchors.put(FIRST)
    anchors.put(FIRST)

    assert len(locked.list_object_versions(Bucket=aws.ANCHORS)["Versions"]) == 1


def test_an_anchor_cannot_be_deleted(locked: S3Client) -> None:
    """That is what it is for; every anchor takes the bucket's retention without asking for it."""
    S3AuditAnchors(lambda: locked, aws.ANCHORS).put(FIRST)
    (version,) = locked.list_object_versions(Bucket=aws.ANCHORS)["Versions"]

    with pytest.raises(ClientError, match="AccessDenied"):
        locked.delete_object(Bucket=aws.ANCHORS, Key=NAME, VersionId=version["VersionId"])


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"at": "2026", "heads": {"a": [1]}}', b"\xff"])
def test_what_is_no_anchor_is_not_passed_over(locked: S3Client, body: bytes) -> None:
    """Somebody wrote there who should not have: a check that goes on without it would say all is well."""
    locked.put_object(Bucket=aws.ANCHORS, Key=NAME, Body=body)

    with pytest.raises(StoreUnavailableError, match=r"^AnchorNotReadable$"):
        S3AuditAnchors(lambda: locked, aws.ANCHORS).all()


def test_a_bucket_that_is_not_there_is_unavailable(s3: S3Client) -> None:
    """And the error holds its code only."""
    anchors = S3AuditAnchors(lambda: s3, "no-such-bucket")

    with pytest.raises(StoreUnavailableError, match=r"^NoSuchBucket$"):
        anchors.put(FIRST)
    with pytest.raises(StoreUnavailableError, match=r"^NoSuchBucket$"):
        anchors.all()
