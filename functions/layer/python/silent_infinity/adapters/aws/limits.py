"""Rate limits and token budgets in DynamoDB: one item for a person, one conditional update for a turn.

A maximum cannot be written in an update expression, so the update comes in four forms: the arrival time lies
in the past or ahead, and the budget is today's or an older one. The conditions exclude each other and test
the limits too, so nothing is read first and no two callers can both take the last turn. A form that does not
fit tells which one does, since the store returns the item it refused to change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import ConditionFailedError, call
from silent_infinity.adapters.aws.contention import patiently
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.domain.limits import KEPT_SECONDS, Pace, budget_exceeded, budget_key, utc_day
from silent_infinity.domain.turn import Limit
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.limits import LimitPolicy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ATTEMPTS = 6
"""Each failure means that somebody else's turn was counted; after two of them the arrival time lies ahead."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What an earlier attempt showed; at first a guess: turns are mostly far apart and on the same day."""

    ahead: bool = False
    today: bool = True


class DynamoLimitStore:
    """A `LimitStore` over the table whose key is `limit_key`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def take_turn(self, user_id_hash: str, policy: LimitPolicy, now_ms: int) -> Limit | None:
        pace = Pace.of(policy.turns_per_minute, policy.burst)
        limit = budget_exceeded(0, policy.reserve_tokens, policy.tokens_per_day, now_ms)
        if limit is not None:
            return limit
        day = utc_day(now_ms)
        seen = _Seen()
        for _ in range(_ATTEMPTS):
            try:
                self._take(user_id_hash, policy, now_ms, seen)
            except ConditionFailedError as failure:
                counters = from_item(failure.item) if failure.item else self._read(user_id_hash)
                today = counters.get("budget_day", "") >= day
                used_tokens = counters.get("used_tokens", 0) if today else 0
                arrival_ms = counters.get("arrival_ms", 0)
                limit = budget_exceeded(used_tokens, policy.reserve_tokens, policy.tokens_per_day, now_ms)
                limit = limit or pace.exceeded(arrival_ms, now_ms)
                if limit is not None:
                    return limit
                seen = _Seen(ahead=arrival_ms > now_ms, today=today)
            else:
                return None
        raise StoreUnavailableError("Contention")

    def budget_key(self, user_id_hash: str, now_ms: int) -> str:
        return budget_key(user_id_hash, now_ms)

    def _take(self, user_id_hash: str, policy: LimitPolicy, now_ms: int, seen: _Seen) -> None:
        pace = Pace.of(policy.turns_per_minute, policy.burst)
        values: dict[str, Any] = {
            ":day": utc_day(now_ms),
            ":now": now_ms,
            ":reserve": policy.reserve_tokens,
            ":expires_at": now_ms // 1000 + KEPT_SECONDS,
        }
        if seen.ahead:
            arrival = "arrival_ms = arrival_ms + :interval"
            on_pace = "arrival_ms > :now AND arrival_ms <= :latest"
            values |= {":interval": pace.interval_ms, ":latest": now_ms + pace.tolerance_ms}
        else:
            arrival = "arrival_ms = :next"
            on_pace = "(attribute_not_exists(arrival_ms) OR arrival_ms <= :now)"
            values |= {":next": pace.next_arrival_ms(0, now_ms)}
        if seen.today:
            budget = "used_tokens = used_tokens + :reserve"
            within_budget = "budget_day >= :day AND used_tokens <= :most"
            values |= {":most": policy.tokens_per_day - policy.reserve_tokens}
        else:
            budget = "used_tokens = :reserve, budget_day = :day"
            within_budget = "(attribute_not_exists(budget_day) OR budget_day < :day)"

        def write() -> object:
            return call(
                self._client.update_item,
                TableName=self._table,
                Key=to_item({"limit_key": user_id_hash}),
                UpdateExpression=f"SET {arrival}, {budget}, expires_at = :expires_at",
                ConditionExpression=f"{on_pace} AND {within_budget}",
                ExpressionAttributeValues=to_item(values),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )

        patiently(write)

    def _read(self, user_id_hash: str) -> Mapping[str, Any]:
        found = call(
            self._client.get_item,
            TableName=self._table,
            Key=to_item({"limit_key": user_id_hash}),
            ConsistentRead=True,
        )
        return from_item(found.get("Item", {}))
