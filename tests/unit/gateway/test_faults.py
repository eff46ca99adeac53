"""The fault matrix of the gateway: every fault, every class, in time, charged once, and over when it is over.

The clock is moved by the provider; what the real clock does is in the adapters' and the handlers' tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.domain.budget import most_input_tokens, most_micro_usd
from silent_infinity.domain.gateway import gateway_rules
from silent_infinity.domain.model_rates import ModelRate
from silent_infinity.domain.turn import Usage, usage_of
from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.ports.llm import (
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
    TransientModelError,
)
from tests.unit.adapters.doubles import a_reply
from tests.unit.gateway.gateways import SONNET, Provider, World, answers, asked

CLASSES = sorted(turn_classes())
RULES = gateway_rules()
DEAREST = most_micro_usd(
    model_id=SONNET,
    provider="bedrock",
    day="2026-11-21",
    input_tokens=most_input_tokens(asked().system, asked().messages),
    max_tokens=768,
)


def now_ms(world: World) -> int:
    """Return the world's time."""
    return int(world.clock.now().timestamp() * 1000)


def killed(_world: World, _request: ModelRequest) -> ModelReply:
    """Nobody listens."""
    raise TransientModelError("bedrock:EndpointConnectionError")


def slow(world: World, request: ModelRequest) -> ModelReply:
    """Too slow for whatever time there is; it notices itself."""
    world.clock.advance(max(request.deadline_ms - now_ms(world), 0) / 1000)
    raise ModelTimeoutError("bedrock:timeout")


def throttled(world: World, _request: ModelRequest) -> ModelReply:
    """Quick to refuse."""
    world.clock.advance(0.05)
    raise TransientModelError("bedrock:ThrottlingException")


def corrupt(world: World, _request: ModelRequest) -> ModelReply:
    """The answer breaks off half way."""
    world.clock.advance(0.5)
    raise TransientModelError("bedrock:truncated")


def refusing(_world: World, _request: ModelRequest) -> ModelReply:
    """The provider's own guard steps in."""
    return a_reply("", finish_reason="guardrail_intervened", usage=Usage(100, 0, cost_usd=0.0003))


def denying(_world: World, _request: ModelRequest) -> ModelReply:
    """A permission is missing."""
    raise ModelError("bedrock:AccessDeniedException")


def well(_world: World, request: ModelRequest) -> ModelReply:
    """Answer."""
    return answers(request)


Fault = Callable[[World, ModelRequest], ModelReply]
FAULTS: dict[str, Fault] = {
    "killed": killed,
    "slow": slow,
    "throttled": throttled,
    "corrupt": corrupt,
    "refusing": refusing,
    "denying": denying,
}
TRIPPING = ("killed", "slow", "throttled", "corrupt")


@dataclass
class Turn:
    """How one request ended. `calls` are its records."""

    answered_by: str
    calls: tuple[Any, ...]
    took_ms: int


def take(world: World, gateway: Any, turn_class: str, number: int = 0, **changes: Any) -> Turn:
    """Ask for a reply in a session of its own, with nine seconds to go."""
    begun = now_ms(world)
    request = asked(
        turn_class=turn_class,
        deadline_ms=begun + 9_000,
        session_id=f"session-{number}",
        model_id=turn_classes()[turn_class].model,
        fallback_models=turn_classes()[turn_class].fallback_models,
        **changes,
    )
    try:
        reply = gateway.complete(request)
    except ModelError as error:
        return Turn("nobody", error.calls, now_ms(world) - begun)
    return Turn(reply.provider, reply.calls, now_ms(world) - begun)


def under(world: World, fault: Fault) -> Provider:
    """Return a provider with this fault."""
    return Provider(lambda request: fault(world, request))


@pytest.mark.parametrize("stores", ["up", "down"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("turn_class", CLASSES)
def test_every_fault_ends_in_time_with_what_the_class_falls_back_to(
    turn_class: str, fault: str, stores: str
) -> None:
    """The composer's words, or an error that the caller has vetted words for; over and over."""
    world = World()
    world.down(down=stores == "down")
    gateway = world.gateway(under(world, FAULTS[fault]))
    last = "composer" if turn_classes()[turn_class].last_resort == "composer" else "nobody"

    for number in range(8):
        turn = take(world, gateway, turn_class, number)
        assert turn.answered_by == last
        assert turn.took_ms <= min(9_000, turn_classes()[turn_class].budget_ms)


@pytest.mark.parametrize("fault", TRIPPING)
def test_the_breaker_opens_on_every_transient_fault_and_closes_when_it_is_over(fault: str) -> None:
    """Open: nobody waits any more. Over: the first one finds out, the others follow."""
    world = World()
    provider = under(world, FAULTS[fault])
    gateway = world.gateway(provider)
    for number in range(RULES.breaker.failures):
        take(world, gateway, "TC4", number)
    assert world.measured("BreakerOpened", model=f"bedrock/{SONNET}") == 1
    asked_so_far = len(provider.asked)

    turn = take(world, gateway, "TC4", 20)
    assert (turn.took_ms, len(provider.asked)) == (0, asked_so_far)

    world.clock.advance(RULES.breaker.open_ms / 1000)
    provider.behave = answers
    assert [take(world, gateway, "TC4", number).answered_by for number in range(30, 33)] == ["scripted"] * 3
    assert world.measured("BreakerClosed", model=f"bedrock/{SONNET}") == 1


@pytest.mark.parametrize("fault", ["refusing", "denying"])
def test_the_breaker_stays_closed_on_what_is_no_outage(fault: str) -> None:
    """One person's refused message must not take the model away from everybody."""
    world = World()
    gateway = world.gateway(under(world, FAULTS[fault]))
    for number in range(10):
        take(world, gateway, "TC4", number)

    assert world.measured("BreakerOpened") == 0


@pytest.mark.parametrize("fault", TRIPPING)
def test_a_provider_that_fails_every_other_time_stays_in_use(fault: str) -> None:
    """Alternating: the retry, or the next turn, gets through."""
    world, turns = World(), count()

    def alternating(request: ModelRequest) -> ModelReply:
        return FAULTS[fault](world, request) if next(turns) % 2 == 0 else answers(request)

    gateway = world.gateway(Provider(alternating))
    found = [take(world, gateway, "TC4", number).answered_by for number in range(12)]

    assert found.count("scripted") >= 6
    assert world.measured("BreakerOpened") == 0


@pytest.mark.parametrize("stores", ["up", "down", "failing now and then"])
@given(
    outcomes=st.lists(st.sampled_from([*FAULTS.values(), well, well]), min_size=1, max_size=25),
    classes=st.lists(st.sampled_from(CLASSES), min_size=1, max_size=10),
    moments=st.sets(st.integers(0, 60)),
)
@settings(max_examples=60)
def test_nothing_is_charged_twice_or_forgotten(
    stores: str, outcomes: list[Fault], classes: list[str], moments: set[int]
) -> None:
    """Whatever happens in whatever order: what is charged covers what was paid, and nothing else but what
    may have been billed without a word, at the price that was reserved for it.
    """
    world = World()
    world.down(down=stores == "down")
    steps, left = count(), list(outcomes)

    def behave(request: ModelRequest) -> ModelReply:
        if stores == "failing now and then":
            world.spend.unavailable = next(steps) in moments
        return (left.pop(0) if left else well)(world, request)

    gateway = world.gateway(Provider(behave), rate=ModelRate(requests_per_minute=600))
    paid = unknown = 0
    provider_calls: list[int] = []
    for number, turn_class in enumerate(classes):
        turn = take(world, gateway, turn_class, number)
        paid += round(usage_of(turn.calls).cost_usd * 1e6)
        provider_calls.append(len(turn.calls))
        # An open breaker is asked for nothing; all others without a price may have been billed.
        unknown += sum(
            not call.cost_usd and call.outcome != "breaker:open" and RULES.may_have_cost(call.outcome)
            for call in turn.calls
        )

    calls = sum(provider_calls)
    if stores == "down":
        assert world.day_used() == 0
    elif stores == "up":
        assert world.in_flight() == 0
        assert paid <= world.day_used() <= paid + unknown * DEAREST
    else:
        assert world.day_used() <= paid + calls * DEAREST
        assert world.in_flight() <= 2 * calls


@pytest.mark.parametrize("turn_class", CLASSES)
@pytest.mark.parametrize("answered", [True, False])
def test_a_kill_at_any_call_of_a_store_charges_at_most_what_was_reserved(
    turn_class: str, answered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies before or after each write in turn; a repeated turn then pays for itself alone."""
    clean = World()
    take(clean, clean.gateway(Provider()), turn_class)
    points = clean.spend.calls
    assert points

    for point in range(points):
        world = World()
        writes = count()

        def dying(method: Any, writes: Any = writes, point: int = point) -> Any:
            def write(*arguments: Any) -> Any:
                mine = next(writes) == point
                if mine and not answered:
                    raise KeyboardInterrupt
                result = method(*arguments)
                if mine:
                    raise KeyboardInterrupt
                return result

            return write

        monkeypatch.setattr(world.spend, "reserve", dying(world.spend.reserve))
        monkeypatch.setattr(world.spend, "settle", dying(world.spend.settle))
        with pytest.raises(KeyboardInterrupt):
            take(world, world.gateway(Provider()), turn_class)
        left_behind, used = world.in_flight(), world.day_used()
        take(world, world.gateway(Provider()), turn_class)

        assert world.in_flight() == left_behind <= 2
        assert world.day_used() == used + 600
