"""How often and how much one person may use the service."""

from dataclasses import dataclass
from typing import Protocol

from silent_infinity.domain.turn import Limit


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """Turns a minute with a burst, and tokens a UTC day. `reserve_tokens` are taken before a turn."""

    turns_per_minute: int
    burst: int
    tokens_per_day: int
    reserve_tokens: int


class LimitStore(Protocol):
    """Rate limits and token budgets, counted atomically. May raise StoreUnavailableError."""

    def take_turn(self, user_id_hash: str, policy: LimitPolicy, now_ms: int) -> Limit | None:
        """Count one turn and reserve its tokens; return the limit that was hit, or None.

        A turn that is limited takes nothing.
        """
        ...

    def budget_key(self, user_id_hash: str, now_ms: int) -> str:
        """Return the key of the day's budget, as `TurnRecord.settle_key` wants it."""
        ...
