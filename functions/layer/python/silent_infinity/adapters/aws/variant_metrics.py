"""Figures of variants in DynamoDB: `VARIANT#<category>#<variant_id>` / `DAY#<date>`."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import call
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.adapters.aws.pages import items_of
from silent_infinity.adapters.aws.registry_items import variant_partition
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.variant_sums import DayOfVariant, Sums

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoVariantMetrics:
    """A `VariantMetrics` over the table whose keys are `pk` and `sk`. A variant's days lie side by side."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

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
        item = {
            "pk": variant_partition(day.category, day.variant_id),
            "sk": _sort_key(day.day),
            "metrics": to_payload(day.metrics),
        }
        call(self._client.put_item, TableName=self._table, Item=to_item(item))


def _sort_key(day: date) -> str:
    return f"DAY#{day.isoformat()}"


def _day(category: str, variant_id: str, item: Mapping[str, Any]) -> DayOfVariant:
    metrics = {metric: from_payload(Sums, sums) for metric, sums in item["metrics"].items()}
    return DayOfVariant(category, variant_id, date.fromisoformat(item["sk"].removeprefix("DAY#")), metrics)
