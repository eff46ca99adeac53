"""What every count of live misses promises: each judged turn once, whatever is deleted."""

from dataclasses import replace
from datetime import date

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.adapters.aws.live_misses import PARTITION, SHARDS, DynamoLiveMissCounts
from silent_infinity.adapters.memory.live_misses import MemoryLiveMissCounts
from silent_infinity.adapters.memory.observations import MemoryObservationStore
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.live_misses import LiveMissCounts, LiveMisses
from silent_infinity.ports.observations import ObservationStore
from stacks.constructs.sentinel import LIVE_MISSES
from tests.contract import aws
from tests.contract.conftest import AwsStores, MemoryStores, Stores, aws_stores
from tests.contract.test_conversation_store import SESSION, TURN
from tests.contract.test_observation_store import DELETED_AT, OBSERVATION, observations_of
from tests.contract.threads import at_once

DAY = date(2026, 11, 21)
MISSED = replace(OBSERVATION, crisis_level=3, miss=True)


@pytest.fixture
def observations(stores: Stores) -> ObservationStore:
    """The store that counts, beside a session."""
    stores.conversations.store_message(SESSION, TURN)
    if isinstance(stores, MemoryStores):
        return MemoryObservationStore(stores.store)
    assert isinstance(stores, AwsStores)
    return observations_of(stores.client)


@pytest.fixture
def counts(stores: Stores) -> LiveMissCounts:
    """The counts that go with it."""
    if isinstance(stores, MemoryStores):
        return MemoryLiveMissCounts(stores.store)
    assert isinstance(stores, AwsStores)
    return DynamoLiveMissCounts(stores.client, aws.VARIANT_METRICS)


def test_where_nobody_looked_nothing_is_counted(counts: LiveMissCounts) -> None:
    """No turns and no misses is what a gate takes for not enough data."""
    assert counts.between(DAY, DAY) == LiveMisses(0, 0)
    assert counts.between(DAY, date(2026, 11, 20)) == LiveMisses(0, 0)


def test_judged_and_missed_turns_are_counted_apart(
    observations: ObservationStore, counts: LiveMissCounts
) -> None:
    """The gate wants the share of one in the other."""
    for number in range(5):
        observations.put(replace(OBSERVATION, turn_id=f"calm-{number}"))
    for number in range(2):
        observations.put(replace(MISSED, turn_id=f"missed-{number}"))

    assert counts.between(DAY, DAY) == LiveMisses(judged=7, missed=2)


def test_a_redelivered_turn_is_counted_once(observations: ObservationStore, counts: LiveMissCounts) -> None:
    """The stream delivers at least once, and perhaps with another answer of the model."""
    for observation in (MISSED, MISSED, OBSERVATION):
        observations.put(observation)

    assert counts.between(DAY, DAY) == LiveMisses(judged=1, missed=1)


def test_deliveries_at_the_same_time_count_one_turn_once(
    observations: ObservationStore, counts: LiveMissCounts
) -> None:
    """Two invocations may have the same record."""
    kept = at_once(8, lambda number: observations.put(replace(MISSED, latency_ms=number)))

    assert kept.count(True) == 1
    assert counts.between(DAY, DAY) == LiveMisses(judged=1, missed=1)


def test_turns_at_the_same_time_are_all_counted(
    observations: ObservationStore, counts: LiveMissCounts
) -> None:
    """Many shards of the stream add to the same day."""
    kept = at_once(24, lambda number: observations.put(replace(MISSED, turn_id=f"turn-{number}")))

    assert all(kept)
    assert counts.between(DAY, DAY) == LiveMisses(judged=24, missed=24)


def test_a_turn_that_is_gone_is_not_counted(
    observations: ObservationStore, counts: LiveMissCounts, stores: Stores
) -> None:
    """What is not kept was not judged: the count and the items tell the same story."""
    observations.put(replace(MISSED, session_id="session-9"))
    stores.conversations.bury_session("session-1", DELETED_AT, 2_000_000_001)
    observations.put(MISSED)

    assert counts.between(DAY, DAY) == LiveMisses(0, 0)


def test_a_deletion_leaves_the_counts_alone(
    observations: ObservationStore, counts: LiveMissCounts, stores: Stores
) -> None:
    """They are numbers of nobody; a miss must not vanish because the person went away."""
    observations.put(MISSED)

    stores.conversations.bury_session("session-1", DELETED_AT, 2_000_000_001)
    stores.conversations.remove_turns("session-1")

    assert counts.between(DAY, DAY) == LiveMisses(judged=1, missed=1)


@pytest.mark.parametrize(
    ("observed_at", "day"),
    [
        ("2026-11-21T00:00:00+00:00", DAY),
        ("2026-11-21T23:59:59.999999+00:00", DAY),
        ("2026-11-22T00:00:00+00:00", date(2026, 11, 22)),
        ("2026-11-22T00:30:00+01:00", DAY),
    ],
)
def test_a_day_is_a_utc_day(
    observed_at: str, day: date, observations: ObservationStore, counts: LiveMissCounts
) -> None:
    """Both ends of what is asked for are included, and no turn is in two days."""
    observations.put(replace(OBSERVATION, observed_at=observed_at))

    assert counts.between(day, day).judged == 1
    assert counts.between(date(2026, 11, 20), date(2026, 11, 23)).judged == 1
    assert sum(counts.between(each, each).judged for each in (DAY, date(2026, 11, 22))) == 1


def test_a_day_is_spread_over_shards(dynamodb: DynamoDBClient) -> None:
    """Transactions on one item at the same time cancel each other."""
    aws_stores(dynamodb).conversations.store_message(SESSION, TURN)
    store = observations_of(dynamodb)
    for number in range(60):
        store.put(replace(OBSERVATION, turn_id=f"turn-{number}"))

    items = dynamodb.scan(TableName=aws.VARIANT_METRICS)["Items"]
    assert {item["pk"]["S"] for item in items} == {PARTITION}
    assert SHARDS / 2 < len(items) <= SHARDS
    assert all(set(item) == {"pk", "sk", "judged", "missed"} for item in items)


def test_what_may_be_written_to_is_what_is_written_to() -> None:
    """The permission names the partition; a difference would stop the sentinel on AWS only."""
    assert LIVE_MISSES == PARTITION


def test_counts_that_cannot_be_read_say_so_by_a_code(dynamodb: DynamoDBClient) -> None:
    """No counts is something else than no misses."""
    dynamodb.delete_table(TableName=aws.VARIANT_METRICS)

    with pytest.raises(StoreUnavailableError, match=r"^ResourceNotFoundException$"):
        DynamoLiveMissCounts(dynamodb, aws.VARIANT_METRICS).between(DAY, DAY)


def test_without_the_counts_nothing_is_kept(dynamodb: DynamoDBClient) -> None:
    """One transaction: a turn that was kept and not counted would never be counted."""
    aws_stores(dynamodb).conversations.store_message(SESSION, TURN)
    dynamodb.delete_table(TableName=aws.VARIANT_METRICS)
    store = observations_of(dynamodb)

    with pytest.raises(StoreUnavailableError):
        store.put(MISSED)
    assert store.find("session-1", "turn-1") is None
