"""A second chance for writes that met another write to the same item."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from silent_infinity.adapters.aws.calls import ContentionError

R = TypeVar("R")

ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.02


def patiently(write: Callable[[], R], sleep: Callable[[float], None] = time.sleep) -> R:
    """Call `write` again while it meets contention: at most six times, within 0.7 s of pauses.

    DynamoDB cancels one of two transactions that touch the same item at the same time, and its SDK does not
    repeat them.
    """
    pause = FIRST_PAUSE_SECONDS
    for _ in range(ATTEMPTS - 1):
        try:
            return write()
        except ContentionError:
            sleep(pause * random.uniform(0.5, 1.0))
            pause *= 2
    return write()
