"""Rate limits and token budgets as arithmetic, for every store that counts them.

The rate is limited by the generic cell rate algorithm: one number per person, the *theoretical arrival time*
in epoch milliseconds, says how far ahead of an even pace the person is. See ITU-T I.371, annex A, "virtual
scheduling algorithm".
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from silent_infinity.domain.turn import Limit

DAY_MS = 86_400_000
KEPT_SECONDS = 2 * 86_400
"""How long a person's counters are kept after their last turn: they must outlive the day they count."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A turn rate in the terms of the algorithm: milliseconds between turns, and how far ahead one may be."""

    interval_ms: int
    tolerance_ms: int

    @classmethod
    def of(cls, turns_per_minute: int, burst: int) -> "Pace":
        """Return the pace that admits `burst` turns at once and `turns_per_minute` in the long run."""
        interval_ms = 60_000 // max(turns_per_minute, 1)
        return cls(interval_ms, interval_ms * (max(burst, 1) - 1))

    def next_arrival_ms(self, arrival_ms: int, now_ms: int) -> int:
        """Return the theoretical arrival time after a turn that was admitted."""
        return max(arrival_ms, now_ms) + self.interval_ms

    def exceeded(self, arrival_ms: int, now_ms: int) -> Limit | None:
        """Return the limit that a turn would exceed now, or None."""
        ahead_ms = arrival_ms - self.tolerance_ms - now_ms
        return Limit("rate", _seconds(ahead_ms)) if ahead_ms > 0 else None


def budget_exceeded(used_tokens: int, reserve_tokens: int, tokens_per_day: int, now_ms: int) -> Limit | None:
    """Return the limit that reserving more would exceed today, or None. Budgets begin anew at 00:00 UTC."""
    if used_tokens + reserve_tokens <= tokens_per_day:
        return None
    return Limit("budget", _seconds(DAY_MS - now_ms % DAY_MS))


def utc_day(now_ms: int) -> str:
    """Return the UTC date, `2026-11-21`."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()


def budget_key(user_id_hash: str, now_ms: int) -> str:
    """Return the key under which a reservation is settled: the person and the day it was made on."""
    return f"{user_id_hash}@{utc_day(now_ms)}"


def split_budget_key(key: str) -> tuple[str, str]:
    """Return the person and the day of a budget key."""
    user_id_hash, _, day = key.rpartition("@")
    return user_id_hash, day


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)
