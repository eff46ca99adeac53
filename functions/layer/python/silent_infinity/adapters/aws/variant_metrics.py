"""Figures of variants in DynamoDB: `VARIANT#<category>#<variant_id>` / `DAY#<date>`.

A histogram is one text: as a map of numbers it would take five times the room, and longer to read than all
sums together.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import call
from silent_infinity.adapters.aws.items import Item, from_item, to_item
from silent_infinity.adapters.aws.pages import items_of
from silent_infinity.adapters.aws.registry_items import variant_partition
from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.variant_sums import Counts, DayOfVariant, Sums
from silent_infinity.ports.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AT_ONCE = 25
"""Items of one BatchWriteItem, as DynamoDB allows."""

WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds before what was not taken is sent again: DynamoDB asks for exponential backoff."""


class DynamoVariantMetrics:
    """A `VariantMetrics` over the table whose keys are `pk` and `sk`. A variant's days lie side by side."""

    def __init__(
        self, client: "DynamoDBClient", table: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def days(self, category: str, variant_id: str, first: date, last: date) -> Sequence[DayOfVariant]:
        if last < first:
            return ()
        found = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="pk = :variant AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=to_item(
                {
                    ":variant": variant_partition(category, variant_id),
                    ":first": _sort_key(first),
                    ":last": _sort_key(last),
                }
            ),
        )
        return tuple(_day(category, variant_id, from_item(item)) for item in found)

    def put(self, day: DayOfVariant) -> None:
        call(self._client.put_item, TableName=self._table, Item=_item(day))

    def put_all(self, days: Iterable[DayOfVariant]) -> None:
        # A day that comes twice is written once: DynamoDB refuses a key that a batch names twice.
        each = list({(day.category, day.variant_id, day.day): day for day in days}.values())
        for start in range(0, len(each), AT_ONCE):
            self._write([{"PutRequest": {"Item": _item(day)}} for day in each[start : start + AT_ONCE]])

    def _write(self, requests: list[Any]) -> None:
        for wait in (*WAITS, None):
            answer = call(self._client.batch_write_item, RequestItems={self._table: requests})
            requests = list(answer.get("UnprocessedItems", {}).get(self._table, ()))
            if not requests:
                return
            if wait is not None:
                self._sleep(wait)
        raise StoreUnavailableError("UnprocessedItems")


def _sort_key(day: date) -> str:
    return f"DAY#{day.isoformat()}"


def _item(day: DayOfVariant) -> Item:
    return to_item(
        {
            "pk": variant_partition(day.category, day.variant_id),
            "sk": _sort_key(day.day),
            "metrics": to_payload(day.metrics),
            "counts": to_payload(day.counts),
            "histograms": {metric: found.to_text() for metric, found in day.histograms.items()},
        }
    )


def _day(category: str, variant_id: str, item: Mapping[str, Any]) -> DayOfVariant:
    counts = item.get("counts")
    return DayOfVariant(
        category,
        variant_id,
        date.fromisoformat(item["sk"].removeprefix("DAY#")),
        {metric: from_payload(Sums, sums) for metric, sums in item["metrics"].items()},
        None if counts is None else from_payload(Counts, counts),
        {metric: Histogram.from_text(text) for metric, text in item.get("histograms", {}).items()},
    )
