"""When gates are looked at again, and when nobody waits any longer."""

import math
from datetime import datetime, time, timedelta

from silent_infinity.data import load
from silent_infinity.domain.promotion.gates.rules import samples


def seconds_to_next(now: datetime) -> int:
    """Return the seconds to the next look: an hour after the nightly rollup is due. `now` is in UTC."""
    at = time.fromisoformat(load("gates.json")["look_at_utc"])
    next_look = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    if next_look <= now:
        next_look += timedelta(days=1)
    return math.ceil((next_look - now).total_seconds())


def is_over(phase: str, began: datetime, now: datetime) -> bool:
    """Whether no further night is waited for: since a request (entry), or since a step was taken (watch)."""
    return now - began >= timedelta(days=samples()[phase].days)
