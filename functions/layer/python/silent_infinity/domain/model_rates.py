"""How often a model may be called, by the generic cell rate algorithm (see `limits`), in microseconds.

A quota counts requests and tokens, and tokens come thousands at a time, so here a call takes as many cells as
it has tokens.
"""

from dataclasses import dataclass

MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class ModelRate:
    """What an account may ask of a model at a provider; 0 means no limit."""

    requests_per_minute: int = 0
    tokens_per_minute: int = 0

    def __bool__(self) -> bool:
        return bool(self.requests_per_minute or self.tokens_per_minute)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one call takes of one quota: `step_us` on the theoretical arrival time, which may lie as much as
    `tolerance_us` ahead of now before the call. `step_us` 0 takes nothing and is never refused.
    """

    step_us: int = 0
    tolerance_us: int = 0

    @classmethod
    def of(cls, per_minute: int, cells: int, burst_seconds: float) -> "Bucket":
        """Return what `cells` take of a quota; never more than the whole burst, or they would never fit."""
        if not per_minute:
            return cls()
        step_us = -(-cells * MINUTE_US // per_minute)
        return cls(step_us, max(int(burst_seconds * 1_000_000) - step_us, 0))

    def admits(self, arrival_us: int, now_us: int) -> bool:
        """Whether the call is within the quota."""
        return not self.step_us or arrival_us <= now_us + self.tolerance_us

    def next_arrival_us(self, arrival_us: int, now_us: int) -> int:
        """Return the theoretical arrival time after the call."""
        return max(arrival_us, now_us) + self.step_us if self.step_us else arrival_us
