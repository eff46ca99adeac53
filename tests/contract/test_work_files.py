"""Work files: in memory and in a bucket."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mypy_boto3_s3 import S3Client

from silent_infinity.adapters.aws.work_files import S3WorkFiles
from silent_infinity.adapters.memory.work_files import MemoryWorkFiles
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.work_files import WorkFiles
from tests.contract import aws

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(params=["memory", "aws"])
def files(request: pytest.FixtureRequest) -> WorkFiles:
    """No files, of each kind."""
    if request.param == "memory":
        return MemoryWorkFiles()
    client: S3Client = request.getfixturevalue("s3")
    return S3WorkFiles(lambda: client, aws.BUCKET)


@given(lines=st.lists(JSON, max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read(files: WorkFiles, lines: list[Any]) -> None:
    """Line ends of Unicode, which people type, are no ends of a line of JSON."""
    files.write("a/b.jsonl", lines)

    assert files.read("a/b.jsonl") == lines


def test_a_line_may_hold_every_separator(files: WorkFiles) -> None:
    """The ones that `str.splitlines` would part a line at."""
    line = {"said": "one\u2028two\u2029three\x85four\x0bfive\nsix"}
    files.write("f", [line])

    assert files.read("f") == [line]


def test_a_file_that_is_not_there_is_none(files: WorkFiles) -> None:
    """None is something else than empty."""
    files.write("empty", [])

    assert files.read("missing") is None
    assert files.read("empty") == []


def test_files_are_listed_and_removed_by_prefix(files: WorkFiles) -> None:
    """A run's own, and nobody else's."""
    for name in ("run-1/b", "run-1/a", "run-10/a", "run-2/a"):
        files.write(name, [1])

    assert list(files.names("run-1/")) == ["run-1/a", "run-1/b"]
    assert files.remove("run-1/") == 2
    assert files.remove("run-1/") == 0
    assert list(files.names("")) == ["run-10/a", "run-2/a"]


def test_more_files_than_one_request_takes_are_removed(files: WorkFiles) -> None:
    """S3 lists and deletes a thousand at a time."""
    for number in range(1003):
        files.write(f"many/{number:04d}", [])

    assert files.remove("many/") == 1003
    assert list(files.names("many/")) == []


def test_a_bucket_that_is_not_there_is_unavailable(s3: S3Client) -> None:
    """And the error holds its code only."""
    files = S3WorkFiles(lambda: s3, "no-such-bucket")

    with pytest.raises(StoreUnavailableError, match=r"^NoSuchBucket$"):
        files.write("f", ["words"])
    with pytest.raises(StoreUnavailableError, match=r"^NoSuchBucket$"):
        files.read("f")
