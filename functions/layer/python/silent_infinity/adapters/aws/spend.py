"""Budgets in DynamoDB: one item for each counter, one conditional update for each change.

The reservations of calls in flight are attributes of the counter's own item, named after the reservation, so
that counting and remembering it are one write, and no transaction holds up an item that everybody writes to.
A call that dies leaves its attribute, and its amount charged, until the item expires.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import ConditionFailedError, call
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.domain.spend import KEPT_SECONDS
from silent_infinity.ports.spend import Taken

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoSpendStore:
    """A `SpendStore` over the table whose key is `limit_key`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def reserve(self, key: str, reservation: str, amount: int, most: int | None, now_ms: int) -> Taken:
        name = _name(reservation)
        if most is not None and most < 0:
            # Nobody can have used less, and a counter that is not there yet would pass the condition.
            return _refused(self._counter(key, name), name)
        unless_spent = "" if most is None else " AND (attribute_not_exists(used) OR used <= :most)"
        values = {
            ":zero": 0,
            ":amount": amount,
            ":expires_at": now_ms // 1000 + KEPT_SECONDS,
            **({} if most is None else {":most": most}),
        }
        try:
            done = call(
                self._client.update_item,
                TableName=self._table,
                Key=to_item({"limit_key": key}),
                UpdateExpression=(
                    "SET used = if_not_exists(used, :zero) + :amount, #reservation = :amount, "
                    "expires_at = :expires_at"
                ),
                ConditionExpression=f"attribute_not_exists(#reservation){unless_spent}",
                ExpressionAttributeNames={"#reservation": name},
                ExpressionAttributeValues=to_item(values),
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailedError as failure:
            return _refused(from_item(failure.item or {}), name)
        return Taken(True, int(from_item(done["Attributes"])["used"]) - amount)

    def settle(self, key: str, reservation: str, reserved: int, actual: int) -> bool:
        try:
            call(
                self._client.update_item,
                TableName=self._table,
                Key=to_item({"limit_key": key}),
                UpdateExpression="SET used = used + :difference REMOVE #reservation",
                ConditionExpression="attribute_exists(#reservation)",
                ExpressionAttributeNames={"#reservation": _name(reservation)},
                ExpressionAttributeValues=to_item({":difference": actual - reserved}),
            )
        except ConditionFailedError:
            return False
        return True

    def _counter(self, key: str, name: str) -> Mapping[str, Any]:
        found = call(
            self._client.get_item,
            TableName=self._table,
            Key=to_item({"limit_key": key}),
            ConsistentRead=True,
            ProjectionExpression="used, #reservation",
            ExpressionAttributeNames={"#reservation": name},
        )
        return from_item(found.get("Item", {}))


def _refused(counter: Mapping[str, Any], name: str) -> Taken:
    """Return what a counter says that did not take a reservation."""
    used = int(counter.get("used", 0))
    if name in counter:
        # This very write took place before: its answer was lost, and it was sent again.
        return Taken(True, used - int(counter[name]))
    return Taken(False, used)


def _name(reservation: str) -> str:
    return f"in_flight#{reservation}"
