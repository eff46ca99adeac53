"""One more try for errors that may pass."""

import random
import time
from collections.abc import Callable
from dataclasses import replace

from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import LanguageModel, ModelReply, ModelRequest, TransientModelError

LEAST_MS = 1000
"""A retry with less time than this left would only take the time of whoever comes next."""


class RetryModel:
    """Asks the inner model once more after a transient error, if the turn class wants a retry.

    The pause is the class's `retry_after_ms`, times a random factor between 0.5 and 1.5, so that callers who
    were throttled together do not come back together. `sleep` takes seconds; `randomness` returns 0 to 1.
    """

    def __init__(
        self,
        inner: LanguageModel,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        randomness: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._sleep = sleep
        self._randomness = randomness

    def complete(self, request: ModelRequest) -> ModelReply:
        try:
            return self._inner.complete(request)
        except TransientModelError as error:
            pause_ms = self._pause_ms(request)
            if pause_ms is None:
                raise
            failure = str(error)
        self._sleep(pause_ms / 1000)
        reply = self._inner.complete(request)
        return replace(reply, retry_count=reply.retry_count + 1, notes=(failure, *reply.notes))

    def _pause_ms(self, request: ModelRequest) -> float | None:
        """Return how long to wait, or None if there is to be no retry."""
        wanted = turn_classes()[request.turn_class].retry_after_ms
        if wanted is None:
            return None
        pause_ms = wanted * (0.5 + self._randomness())
        left_ms = request.deadline_ms - unix_ms(self._clock.now()) - pause_ms
        return pause_ms if left_ms >= LEAST_MS else None
