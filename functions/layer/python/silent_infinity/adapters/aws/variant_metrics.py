"""Figures of variants in DynamoDB.

| pk | sk | holds |
|---|---|---|
| `VARIANT#<category>#<variant_id>` | `DAY#<date>` | a day of a variant |
| `PUBLISHED` | `DAY#<date>` | `variants`: the partitions that may have this day |

A histogram is one text: as a map of numbers it would take five times the room, and longer to read than all
sums together.

A day's list names a variant before its figures are written and until they are deleted. Whatever write is the
last, every figure is on a list, so that the next run finds what has to go without a scan of the table.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
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

PUBLISHED = "PUBLISHED"
"""The partition of the days' lists."""

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
        found = self._between(variant_partition(category, variant_id), first, last)
        return tuple(_day(category, variant_id, item) for item in found)

    def put(self, day: DayOfVariant) -> None:
        self.put_all([day])

    def put_all(self, days: Iterable[DayOfVariant]) -> None:
        # A day that comes twice is written once: DynamoDB refuses a key that a batch names twice.
        each = {(_partition(day), day.day): day for day in days}
        if not each:
            return
        written = _by_day(each)
        listed = self._listed(min(written), max(written))
        self._write(
            _list(day, listed[day] | variants)
            for day, variants in written.items()
            if not variants <= listed[day]
        )
        self._write({"PutRequest": {"Item": _item(day)}} for day in each.values())

    def replace(self, first: date, last: date, days: Iterable[DayOfVariant]) -> None:
        each = list(days)
        self.put_all(each)
        kept = _by_day((_partition(day), day.day) for day in each)
        gone = {
            day: variants - kept[day]
            for day, variants in self._listed(first, last).items()
            if not variants <= kept[day]
        }
        self._write(_delete(variant, day) for day, variants in gone.items() for variant in variants)
        self._write(_list(day, kept[day]) for day in gone)

    def _between(self, partition: str, first: date, last: date) -> Iterable[dict[str, Any]]:
        found = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="pk = :partition AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=to_item(
                {":partition": partition, ":first": _sort_key(first), ":last": _sort_key(last)}
            ),
            # A list that lags behind would leave figures that nobody finds again.
            ConsistentRead=partition == PUBLISHED,
        )
        return map(from_item, found)

    def _listed(self, first: date, last: date) -> defaultdict[date, set[str]]:
        found: defaultdict[date, set[str]] = defaultdict(set)
        if first <= last:
            for item in self._between(PUBLISHED, first, last):
                found[_date(item)] = set(item["variants"])
        return found

    def _write(self, requests: Iterable[Any]) -> None:
        each = list(requests)
        for start in range(0, len(each), AT_ONCE):
            self._write_batch(each[start : start + AT_ONCE])

    def _write_batch(self, requests: list[Any]) -> None:
        for wait in (*WAITS, None):
            answer = call(self._client.batch_write_item, RequestItems={self._table: requests})
            requests = list(answer.get("UnprocessedItems", {}).get(self._table, ()))
            if not requests:
                return
            if wait is not None:
                self._sleep(wait)
        raise StoreUnavailableError("UnprocessedItems")


def _by_day(published: Iterable[tuple[str, date]]) -> defaultdict[date, set[str]]:
    found: defaultdict[date, set[str]] = defaultdict(set)
    for partition, day in published:
        found[day].add(partition)
    return found


def _list(day: date, variants: AbstractSet[str]) -> dict[str, Any]:
    """Return the request that makes a day's list name these variants; a list of none is not kept."""
    if not variants:
        return _delete(PUBLISHED, day)
    item = {"pk": PUBLISHED, "sk": _sort_key(day), "variants": sorted(variants)}
    return {"PutRequest": {"Item": to_item(item)}}


def _delete(partition: str, day: date) -> dict[str, Any]:
    return {"DeleteRequest": {"Key": to_item({"pk": partition, "sk": _sort_key(day)})}}


def _partition(day: DayOfVariant) -> str:
    return variant_partition(day.category, day.variant_id)


def _sort_key(day: date) -> str:
    return f"DAY#{day.isoformat()}"


def _date(item: Mapping[str, Any]) -> date:
    return date.fromisoformat(item["sk"].removeprefix("DAY#"))


def _item(day: DayOfVariant) -> Item:
    return to_item(
        {
            "pk": _partition(day),
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
        _date(item),
        {metric: from_payload(Sums, sums) for metric, sums in item["metrics"].items()},
        None if counts is None else from_payload(Counts, counts),
        {metric: Histogram.from_text(text) for metric, text in item.get("histograms", {}).items()},
    )
