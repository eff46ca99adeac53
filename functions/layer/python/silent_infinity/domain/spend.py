"""Budgets that many callers draw on, as keys and amounts: a session's tokens, and the money of a day.

One item takes some thousand writes a second, so the day's cap is split over several items, the shards. Each
holds its part of the cap, so that together they never exceed it; who finds one spent tries the others.
"""

from dataclasses import dataclass

PREFIX = "spend#"
KEPT_SECONDS = 2 * 86_400
"""A counter has to outlive the day that it counts."""


@dataclass(frozen=True, slots=True)
class SpendRules:
    """At most so many `shards`, none for less than `shard_micro_usd`; spent stays so for `spent_ms`."""

    shards: int
    shard_micro_usd: int
    spent_ms: int

    def count(self, cap: int) -> int:
        """Return the number of shards of a cap. It depends on nothing else: all callers must agree."""
        return max(1, min(self.shards, cap // self.shard_micro_usd))

    def caps(self, cap: int) -> tuple[int, ...]:
        """Return the parts of a cap, which add up to it."""
        count = self.count(cap)
        return tuple(cap // count + (1 if place < cap % count else 0) for place in range(count))


def session_key(session_id: str) -> str:
    """Return the key of a session's tokens."""
    return f"{PREFIX}session#{session_id}"


def day_key(day: str, shard: int) -> str:
    """Return the key of a shard of a UTC day (ISO 8601)."""
    return f"{PREFIX}day#{day}#{shard}"
