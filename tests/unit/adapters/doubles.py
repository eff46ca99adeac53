"""Models and clocks for the tests of the wrappers."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.domain.turn import SystemBlock, Usage, Utterance
from silent_infinity.ports.clock import unix_ms
from silent_infinity.ports.llm import ModelError, ModelReply, ModelRequest

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
START_MS = unix_ms(START)


def a_request(**changes: Any) -> ModelRequest:
    """Return a request with ten seconds left on a clock that stands at START."""
    values: dict[str, Any] = {
        "system": (SystemBlock("You listen."),),
        "messages": (Utterance("user", "hello"),),
        "model_id": "claude-sonnet-4-6",
        "max_tokens": 384,
        "temperature": 0.7,
        "deadline_ms": START_MS + 10_000,
        "turn_class": "TC4",
        "message": "hello",
        "seed": "seed",
    }
    return ModelRequest(**{**values, **changes})


def a_reply(text: str = "You say hello.", **changes: Any) -> ModelReply:
    """Return a reply."""
    values: dict[str, Any] = {
        "text": text,
        "model_id": "claude-sonnet-4-6",
        "provider": "scripted",
        "usage": Usage(10, 5, cost_usd=0.001),
        "finish_reason": "stop",
        "llm_ttft_ms": 1,
        "llm_complete_ms": 2,
    }
    return ModelReply(**{**values, **changes})


class Script:
    """A model that does what it is told, call by call; `asked` keeps the requests."""

    def __init__(
        self, *outcomes: ModelReply | ModelError, clock: FixedClock | None = None, takes: float = 0
    ) -> None:
        self.asked: list[ModelRequest] = []
        self._outcomes = list(outcomes)
        self._clock = clock
        self._takes = takes

    def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        if self._clock:
            self._clock.advance(self._takes)
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, ModelError):
            raise outcome
        return outcome


class Stuck:
    """A model that answers only when it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.begun = threading.Event()

    def complete(self, _request: ModelRequest) -> ModelReply:
        self.begun.set()
        self.let_go.wait(30)
        return a_reply()


class Doing:
    """A model that calls a function."""

    def __init__(self, function: Callable[[ModelRequest], ModelReply]) -> None:
        self._function = function

    def complete(self, request: ModelRequest) -> ModelReply:
        return self._function(request)
