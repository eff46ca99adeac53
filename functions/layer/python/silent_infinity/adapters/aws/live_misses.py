"""Counts of live misses in DynamoDB, in the table of what was computed of variants.

| pk | sk | holds |
|---|---|---|
| `LIVE_MISSES` | `DAY#<date>#<shard>` | `judged` and `missed`: turns of a UTC day |

Numbers only, of nobody: what a person has deleted stays counted, and nothing expires. A day is spread over
shards, because two transactions that add to the same item at the same time stand in each other's way.
"""

import hashlib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.adapters.aws.pages import items_of
from silent_infinity.ports.live_misses import LiveMisses

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

PARTITION: Final = "LIVE_MISSES"
SHARDS: Final = 16
"""More than the sentinel's invocations at once, ten for each shard of the stream."""

_AFTER_ALL_SHARDS: Final = "~"
"""Sorts after every digit."""


def added(table: str, turn_id: str, observed_at: str, *, missed: bool) -> "TransactWriteItemTypeDef":
    """Return the part of a transaction that counts one judged turn. `observed_at` is ISO 8601 with a zone."""
    day = datetime.fromisoformat(observed_at).astimezone(UTC).date()
    return {
        "Update": {
            "TableName": table,
            "Key": to_item({"pk": PARTITION, "sk": f"{_day(day)}#{_shard(turn_id):02d}"}),
            "UpdateExpression": "ADD judged :one, missed :missed",
            "ExpressionAttributeValues": to_item({":one": 1, ":missed": int(missed)}),
        }
    }


class DynamoLiveMissCounts:
    """A `LiveMissCounts`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def between(self, first: date, last: date) -> LiveMisses:
        if last < first:
            return LiveMisses()
        found = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="pk = :partition AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=to_item(
                {
                    ":partition": PARTITION,
                    ":first": _day(first),
                    ":last": f"{_day(last)}#{_AFTER_ALL_SHARDS}",
                }
            ),
        )
        counts = [from_item(item) for item in found]
        return LiveMisses(
            judged=sum(count["judged"] for count in counts), missed=sum(count["missed"] for count in counts)
        )


def _day(day: date) -> str:
    return f"DAY#{day.isoformat()}"


def _shard(turn_id: str) -> int:
    return hashlib.sha256(turn_id.encode()).digest()[0] % SHARDS
