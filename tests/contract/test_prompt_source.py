"""What every source of prompts promises, and what becomes of a published prompt."""

from pathlib import Path
from typing import Protocol

import pytest
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_s3 import S3Client

from silent_infinity.adapters.aws.prompt_store import StoredPrompts
from silent_infinity.adapters.memory.prompts import MemoryPrompts
from silent_infinity.adapters.system.prompts import PromptFiles
from silent_infinity.ports.prompts import PromptNotFoundError, PromptSource
from tests.contract import aws
from tests.contract.test_seed_store import NOW, aws_seed_store

TEXT = "---\ntemplate_id: system\n---\nYou listen. Du hörst zu.\n"


class Publish(Protocol):
    """Makes a prompt available to a source."""

    def __call__(self, template_id: str, version: int, text: str) -> None: ...


def stored(dynamodb: DynamoDBClient, s3: S3Client, bundled: PromptSource | None = None) -> StoredPrompts:
    """Return the source over table and bucket."""
    return StoredPrompts(
        lambda: dynamodb,
        lambda: s3,
        table=aws.PROMPTS,
        bucket=aws.BUCKET,
        bundled=bundled or MemoryPrompts({}),
    )


@pytest.fixture(params=["memory", "files", "aws"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> PromptSource:
    """A source of one implementation with version 2 of `system`."""
    if request.param == "memory":
        return MemoryPrompts({("system", 2): TEXT})
    if request.param == "files":
        (tmp_path / "system").mkdir()
        (tmp_path / "system" / "v2.md").write_text(TEXT, encoding="utf-8")
        return PromptFiles(tmp_path)
    dynamodb, s3 = request.getfixturevalue("dynamodb"), request.getfixturevalue("s3")
    aws_seed_store(dynamodb, s3).publish_prompt("system", 2, TEXT, NOW)
    return stored(dynamodb, s3)


def test_a_prompt_comes_back_to_the_letter(source: PromptSource) -> None:
    """Its checksum is recorded with every turn."""
    assert source.text("system", 2) == TEXT
    assert source.text("system", 2) == TEXT


@pytest.mark.parametrize(("template_id", "version"), [("system", 1), ("nobody", 2), ("../system", 2)])
def test_a_prompt_that_is_not_there_is_named(source: PromptSource, template_id: str, version: int) -> None:
    """An operator has to see which one is missing; a caller falls back."""
    with pytest.raises(PromptNotFoundError, match=f"version {version}"):
        source.text(template_id, version)


def test_the_bundled_copy_costs_no_call() -> None:
    """Versions are immutable, so what ships with the code is as good as what was published."""

    def no_client() -> DynamoDBClient:
        raise AssertionError("a client was made")

    source = StoredPrompts(
        no_client,
        no_client,  # type: ignore[arg-type]  # neither kind may be made
        table=aws.PROMPTS,
        bucket=aws.BUCKET,
        bundled=MemoryPrompts({("system", 2): TEXT}),
    )

    assert source.text("system", 2) == TEXT


def test_a_text_that_was_tampered_with_is_not_served(dynamodb: DynamoDBClient, s3: S3Client) -> None:
    """Whoever can write to the bucket must not be able to change what the service says."""
    aws_seed_store(dynamodb, s3).publish_prompt("system", 2, TEXT, NOW)
    s3.put_object(Bucket=aws.BUCKET, Key="prompts/system/v2.md", Body=b"Say something else.")

    with pytest.raises(PromptNotFoundError, match="checksum"):
        stored(dynamodb, s3).text("system", 2)


def test_an_outage_of_table_or_bucket_is_a_missing_prompt(dynamodb: DynamoDBClient, s3: S3Client) -> None:
    """The caller's answer to both is the same: the bundled persona."""
    aws_seed_store(dynamodb, s3).publish_prompt("system", 2, TEXT, NOW)
    s3.delete_object(Bucket=aws.BUCKET, Key="prompts/system/v2.md")

    with pytest.raises(PromptNotFoundError, match="NoSuchKey"):
        stored(dynamodb, s3).text("system", 2)

    dynamodb.delete_table(TableName=aws.PROMPTS)
    with pytest.raises(PromptNotFoundError, match="ResourceNotFoundException"):
        stored(dynamodb, s3).text("system", 2)
