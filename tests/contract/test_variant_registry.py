"""The registry of variants on DynamoDB: fresh, cached, and when the table is not what it should be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.registry_items import registry_key, variant_item
from silent_infinity.adapters.aws.variants import DynamoVariantRegistry
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.variant_store import MemoryAnchors, MemoryVariantStore
from silent_infinity.adapters.memory.variants import MemoryVariants, StoredVariants
from silent_infinity.domain.initial_variants import initial_variant_records, initial_variants
from silent_infinity.domain.pending import Pending
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variants import Variant, production
from silent_infinity.ports.variants import VariantRegistry
from silent_infinity.usecases.verify_audit import VerifyAudit
from tests.contract import aws
from tests.contract.registry_stores import aws_registry


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
    puts: list[WriteRequestTypeDef] = [
        {"PutRequest": {"Item": variant_item(record)}} for record in initial_variant_records()
    ]
    for start in range(0, len(puts), 25):
        dynamodb.batch_write_item(RequestItems={aws.VARIANTS: puts[start : start + 25]})
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


COOLDOWN = 300
START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
INCUMBENT = VariantRecord("SYSTEM_PROMPT", "v2", "production", rollout_percent=100)
SUCCESSOR = VariantRecord("SYSTEM_PROMPT", "v3", "canary", rollout_percent=10, ranges=((0, 1000),))

Start = Callable[[list[VariantRecord]], VariantRegistry]


def waiting(record: VariantRecord, seconds: float = COOLDOWN, **changes: Any) -> VariantRecord:
    """Return the row with a change that takes effect so many seconds after the start."""
    due = (START + timedelta(seconds=seconds)).isoformat()
    pending = Pending("change-1", "promote", START.isoformat(), "operator:1", due, changes)
    return replace(record, pending=pending)


@pytest.fixture(params=["memory", "dynamodb"])
def start(request: pytest.FixtureRequest, dynamodb: DynamoDBClient, clock: FixedClock) -> Start:
    """Makes a registry, of each kind, that reads the given rows."""

    def in_memory(records: list[VariantRecord]) -> VariantRegistry:
        return StoredVariants(MemoryVariantStore(clock, records), clock)

    def on_aws(records: list[VariantRecord]) -> VariantRegistry:
        for record in records:
            dynamodb.put_item(TableName=aws.VARIANTS, Item=variant_item(record))
        return DynamoVariantRegistry(
            dynamodb, aws.VARIANTS, clock=clock, initial=tuple, keep_seconds=2 * COOLDOWN
        )

    return in_memory if request.param == "memory" else on_aws


def served(registry: VariantRegistry) -> str:
    """Return the persona that a session in no arm gets."""
    return registry.plan().production()["SYSTEM_PROMPT"].variant_id


def test_a_pending_change_takes_effect_on_time_on_all_its_rows(start: Start, clock: FixedClock) -> None:
    """Nobody comes by when a cooldown ends, and what is remembered may be older than the change."""
    registry = start(
        [
            waiting(INCUMBENT, status="canary", rollout_percent=0),
            waiting(SUCCESSOR, status="production", rollout_percent=100, ranges=[]),
        ]
    )
    before = served(registry)
    clock.advance(COOLDOWN - 0.001)
    just_before = served(registry)
    clock.advance(0.001)

    assert (before, just_before, served(registry)) == ("v2", "v2", "v3")
    assert {variant.variant_id: variant.status for variant in registry.active()} == {
        "v2": "canary",
        "v3": "production",
    }
    assert registry.stale is False


def test_each_pending_change_has_its_own_time(start: Start, clock: FixedClock) -> None:
    """Two operators change two categories within one cooldown."""
    registry = start(
        [
            INCUMBENT,
            waiting(SUCCESSOR, seconds=10, ranges=[[0, 2000]]),
            waiting(replace(SUCCESSOR, variant_id="v4", ranges=()), seconds=20, ranges=[[2000, 2500]]),
        ]
    )
    seen = []
    for _ in range(3):
        seen.append({v.variant_id: v.ranges for v in registry.active() if v.variant_id != "v2"})
        clock.advance(10)

    assert seen == [
        {"v3": ((0, 1000),), "v4": ()},
        {"v3": ((0, 2000),), "v4": ()},
        {"v3": ((0, 2000),), "v4": ((2000, 2500),)},
    ]


def test_a_variant_that_is_retired_by_a_pending_change_is_gone_on_time(
    start: Start, clock: FixedClock
) -> None:
    """Retired variants are never served, whichever way they became so."""
    registry = start([INCUMBENT, waiting(replace(SUCCESSOR, ranges=()), status="retired")])
    known = [variant.variant_id for variant in registry.active()]
    clock.advance(COOLDOWN)

    assert sorted(known) == ["v2", "v3"]
    assert [variant.variant_id for variant in registry.active()] == ["v2"]


def test_a_pending_change_takes_effect_while_the_table_is_down(
    dynamodb: DynamoDBClient, registry: DynamoVariantRegistry, clock: FixedClock
) -> None:
    """Functions that lost the table must still agree with each other on what is in force."""
    dynamodb.put_item(
        TableName=aws.VARIANTS, Item=variant_item(waiting(SUCCESSOR, status="production", ranges=[]))
    )
    dynamodb.put_item(TableName=aws.VARIANTS, Item=variant_item(waiting(INCUMBENT, status="canary")))
    before = served(registry)
    dynamodb.delete_table(TableName=aws.VARIANTS)
    clock.advance(COOLDOWN)

    assert (before, served(registry)) == ("v2", "v3")
    assert registry.stale is True


@pytest.mark.parametrize(
    "pending",
    ["soon", {"action": "promote"}, {"effective_at": "soon"}, {"effective_at": "2026-11-21T09:00:00"}],
    ids=["no map", "no time", "not a time", "a time without a zone"],
)
def test_a_row_with_a_pending_change_that_nobody_understands_holds_as_it_stands(
    seeded: DynamoDBClient, registry: DynamoVariantRegistry, pending: Any
) -> None:
    """What is served today is better than falling out of the experiment, and it is reported."""
    rest = {"change_id": "1", "action": "update", "requested_at": "", "requested_by": ""}
    value = {**rest, **pending} if "effective_at" in pending else pending
    change(seeded, "SYSTEM_PROMPT", "v2-sha-current", pending=value, description="mine")

    assert by_id(registry)["SYSTEM_PROMPT", "v2-sha-current"].description == "mine"
    assert registry.stale is True


@pytest.mark.parametrize(
    "values",
    [
        {"ranges": [[0]]},
        {"ranges": [[5, 5]]},
        {"ranges": [[0, 10_001]]},
        {"ranges": [[-5, 100]]},
        {"ranges": [["a", "b"]]},
        {"ranges": 7},
        {"config": []},
        {"pool_rank": "first"},
        {"seed": 1},
        {"status": "shadow"},
    ],
    ids=str,
)
def test_a_row_with_wrong_values_is_left_out_and_reported(
    seeded: DynamoDBClient, registry: DynamoVariantRegistry, values: dict[str, Any]
) -> None:
    """Somebody edited the table by hand: only the row that was edited may suffer."""
    healthy = set(by_id(registry))
    change(seeded, "SYSTEM_PROMPT", "v3-sha-empathy-rewrite", **values)
    again = DynamoVariantRegistry(seeded, aws.VARIANTS, clock=FixedClock(START), initial=initial_variants)

    assert set(by_id(again)) == healthy - {("SYSTEM_PROMPT", "v3-sha-empathy-rewrite")}
    assert again.stale is True
    assert again.plan().production() == registry.plan().production()


def test_a_row_is_known_by_its_key_and_not_by_what_it_says(
    seeded: DynamoDBClient, registry: DynamoVariantRegistry
) -> None:
    """Somebody who may put rows could hide one behind another's name: it would be served to people while the
    check of the audit log looks at the true one.
    """
    key = {"pk": "VARIANT#VOICE_LLM", "sk": "aaa"}
    genuine = next(record for record in initial_variant_records() if record.key == ("VOICE_LLM", "sonnet"))
    forged = {**variant_item(genuine), **to_item({**key, "config": {"model_id": "forged"}})}
    seeded.put_item(TableName=aws.VARIANTS, Item=forged)
    stores = aws_registry(seeded)
    found = VerifyAudit(store=stores.store, log=stores.log, anchors=MemoryAnchors())()
    named = [variant.variant_id for variant in registry.active() if variant.category == "VOICE_LLM"]

    assert len(named) == len(set(named))
    assert stores.store.snapshot().records["VOICE_LLM", "aaa"].config == {"model_id": "forged"}
    assert "VOICE_LLM/aaa" in found.unaudited


def test_the_registrys_own_state_is_no_variant(
    seeded: DynamoDBClient, registry: DynamoVariantRegistry
) -> None:
    """It lies in the same table, and must not make every answer look damaged."""
    seeded.put_item(TableName=aws.VARIANTS, Item={**registry_key(), **to_item({"version": 4})})

    assert by_id(registry) == by_id(MemoryVariants(initial_variants()))
    assert registry.stale is False


def test_a_table_of_several_pages_is_read_to_its_end(
    dynamodb: DynamoDBClient, registry: DynamoVariantRegistry
) -> None:
    """A scan answers a megabyte at a time; a variant on the second page runs as well."""
    config = {"text": "x" * 300_000}
    for number in range(5):
        record = VariantRecord("RATING_VARIANT", f"r-{number}", "production", config=config)
        dynamodb.put_item(TableName=aws.VARIANTS, Item=variant_item(record))

    assert len([v for v in registry.active() if v.category == "RATING_VARIANT"]) == 5


def test_a_plan_is_kept_for_as_long_as_the_rows_are_the_same(
    seeded: DynamoDBClient, registry: DynamoVariantRegistry, clock: FixedClock
) -> None:
    """Compiling costs more than assigning, and hardly any refresh brings something new."""
    first = registry.plan()
    same = registry.plan()
    clock.advance(5)
    refreshed = registry.plan()
    change(seeded, "LLM_MODEL", "mistral-large", ranges=[[0, 100]])
    clock.advance(5)

    assert same is first
    assert refreshed is first
    assert registry.plan() is not first


def test_an_arriving_variant_is_not_what_a_category_falls_back_to(
    dynamodb: DynamoDBClient, registry: DynamoVariantRegistry
) -> None:
    """It has half of the people; the others, and every crisis, need a default all the same."""
    arriving = VariantRecord("LLM_MODEL", "new", "production", rollout_percent=50, ranges=((0, 5000),))
    dynamodb.put_item(TableName=aws.VARIANTS, Item=variant_item(arriving))
    expected = production(initial_variants())["LLM_MODEL"]

    assert registry.plan().production()["LLM_MODEL"] == expected
    assert ("LLM_MODEL", "new") in by_id(registry)
