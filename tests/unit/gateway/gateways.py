"""Gateways over scripted providers, on a clock that tests move."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from silent_infinity.adapters.llm.budget import SpendPolicy
from silent_infinity.adapters.llm.composition import Gateway, GatewayStores, Parts
from silent_infinity.adapters.llm.shared import Background
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.gateway import (
    MemoryBreakerStore,
    MemoryModelRateStore,
    MemorySpendStore,
)
from silent_infinity.adapters.memory.metrics import MemoryMetrics
from silent_infinity.domain.model_rates import ModelRate
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import LanguageModel, ModelReply, ModelRequest
from tests.unit.adapters.doubles import START, a_reply, a_request

HAIKU, SONNET, OPUS = "claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-7"
ENFORCED_CLASSES, COUNTED_CLASSES = ("TC2", "TC3", "TC4", "TC5", "TC7"), ("TC1", "TC6")
POLICY = SpendPolicy(session_tokens=60_000, day_micro_usd=8_000_000)


class AtOnce(Background):
    """A background without a thread: what is submitted is done before anything else."""

    def submit(self, job: Callable[[], object]) -> bool:
        try:
            job()
        except Exception:  # noqa: BLE001 -- as in the thread
            return True
        return True


class Provider:
    """A provider that answers with whatever `behave` returns or raises; `asked` keeps the requests."""

    def __init__(self, behave: Callable[[ModelRequest], ModelReply] | None = None) -> None:
        self.asked: list[ModelRequest] = []
        self.behave = behave or answers

    def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        return self.behave(request)


def answers(request: ModelRequest) -> ModelReply:
    """Answer as the model that was asked, for 100 tokens in, 20 out and 600 millionths of a dollar."""
    return a_reply(model_id=request.model_id, usage=Usage(100, 20, cost_usd=0.0006))


def fails(error: Exception) -> Callable[[ModelRequest], ModelReply]:
    """Return a behaviour that raises a new error of this kind each time."""

    def behave(_request: ModelRequest) -> ModelReply:
        raise type(error)(*error.args)

    return behave


@dataclass
class World:
    """Stores, metrics and a clock that several processes share."""

    clock: FixedClock = field(default_factory=lambda: FixedClock(START))
    breakers: MemoryBreakerStore = field(default_factory=MemoryBreakerStore)
    spend: MemorySpendStore = field(default_factory=MemorySpendStore)
    rates: MemoryModelRateStore = field(default_factory=MemoryModelRateStore)
    metrics: MemoryMetrics = field(default_factory=MemoryMetrics)
    ids: Any = field(default_factory=lambda: (f"{number:08x}" for number in itertools.count()))

    def gateway(self, provider: LanguageModel | None, **changes: Any) -> Gateway:
        """Return a gateway of a process of its own."""
        values: dict[str, Any] = {
            "clock": self.clock,
            "metrics": self.metrics,
            "provider": provider,
            "provider_name": "bedrock",
            "stores": GatewayStores(lambda: self.breakers, lambda: self.spend, lambda: self.rates),
            "spend": POLICY,
            "rate": ModelRate(),
            "environment": "test",
            "background": AtOnce(),
            "sleep": self.clock.advance,
            "randomness": lambda: 0.5,
            "new_id": lambda: next(self.ids),
            **changes,
        }
        return Gateway(Parts(**values))

    def down(self, *, down: bool = True) -> None:
        """Take all shared stores away, or bring them back."""
        for store in (self.breakers, self.spend, self.rates):
            store.unavailable = down

    def session_used(self) -> int:
        """Return the tokens that are charged to the session of `asked`."""
        return self.spend.used.get("spend#session#session-1", 0)

    def day_used(self) -> int:
        """Return the millionths of a dollar that are charged to all days."""
        return sum(used for key, used in self.spend.used.items() if key.startswith("spend#day#"))

    def in_flight(self) -> int:
        """Return how many reservations are not settled."""
        return sum(len(flying) for flying in self.spend.in_flight.values())

    def measured(self, name: str, **dimensions: str) -> float:
        """Return the sum of a metric's values with these dimensions among its own."""
        return sum(
            entry.value
            for entry in self.metrics.flushed
            if entry.name == name and dimensions.items() <= dict(entry.dimensions).items()
        )


def asked(**changes: Any) -> ModelRequest:
    """Return a request of a session."""
    return a_request(**{"session_id": "session-1", **changes})
