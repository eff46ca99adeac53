"""More tries for errors that may pass."""

import random
import time
from collections.abc import Callable
from dataclasses import replace

from silent_infinity.domain.turn import ModelCall
from silent_infinity.domain.turn_classes import TurnClass, turn_classes
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelReply, ModelRequest, TransientModelError

LEAST_MS = 1000
"""A retry with less time than this left would only take the time of whoever comes next."""


class RetryModel:
    """Asks the inner model again after a transient error, as often as the turn class wants.

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
        rules = turn_classes()[request.turn_class]
        failures: list[str] = []
        calls: tuple[ModelCall, ...] = ()
        while True:
            try:
                reply = self._inner.complete(request)
            except ModelError as error:
                error.calls = calls = (*calls, *_marked(error.calls, len(failures)))
                pause_ms = self._pause_ms(request, rules)
                again = isinstance(error, TransientModelError) and len(failures) < rules.retries
                if not again or pause_ms is None:
                    raise
                failures.append(str(error))
            else:
                return replace(
                    reply,
                    retry_count=reply.retry_count + len(failures),
                    notes=(*failures, *reply.notes),
                    calls=(*calls, *_marked(reply.calls, len(failures))),
                )
            self._sleep(pause_ms / 1000)

    def _pause_ms(self, request: ModelRequest, rules: TurnClass) -> float | None:
        """Return how long to wait, or None if there is no time for a retry."""
        pause_ms = rules.retry_after_ms * (0.5 + self._randomness())
        left_ms = request.deadline_ms - unix_ms(self._clock.now()) - pause_ms
        return pause_ms if left_ms >= LEAST_MS else None


def _marked(calls: tuple[ModelCall, ...], retries: int) -> tuple[ModelCall, ...]:
    """Note on which retry the calls were made."""
    if not retries:
        return calls
    return tuple(replace(call, notes=(f"retry:{retries}", *call.notes)) for call in calls)
