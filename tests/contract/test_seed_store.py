"""What every store of reference data promises: it adds, and never overwrites."""

import pytest
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_s3 import S3Client

from silent_infinity.adapters.aws.seeding import AwsSeedStore
from silent_infinity.adapters.memory.seeding import MemorySeedStore
from silent_infinity.domain.initial_variants import initial_variant_rows
from silent_infinity.ports.seeding import PromptChangedError, SeedStore
from tests.contract import aws
from tests.contract.threads import at_once

NOW = "2026-11-21T09:00:00+00:00"


@pytest.fixture(params=["memory", "aws"])
def seed_store(request: pytest.FixtureRequest) -> SeedStore:
    """An empty store of one implementation."""
    if request.param == "memory":
        return MemorySeedStore()
    s3: S3Client = request.getfixturevalue("s3")
    return aws_seed_store(request.getfixturevalue("dynamodb"), s3)


def aws_seed_store(dynamodb: DynamoDBClient, s3: S3Client) -> AwsSeedStore:
    """Return the store on AWS."""
    return AwsSeedStore(
        dynamodb, s3, variants_table=aws.VARIANTS, prompts_table=aws.PROMPTS, prompts_bucket=aws.BUCKET
    )


def test_a_variant_is_put_once(seed_store: SeedStore) -> None:
    """Every deployment seeds; the second one must find nothing to do."""
    rows = initial_variant_rows()

    assert [seed_store.put_variant_if_absent(row) for row in rows] == [True] * len(rows)
    assert [seed_store.put_variant_if_absent(row) for row in rows] == [False] * len(rows)


def test_what_operators_changed_stays(dynamodb: DynamoDBClient, s3: S3Client) -> None:
    """A deployment that resets a paused variant would put people back into a failed experiment."""
    store = aws_seed_store(dynamodb, s3)
    row = {**initial_variant_rows()[0], "status": "retired"}
    store.put_variant_if_absent(row)

    store.put_variant_if_absent(initial_variant_rows()[0])

    (item,) = dynamodb.scan(TableName=aws.VARIANTS)["Items"]
    assert item["status"] == {"S": "retired"}
    assert item["pk"] == {"S": "VARIANT#LLM_MODEL"}
    assert item["sk"] == {"S": "claude-sonnet-4-6"}


def test_a_prompt_is_published_once(seed_store: SeedStore) -> None:
    """The same version with the same text is the normal case of a second deployment."""
    assert seed_store.publish_prompt("system", 2, "You listen.", NOW) is True
    assert seed_store.publish_prompt("system", 2, "You listen.", NOW) is False
    assert seed_store.publish_prompt("system", 3, "You listen well.", NOW) is True


def test_a_published_version_does_not_change(seed_store: SeedStore) -> None:
    """Turn events name a version; if its text could change, they would say nothing."""
    seed_store.publish_prompt("system", 2, "You listen.", NOW)

    with pytest.raises(PromptChangedError) as caught:
        seed_store.publish_prompt("system", 2, "You talk.", NOW)

    assert str(caught.value) == "system version 2"


def test_concurrent_deployments_publish_one_text(seed_store: SeedStore) -> None:
    """Two pipelines at once: one wins, and the other with another text is told."""

    def publish(number: int) -> str:
        try:
            return str(seed_store.publish_prompt("system", 2, f"text {number % 2}", NOW))
        except PromptChangedError:
            return "changed"

    outcomes = at_once(8, publish)

    assert outcomes.count("True") == 1
    assert outcomes.count("False") == 3
    assert outcomes.count("changed") == 4
