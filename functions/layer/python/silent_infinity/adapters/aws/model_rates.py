"""Token buckets of models in DynamoDB: one item for a model, one conditional update for a call.

As in `limits`: a maximum cannot be written in an update expression, so for each bucket the update has two
forms, its arrival time lying in the past or ahead. Their conditions exclude each other and test the quota
too; a form that does not fit tells which one does. Updates of the form that lies ahead never collide.
"""

from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import ConditionFailedError, call
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.domain.model_rates import Bucket
from silent_infinity.ports.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX = "rate#"
KEPT_SECONDS = 86_400
_ATTEMPTS = 6
"""Each failure means that somebody else was counted; after two of them both arrival times lie ahead."""

_REQUESTS, _TOKENS = "requests_us", "tokens_us"


class DynamoModelRateStore:
    """A `ModelRateStore` over the table whose key is `limit_key`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def take(self, key: str, requests: Bucket, tokens: Bucket, now_us: int, *, force: bool = False) -> bool:
        buckets = {
            name: bucket for name, bucket in ((_REQUESTS, requests), (_TOKENS, tokens)) if bucket.step_us
        }
        if not buckets:
            return True
        ahead = dict.fromkeys(buckets, False)
        for _ in range(_ATTEMPTS):
            try:
                self._take(PREFIX + key, buckets, ahead, now_us, force=force)
            except ConditionFailedError as failure:
                found = from_item(failure.item or {})
                arrivals = {name: int(found.get(name, 0)) for name in buckets}
                within = all(bucket.admits(arrivals[name], now_us) for name, bucket in buckets.items())
                if not within and not force:
                    return False
                ahead = {name: arrival > now_us for name, arrival in arrivals.items()}
            else:
                return True
        raise StoreUnavailableError("Contention")

    def _take(
        self, key: str, buckets: dict[str, Bucket], ahead: dict[str, bool], now_us: int, *, force: bool
    ) -> None:
        values: dict[str, Any] = {":now": now_us, ":expires_at": now_us // 1_000_000 + KEPT_SECONDS}
        changes, conditions = ["expires_at = :expires_at"], []
        for name, bucket in buckets.items():
            if ahead[name]:
                changes.append(f"{name} = {name} + :step_{name}")
                values[f":step_{name}"] = bucket.step_us
                conditions.append(f"{name} > :now")
                if not force:
                    conditions.append(f"{name} <= :latest_{name}")
                    values[f":latest_{name}"] = now_us + bucket.tolerance_us
            else:
                changes.append(f"{name} = :next_{name}")
                values[f":next_{name}"] = now_us + bucket.step_us
                conditions.append(f"(attribute_not_exists({name}) OR {name} <= :now)")
        call(
            self._client.update_item,
            TableName=self._table,
            Key=to_item({"limit_key": key}),
            UpdateExpression=f"SET {', '.join(changes)}",
            ConditionExpression=" AND ".join(conditions),
            ExpressionAttributeValues=to_item(values),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
