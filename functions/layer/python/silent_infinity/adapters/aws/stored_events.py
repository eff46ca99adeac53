"""The tables of turns and feedback and their streams in DynamoDB."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import call
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.adapters.aws.stream_arrivals import arrivals
from silent_infinity.domain.lake.arrivals import Arrival, Source
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.stored_events import StreamRange

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NUMBER = re.compile(r"[0-9]{1,40}")
_MOST_PAGES = 100
"""A part that Lambda gives up is one batch at most. Pages may be empty; those of an open shard never end."""


class DynamoStoredEvents:
    """`StoredEvents` over tables by the name of their source. The client of streams is made when needed."""

    def __init__(
        self, client: "DynamoDBClient", streams: Callable[[], Any], tables: Mapping[str, str]
    ) -> None:
        self._client = client
        self._streams = streams
        self._tables = tables

    def find(self, source: Source, key: str) -> Mapping[str, Any] | None:
        found = call(
            self._client.get_item,
            TableName=self._tables[source.name],
            Key=to_item({source.key: key}),
            ConsistentRead=True,
        )
        item = found.get("Item")
        return None if item is None else from_item(item)

    def in_range(self, wanted: StreamRange) -> Sequence[Arrival]:
        if not (_NUMBER.fullmatch(wanted.first) and _NUMBER.fullmatch(wanted.last)):
            raise StoreUnavailableError("SequenceNumber")
        last = int(wanted.last)
        found: list[Any] = []
        iterator = call(
            self._streams().get_shard_iterator,
            StreamArn=wanted.stream,
            ShardId=wanted.shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=wanted.first,
        ).get("ShardIterator")
        for _ in range(_MOST_PAGES):
            if iterator is None:
                break
            page = call(self._streams().get_records, ShardIterator=iterator)
            numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in page["Records"]]
            found += [
                record for number, record in zip(numbers, page["Records"], strict=True) if number <= last
            ]
            if numbers and numbers[-1] >= last:
                return arrivals(found)
            iterator = page.get("NextShardIterator")
        raise StoreUnavailableError("Incomplete")
