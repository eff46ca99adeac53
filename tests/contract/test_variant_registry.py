"""The registry of variants on DynamoDB: fresh, cached, and when the table is not what it should be."""

from datetime import UTC, datetime
from typing import Any

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.seeding import AwsSeedStore
from silent_infinity.adapters.aws.variants import DynamoVariantRegistry
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.variants import MemoryVariants
from silent_infinity.domain.initial_variants import initial_variant_rows, initial_variants
from silent_infinity.domain.variants import Variant, production
from silent_infinity.ports.variants import VariantRegistry
from tests.contract import aws


@pytest.fixture
def clock() -> FixedClock:
    """A clock that the tests move."""
    return FixedClock(datetime(2026, 11, 21, 9, 0, tzinfo=UTC))


@pytest.fixture
def registry(dynamodb: DynamoDBClient, clock: FixedClock) -> DynamoVariantRegistry:
    """A registry over an empty table, kept for five seconds."""
    return DynamoVariantRegistry(
        dynamodb, aws.VARIANTS, clock=clock, initial=initial_variants, keep_seconds=5
    )


@pytest.fixture
def seeded(dynamodb: DynamoDBClient) -> DynamoDBClient:
    """The table after a first deployment."""
    store = AwsSeedStore(dynamodb, None, variants_table=aws.VARIANTS, prompts_table="", prompts_bucket="")  # type: ignore[arg-type]  # variants need no bucket
    for row in initial_variant_rows():
        store.put_variant_if_absent(row)
    return dynamodb


def change(client: DynamoDBClient, category: str, variant_id: str, **values: Any) -> None:
    """Change attributes of a stored variant, as an operator's tool does."""
    key = {"pk": f"VARIANT#{category}", "sk": variant_id}
    item = client.get_item(TableName=aws.VARIANTS, Key=to_item(key)).get("Item", to_item(key))
    client.put_item(TableName=aws.VARIANTS, Item={**item, **to_item(values)})


def by_id(registry: VariantRegistry) -> dict[tuple[str, str], Variant]:
    """Return what the registry answers, by category and id."""
    return {(variant.category, variant.variant_id): variant for variant in registry.active()}


def test_a_seeded_table_gives_what_the_memory_registry_gives(
    seeded: DynamoDBClient, registry: DynamoVariantRegistry
) -> None:
    """Rows must survive the table: ranges, configurations, numbers. Retired ones are left out."""
    expected = by_id(MemoryVariants(initial_variants()))

    assert by_id(registry) == expected
    assert ("SYSTEM_PROMPT", "v1-sha-baseline") not in expected
    assert registry.stale is False


def test_a_ramp_is_read_with_its_ranges(seeded: DynamoDBClient, registry: DynamoVariantRegistry) -> None:
    """Ranges decide who is in an experiment; they must come back as they were written."""
    change(
        seeded, "SYSTEM_PROMPT", "v3-sha-empathy-rewrite", ranges=[[0, 500], [700, 800]], rollout_percent=6
    )

    variant = by_id(registry)["SYSTEM_PROMPT", "v3-sha-empathy-rewrite"]
    assert [tuple(pair) for pair in variant.ranges] == [(0, 500), (700, 800)]
    assert variant.rollout_percent == 6


def test_a_change_is_seen_once_the_answer_is_old(
    seeded: DynamoDBClient, registry: DynamoVariantRegistry, clock: FixedClock
) -> None:
    """A pause must act soon, and not every turn can afford to read the table."""
    registry.active()
    change(seeded, "LLM_MODEL", "claude-opus-4-7", status="retired")

    clock.advance(4.9)
    assert ("LLM_MODEL", "claude-opus-4-7") in by_id(registry)

    clock.advance(0.1)
    assert ("LLM_MODEL", "claude-opus-4-7") not in by_id(registry)


def test_an_unseeded_table_gives_the_initial_production_variants(registry: DynamoVariantRegistry) -> None:
    """Between the creation of the table and its seeding, turns are already served."""
    assert production(registry.active()) == production(initial_variants())
    assert registry.stale is True


def test_a_category_without_production_falls_back_alone(
    seeded: DynamoDBClient, registry: DynamoVariantRegistry
) -> None:
    """One category that somebody broke must not take the others out of the experiments."""
    change(seeded, "LLM_MODEL", "claude-sonnet-4-6", status="staged")
    change(seeded, "SYSTEM_PROMPT", "v2-sha-current", description="changed")

    defaults = production(registry.active())
    assert defaults["LLM_MODEL"].variant_id == "claude-sonnet-4-6"
    assert by_id(registry)["SYSTEM_PROMPT", "v2-sha-current"].description == "changed"
    assert registry.stale is True


def test_a_malformed_row_is_left_out_and_reported(
    seeded: DynamoDBClient, registry: DynamoVariantRegistry
) -> None:
    """A row that cannot be read is no reason to stop serving the readable ones."""
    seeded.put_item(TableName=aws.VARIANTS, Item=to_item({"pk": "VARIANT#LLM_MODEL", "sk": "half"}))

    assert ("LLM_MODEL", "claude-sonnet-4-6") in by_id(registry)
    assert registry.stale is True


def test_the_last_known_answer_survives_an_outage(
    seeded: DynamoDBClient, registry: DynamoVariantRegistry, clock: FixedClock
) -> None:
    """Sessions stay in their arms while the table is down, and not every turn waits for it."""
    change(seeded, "LLM_MODEL", "mistral-large", status="canary")
    known = by_id(registry)
    seeded.delete_table(TableName=aws.VARIANTS)
    clock.advance(5)

    assert by_id(registry) == known
    assert registry.stale is True

    aws.create_variants(seeded)
    clock.advance(4.9)
    assert by_id(registry) == known


def test_a_registry_that_never_answered_gives_the_initial_population(
    dynamodb: DynamoDBClient, registry: DynamoVariantRegistry, clock: FixedClock
) -> None:
    """A cold start during an outage still knows what production is."""
    dynamodb.delete_table(TableName=aws.VARIANTS)

    assert by_id(registry) == by_id(MemoryVariants(initial_variants()))
    assert registry.stale is True
