"""Many callers at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

R = TypeVar("R")


def at_once(count: int, call: Callable[[int], R]) -> list[R]:
    """Call `call(0)` to `call(count - 1)` from as many threads that start together; return the results."""
    barrier = Barrier(count)

    def wait_and_call(number: int) -> R:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_call, range(count)))
