"""Rate limits and token budgets in memory."""

from silent_infinity.adapters.memory.store import Counters, MemoryStore
from silent_infinity.domain.limits import Pace, budget_exceeded, budget_key, utc_day
from silent_infinity.domain.turn import Limit
from silent_infinity.ports.limits import LimitPolicy


class MemoryLimitStore:
    """A `LimitStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def take_turn(self, user_id_hash: str, policy: LimitPolicy, now_ms: int) -> Limit | None:
        pace = Pace.of(policy.turns_per_minute, policy.burst)
        day = utc_day(now_ms)
        with self._store.using("limits"):
            counters = self._store.counters.setdefault(user_id_hash, Counters())
            # A clock that is a little behind must not give yesterday's budget a second life.
            used_tokens = counters.used_tokens if counters.day >= day else 0
            limit = budget_exceeded(used_tokens, policy.reserve_tokens, policy.tokens_per_day, now_ms)
            limit = limit or pace.exceeded(counters.arrival_ms, now_ms)
            if limit is None:
                counters.arrival_ms = pace.next_arrival_ms(counters.arrival_ms, now_ms)
                counters.day = max(counters.day, day)
                counters.used_tokens = used_tokens + policy.reserve_tokens
            return limit

    def budget_key(self, user_id_hash: str, now_ms: int) -> str:
        return budget_key(user_id_hash, now_ms)
