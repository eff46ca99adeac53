"""Where events are found for a replay: in memory, and in DynamoDB and its streams."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.stored_events import DynamoStoredEvents
from silent_infinity.adapters.memory.stored_events import MemoryStoredEvents
from silent_infinity.domain.lake.arrivals import FEEDBACK, TURN_EVENTS
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.stored_events import StoredEvents, StreamRange
from tests.contract import aws
from tests.support.lake_events import feedback_item, stream_record, turn_item

TABLES = {TURN_EVENTS.name: aws.TURN_EVENTS, FEEDBACK.name: aws.FEEDBACK}


@pytest.fixture(params=["memory", "aws"])
def stored(request: pytest.FixtureRequest) -> Any:
    """One turn and one piece of feedback."""
    turn, feedback = turn_item("a"), feedback_item("b")
    if request.param == "memory":
        memory = MemoryStoredEvents()
        memory.items = {("turn_events", "a"): turn, ("feedback", "b"): feedback}
        yield memory
        return
    with mock_aws():
        client = boto3.client("dynamodb", "us-east-1")
        aws.create_tables(client)
        client.put_item(TableName=aws.TURN_EVENTS, Item=to_item(turn))
        client.put_item(TableName=aws.FEEDBACK, Item=to_item(feedback))
        yield DynamoStoredEvents(client, lambda: boto3.client("dynamodbstreams", "us-east-1"), TABLES)


def test_an_item_is_found_by_its_key(stored: StoredEvents) -> None:
    """In the table of its source."""
    turn, feedback = stored.find(TURN_EVENTS, "a"), stored.find(FEEDBACK, "b")

    assert turn is not None
    assert feedback is not None
    assert turn["intent"] == turn_item()["intent"]
    assert feedback["rating"] == 4
    assert stored.find(TURN_EVENTS, "b") is None


def test_a_part_that_cannot_be_read_is_an_outage(stored: StoredEvents) -> None:
    """The message has to stay."""
    with pytest.raises(StoreUnavailableError):
        stored.in_range(
            StreamRange("arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/s", "x", "1", "2")
        )


class Shard:
    """One shard, in pages of two records with empty pages between them, as DynamoDB may answer."""

    def __init__(self, records: list[dict[str, Any]], *, closed: bool) -> None:
        self._records = records
        self._closed = closed
        self.pages = 0

    def get_shard_iterator(self, **asked: str) -> dict[str, str]:
        """Start at a sequence number."""
        assert asked["ShardIteratorType"] == "AT_SEQUENCE_NUMBER"
        numbers = [record["dynamodb"]["SequenceNumber"] for record in self._records]
        return {"ShardIterator": f"{numbers.index(asked['SequenceNumber'])} full"}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 -- the API's names
        """Answer one page."""
        self.pages += 1
        position, kind = ShardIterator.split()
        start = int(position)
        if kind == "empty":
            return {"Records": [], "NextShardIterator": f"{start} full"}
        page = self._records[start : start + 2]
        end = start + len(page) >= len(self._records)
        following = {} if end and self._closed else {"NextShardIterator": f"{start + len(page)} empty"}
        return {"Records": page, **following}


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize(("first", "last"), [(0, 6), (1, 1), (2, 5), (5, 6)])
def test_a_part_of_a_stream_is_read_from_end_to_end(first: int, last: int, closed: bool) -> None:
    """Both ends included, nothing behind them, across pages of which some are empty."""
    shard = Shard([stream_record(turn_item(str(number)), number) for number in range(7)], closed=closed)
    with mock_aws():
        stored = DynamoStoredEvents(boto3.client("dynamodb", "us-east-1"), lambda: shard, TABLES)

        found = stored.in_range(StreamRange("arn", "shard", str(1000 + first), str(1000 + last)))

    assert [arrival.facts["key"] for arrival in found] == [str(number) for number in range(first, last + 1)]
    assert shard.pages < 10


@pytest.mark.parametrize("closed", [True, False])
def test_a_part_without_its_end_is_not_taken_for_whole(closed: bool) -> None:
    """The iterators of an open shard never run out, so somebody has to stop asking."""
    shard = Shard([stream_record(turn_item("a"), 0)], closed=closed)
    with mock_aws():
        stored = DynamoStoredEvents(boto3.client("dynamodb", "us-east-1"), lambda: shard, TABLES)

        with pytest.raises(StoreUnavailableError, match="Incomplete"):
            stored.in_range(StreamRange("arn", "shard", "1000", "1001"))


@pytest.mark.parametrize("number", ["", "abc", "1 2"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    """Messages can be written by hand."""
    with mock_aws():
        stored = DynamoStoredEvents(boto3.client("dynamodb", "us-east-1"), lambda: None, TABLES)

        with pytest.raises(StoreUnavailableError, match="SequenceNumber"):
            stored.in_range(StreamRange("arn", "shard", number, "1"))
