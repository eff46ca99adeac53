"""Budgets under load and under faults, through the wrapper, on memory and on DynamoDB alike."""

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest

from silent_infinity.adapters.llm.budget import SpendPolicy
from silent_infinity.adapters.llm.composition import Gateway, GatewayStores, Parts
from silent_infinity.adapters.memory.metrics import MemoryMetrics
from silent_infinity.domain.budget import most_input_tokens, most_micro_usd
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.llm import ModelReply, ModelRequest, TransientModelError
from tests.contract.gateway_stores import GatewayShared
from tests.contract.models import WallClock, asked
from tests.contract.threads import at_once

CALLERS = 50
REQUEST = asked(seconds=60)
RESERVED_TOKENS = most_input_tokens(REQUEST.system, REQUEST.messages) + REQUEST.max_tokens
RESERVED_MICRO_USD = most_micro_usd(
    model_id=REQUEST.model_id,
    provider="bedrock",
    day="2026-11-21",
    input_tokens=RESERVED_TOKENS - REQUEST.max_tokens,
    max_tokens=REQUEST.max_tokens,
)
DEAREST = Usage(RESERVED_TOKENS - 384, 384, cost_usd=RESERVED_MICRO_USD / 1e6)
"""A call that uses all that was reserved for it."""


class Provider:
    """Answers, and adds up what it is owed."""

    def __init__(self, usage: Usage, before: Callable[[], None] = lambda: None) -> None:
        self._usage = usage
        self._before = before
        self._lock = threading.Lock()
        self.calls = 0

    def complete(self, request: ModelRequest) -> ModelReply:
        with self._lock:
            self.calls += 1
        self._before()
        return ModelReply("You say hello.", request.model_id, "bedrock", self._usage, "stop", 1, 2)


def process(shared: GatewayShared, provider: Any, policy: SpendPolicy, spend: Any = None) -> Gateway:
    """Return the gateway of one process."""
    return Gateway(
        Parts(
            clock=WallClock(),
            metrics=MemoryMetrics(),
            provider=provider,
            provider_name="bedrock",
            stores=GatewayStores(lambda: shared.breakers, lambda: spend or shared.spend),
            spend=policy,
            sleep=lambda _seconds: None,
        )
    )


def turn(gateway: Gateway, session_id: str = "session-1") -> str:
    """Ask for a reply; return who answered."""
    return gateway.complete(asked(seconds=60, session_id=session_id)).provider


@pytest.mark.parametrize("shards", [1, 2])
def test_fifty_callers_never_spend_more_than_the_days_cap(shared: GatewayShared, shards: int) -> None:
    """Each a process of its own, each call as dear as it can be: the cap holds while they run and after."""
    cap = shards * 1_000_000
    fits = shards * (1_000_000 // RESERVED_MICRO_USD)
    day = WallClock().now().date().isoformat()
    for shard in range(shards):
        earlier = (fits - 20) // shards * RESERVED_MICRO_USD
        shared.spend.reserve(f"spend#day#{day}#{shard}", "earlier", earlier, None, 0)
        shared.spend.settle(f"spend#day#{day}#{shard}", "earlier", earlier, earlier)
    seen: list[int] = []
    provider = Provider(DEAREST, lambda: seen.append(shared.used("spend#day#")))
    policy = SpendPolicy(day_micro_usd=cap)

    answered = at_once(CALLERS, lambda n: turn(process(shared, provider, policy), f"session-{n}"))

    assert answered.count("bedrock") == provider.calls == 20
    assert answered.count("composer") == CALLERS - 20
    assert max(seen) <= cap
    assert cap - shards * RESERVED_MICRO_USD < shared.used("spend#day#") <= cap
    assert shared.in_flight() == 0


def test_fifty_callers_of_one_session_never_use_more_than_its_tokens(shared: GatewayShared) -> None:
    """A script that sends everything at once is held to the same budget as somebody who writes."""
    budget = 10 * RESERVED_TOKENS
    provider = Provider(DEAREST)

    answered = at_once(CALLERS, lambda _n: turn(process(shared, provider, SpendPolicy(budget))))

    assert shared.used("spend#session#") <= budget
    assert 9 <= answered.count("bedrock") == provider.calls
    assert shared.in_flight() == 0


def test_cheap_calls_leave_room_for_others(shared: GatewayShared) -> None:
    """What was reserved too much is free again: twenty fit, one after the other."""
    cheap = Usage(100, 20, cost_usd=0.0006)
    provider = Provider(cheap)
    gateway = process(
        shared,
        provider,
        SpendPolicy(3 * RESERVED_TOKENS + 20 * 120 + 8_000, 3 * RESERVED_MICRO_USD + 20 * 600),
    )

    assert [turn(gateway) for _ in range(20)] == ["bedrock"] * 20
    assert shared.used("spend#day#") == 20 * 600
    assert shared.used("spend#session#") == 20 * 120
    assert shared.in_flight() == 0


class Died(BaseException):
    """The process was killed."""


class Fragile:
    """A store whose n-th write ends badly, before or after it took place."""

    def __init__(self, inner: Any, point: int, failure: type[BaseException], *, takes_place: bool) -> None:
        self._inner = inner
        self._point = point
        self._failure = failure
        self._takes_place = takes_place
        self._writes = itertools.count()

    def _write(self, method: Callable[..., Any], *arguments: Any) -> Any:
        if next(self._writes) != self._point:
            return method(*arguments)
        if self._takes_place:
            method(*arguments)
        raise self._failure("here")

    def reserve(self, *arguments: Any) -> Any:
        return self._write(self._inner.reserve, *arguments)

    def settle(self, *arguments: Any) -> Any:
        return self._write(self._inner.settle, *arguments)


POLICY = SpendPolicy(1_000_000, 1_000_000)
CHEAP = Usage(100, 20, cost_usd=0.0006)
POINTS = range(4)


@pytest.mark.parametrize("takes_place", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_write_charges_what_was_reserved_and_nothing_twice(
    shared: GatewayShared, point: int, takes_place: bool
) -> None:
    """And the next turn pays for itself alone."""
    fragile = Fragile(shared.spend, point, Died, takes_place=takes_place)
    with pytest.raises(Died):
        turn(process(shared, Provider(CHEAP), POLICY, fragile))

    session = shared.used("spend#session#")
    day = shared.used("spend#day#")
    assert session in (0, 120, RESERVED_TOKENS)
    assert day in (0, 600, RESERVED_MICRO_USD)
    if point >= 2:  # the call was made: nothing of it may be forgotten
        assert session >= 120
        assert day >= 600

    assert turn(process(shared, Provider(CHEAP), POLICY)) == "bedrock"
    assert shared.used("spend#session#") == session + 120
    assert shared.used("spend#day#") == day + 600


@pytest.mark.parametrize("takes_place", [False, True], ids=["lost question", "lost answer"])
@pytest.mark.parametrize("point", POINTS)
def test_a_write_that_fails_costs_nobody_a_reply_and_nothing_twice(
    shared: GatewayShared, point: int, takes_place: bool
) -> None:
    """Whether it took place or not; the caller cannot know."""
    fragile = Fragile(shared.spend, point, StoreUnavailableError, takes_place=takes_place)

    assert turn(process(shared, Provider(CHEAP), POLICY, fragile)) == "bedrock"
    assert shared.used("spend#session#") <= RESERVED_TOKENS
    assert shared.used("spend#day#") <= RESERVED_MICRO_USD


def test_a_retried_call_pays_for_what_was_billed(shared: GatewayShared) -> None:
    """The throttled attempt is given back, the second one is settled: two reservations, one charge."""
    outcomes = iter([True, False])

    class Throttled(Provider):
        def complete(self, request: ModelRequest) -> ModelReply:
            if next(outcomes):
                raise TransientModelError("bedrock:ThrottlingException")
            return super().complete(request)

    assert turn(process(shared, Throttled(CHEAP), POLICY)) == "bedrock"
    assert (shared.used("spend#session#"), shared.used("spend#day#")) == (120, 600)
    assert shared.in_flight() == 0


def test_the_breaker_that_one_process_opens_is_open_for_fifty(shared: GatewayShared) -> None:
    """Shared by the store: the others are told without having to fail."""

    class Down(Provider):
        def complete(self, request: ModelRequest) -> ModelReply:
            super().complete(request)
            raise TransientModelError("bedrock:EndpointConnectionError")

    first = Down(CHEAP)
    gateway = process(shared, first, SpendPolicy())
    for _ in range(2):
        turn(gateway)
    others = Provider(CHEAP)

    answered = at_once(CALLERS, lambda _n: turn(process(shared, others, SpendPolicy())))

    assert answered == ["composer"] * CALLERS
    assert (first.calls, others.calls) == (4, 0)
