"""What went to the quarantine comes back when the reason is gone, and stays a message until then."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from silent_infinity.adapters.aws.stream_arrivals import arrivals
from silent_infinity.adapters.memory.delivery import MemoryDelivery
from silent_infinity.adapters.memory.metrics import MemoryMetrics
from silent_infinity.adapters.memory.quarantine import MemoryQuarantine
from silent_infinity.adapters.memory.stored_events import MemoryStoredEvents
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.lake.arrivals import SOURCES
from silent_infinity.ports.stored_events import StreamRange
from silent_infinity.usecases.feed_lake import DeliverEvents
from silent_infinity.usecases.replay_events import Replayed, ReplayEvents
from tests.support.lake_events import feedback_item, stream_record, turn_item

CANARY = "canaryreplay2x"
RANGE = StreamRange("arn:aws:dynamodb:eu-west-1:000000000000:table/t/stream/s", "shard-1", "1000", "1002")
GIVEN_UP = {
    "requestContext": {"condition": "RetryAttemptsExhausted"},
    "DDBStreamBatchInfo": {
        "streamArn": RANGE.stream,
        "shardId": RANGE.shard,
        "startSequenceNumber": RANGE.first,
        "endSequenceNumber": RANGE.last,
        "batchSize": 3,
    },
}


class Replay:
    """The replay over memory."""

    def __init__(self) -> None:
        self.deliveries = {name: MemoryDelivery() for name in SOURCES}
        self.stored = MemoryStoredEvents()
        self.quarantine = MemoryQuarantine()
        self._replay = ReplayEvents(
            DeliverEvents(
                validator=JsonSchemaValidator(),
                deliveries=self.deliveries,
                metrics=MemoryMetrics(),
                environment="test",
            ),
            self.stored,
            self.quarantine,
        )

    def __call__(self, *bodies: Mapping[str, Any] | str) -> list[Replayed]:
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        return self._replay([(f"message-{number}", text) for number, text in enumerate(texts)])

    def delivered(self, table: str) -> list[dict[str, Any]]:
        """Return what went into a table."""
        return [json.loads(document) for document in self.deliveries[table].documents]


@pytest.fixture
def replay() -> Replay:
    """Nothing stored, nothing delivered."""
    return Replay()


def test_items_are_read_where_they_lie_and_delivered(replay: Replay) -> None:
    """The message names the item; what it says has not left its table."""
    replay.stored.items[("turn_events", "a")] = turn_item("a")
    replay.stored.items[("feedback", "b")] = feedback_item("b")
    told = replay({"table": "turn_events", "key": "a", "rule": "type"}, {"table": "feedback", "key": "b"})

    assert told == [Replayed("message-0", "replayed"), Replayed("message-1", "replayed")]
    assert [event["turn_id"] for event in replay.delivered("turn_events")] == ["a"]
    assert [event["feedback_id"] for event in replay.delivered("feedback")] == ["b"]
    assert "text" not in replay.delivered("feedback")[0]


def test_an_item_that_was_deleted_is_not_brought_back(replay: Replay) -> None:
    """Somebody asked for their data to be deleted, or it has expired. The message has done its duty."""
    assert replay({"table": "turn_events", "key": "a"}) == [Replayed("message-0", "gone")]
    assert replay.delivered("turn_events") == []


def test_what_is_still_poison_stays_a_message(replay: Replay) -> None:
    """The queue gives it back to the quarantine; deleted, the turn would be forgotten."""
    replay.stored.items[("turn_events", "a")] = turn_item("a", retry_count="x")
    replay.stored.items[("turn_events", "b")] = turn_item("b")
    told = replay({"table": "turn_events", "key": "a"}, {"table": "turn_events", "key": "b"})

    assert told == [
        Replayed("message-0", "/retry_count type", stays=True),
        Replayed("message-1", "replayed"),
    ]
    assert replay.quarantine.kept == []


@pytest.mark.parametrize("down", ["table", "lake"])
def test_an_outage_leaves_the_message(down: str, replay: Replay) -> None:
    """It comes again by itself."""
    replay.stored.items[("turn_events", "a")] = turn_item("a")
    replay.stored.unavailable = down == "table"
    replay.deliveries["turn_events"].unavailable = down == "lake"
    [told] = replay({"table": "turn_events", "key": "a"})

    assert told.stays
    assert replay.delivered("turn_events") == []


def test_a_part_of_the_stream_is_replayed_in_order(replay: Replay) -> None:
    """Lambda names only where it was when it gave up."""
    items = [turn_item(name) for name in ("a", "b", "c")]
    replay.stored.ranges[RANGE] = arrivals([stream_record(item, number) for number, item in enumerate(items)])

    assert replay(GIVEN_UP) == [Replayed("message-0", "replayed")]
    assert [event["turn_id"] for event in replay.delivered("turn_events")] == ["a", "b", "c"]


def test_poison_in_a_part_of_the_stream_gets_a_message_of_its_own(replay: Replay) -> None:
    """By its key: the stream forgets it after a day, its table does not."""
    items = [turn_item("a"), turn_item("bad", retry_count="x")]
    replay.stored.ranges[RANGE] = arrivals([stream_record(item, number) for number, item in enumerate(items)])

    assert replay(GIVEN_UP) == [Replayed("message-0", "replayed")]
    assert [(kept["table"], kept["key"]) for kept in replay.quarantine.kept] == [("turn_events", "bad")]
    replay.quarantine.unavailable = True
    assert replay(GIVEN_UP)[0].stays


def test_a_part_that_the_stream_has_forgotten_stays_a_message(replay: Replay) -> None:
    """After a day. Its sequence numbers are all that is left, and the tables have the items."""
    assert replay(GIVEN_UP) == [Replayed("message-0", "TrimmedDataAccessException", stays=True)]


NONSENSE: dict[str, Any] = {
    "no JSON": CANARY,
    "a list": "[1]",
    "another table": {"table": CANARY, "key": "a"},
    "no key": {"table": "turn_events"},
    "an empty key": {"table": "turn_events", "key": ""},
    "no part": {"DDBStreamBatchInfo": {"streamArn": CANARY}},
    "a part that is none": {"DDBStreamBatchInfo": CANARY},
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
def test_a_message_that_names_nothing_stays_and_is_not_quoted(body: Any, replay: Replay) -> None:
    """Somebody wrote it by hand."""
    [told] = replay(body)

    assert told.stays
    assert CANARY not in told.outcome
