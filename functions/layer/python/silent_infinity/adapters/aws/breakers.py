"""States of circuit breakers in DynamoDB: one item each, replaced only as it was read."""

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import ConditionFailedError, call
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.domain.breaker import BreakerState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX = "breaker#"
KEPT_SECONDS = 86_400
_FIELDS = tuple(field.name for field in fields(BreakerState))


class DynamoBreakerStore:
    """A `BreakerStore` over the table whose key is `limit_key`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self, key: str) -> BreakerState:
        # Consistent, because what is read is what a change is based on.
        found = call(
            self._client.get_item,
            TableName=self._table,
            Key=to_item({"limit_key": PREFIX + key}),
            ConsistentRead=True,
        )
        item = from_item(found.get("Item", {}))
        return BreakerState(**{name: int(item[name]) for name in _FIELDS if name in item})

    def replace(self, key: str, old: BreakerState, new: BreakerState, now_ms: int) -> bool:
        item = {
            "limit_key": PREFIX + key,
            **asdict(new),
            "expires_at": now_ms // 1000 + KEPT_SECONDS,
        }
        as_read = "#version = :version" if old.version else "attribute_not_exists(#version)"
        values = {"ExpressionAttributeValues": to_item({":version": old.version})} if old.version else {}
        try:
            call(
                self._client.put_item,
                TableName=self._table,
                Item=to_item(item),
                ConditionExpression=as_read,
                ExpressionAttributeNames={"#version": "version"},
                **values,  # type: ignore[arg-type]  # the stubs know no optional arguments
            )
        except ConditionFailedError:
            return False
        return True
