"""A deadline that holds even when a provider keeps a connection open and sends a byte now and then."""

import threading
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, SimpleQueue

from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import LanguageModel, ModelReply, ModelRequest, ModelTimeoutError

HAND_OVER_MS = 150
"""The inner model is told to be done this much earlier, so that it can still hand over what it has."""


NO_TIME = "deadline:no-time"
LEFT_BEHIND = "deadline:left-behind"


class DeadlineModel:
    """Runs the inner model in a thread of its own, and leaves it behind when the time is up.

    The time is up at the request's deadline, or when the class's own budget for a generation is spent. The
    thread is a daemon, so a call that is left behind does not keep the process from ending.
    """

    def __init__(self, inner: LanguageModel, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def complete(self, request: ModelRequest) -> ModelReply:
        now_ms = unix_ms(self._clock.now())
        deadline_ms = min(request.deadline_ms, now_ms + turn_classes()[request.turn_class].budget_ms)
        left_ms = deadline_ms - now_ms
        if left_ms <= HAND_OVER_MS:
            raise ModelTimeoutError(NO_TIME)
        outcomes: SimpleQueue[Callable[[], ModelReply]] = SimpleQueue()
        timely = replace(request, deadline_ms=deadline_ms - HAND_OVER_MS)
        threading.Thread(target=self._run, args=(timely, outcomes), name="model-call", daemon=True).start()
        try:
            outcome = outcomes.get(timeout=left_ms / 1000)
        except Empty:
            raise ModelTimeoutError(LEFT_BEHIND) from None
        return outcome()

    def _run(self, request: ModelRequest, outcomes: "SimpleQueue[Callable[[], ModelReply]]") -> None:
        try:
            reply = self._inner.complete(request)
        except BaseException as error:  # noqa: BLE001 -- handed to the waiting thread, which raises it
            failure = error
            outcomes.put(lambda: _raise(failure))
        else:
            outcomes.put(lambda: reply)


def _raise(error: BaseException) -> ModelReply:
    raise error
