"""Circuit breakers around models: within one process, between processes, and without a store."""

import logging

import pytest

from silent_infinity.domain.gateway import gateway_rules
from silent_infinity.ports.llm import (
    BudgetSpentError,
    LiveModelForbiddenError,
    ModelError,
    ModelTimeoutError,
    TransientModelError,
)
from tests.unit.adapters.doubles import START_MS, a_reply
from tests.unit.gateway.gateways import HAIKU, SONNET, Provider, World, answers, asked, fails

RULES = gateway_rules().breaker
BUSY = TransientModelError("bedrock:ThrottlingException")
KEY = f"bedrock/{SONNET}"


@pytest.fixture
def world() -> World:
    """Shared stores and a clock that stands still."""
    return World()


def now_ms(world: World) -> int:
    """Return the world's time."""
    return int(world.clock.now().timestamp() * 1000)


def ask(world: World, gateway: object, **changes: object) -> str:
    """Ask with ten seconds left; return who answered."""
    request = asked(deadline_ms=now_ms(world) + 10_000, **changes)
    return gateway.complete(request).provider  # type: ignore[attr-defined,no-any-return]


def opened(world: World, provider: Provider) -> object:
    """Return a gateway whose provider has just failed as often as it takes."""
    gateway = world.gateway(provider)
    provider.behave = fails(BUSY)
    for _ in range(2):  # each with one retry
        ask(world, gateway)
    assert len(provider.asked) == RULES.failures
    provider.asked.clear()
    return gateway


def test_a_model_that_keeps_failing_is_not_asked_any_more(world: World) -> None:
    """The next person gets the composer's words at once instead of waiting for what others waited for."""
    provider = Provider()
    gateway = opened(world, provider)

    reply = gateway.complete(asked())  # type: ignore[attr-defined]

    assert provider.asked == []
    assert (reply.provider, reply.fallback_used) == ("composer", True)
    assert reply.notes == ("breaker:open",)
    assert world.measured("BreakerOpened", environment="test", model=KEY) == 1


def test_one_probe_decides(world: World) -> None:
    """A provider that comes back must not be met by everybody at once, and not be forgotten either."""
    provider = Provider()
    gateway = opened(world, provider)
    world.clock.advance(RULES.open_ms / 1000)

    def meets_others(request: object) -> object:
        assert ask(world, gateway) == "composer"
        return answers(request)  # type: ignore[arg-type]

    provider.behave = meets_others  # type: ignore[assignment]
    assert ask(world, gateway) == "scripted"
    assert len(provider.asked) == 1

    provider.behave = answers
    assert [ask(world, gateway) for _ in range(3)] == ["scripted"] * 3
    assert world.measured("BreakerClosed", environment="test", model=KEY) == 1


def test_a_probe_that_fails_shuts_it_again(world: World) -> None:
    """For the whole time: the provider is still down."""
    provider = Provider()
    gateway = opened(world, provider)
    world.clock.advance(RULES.open_ms / 1000)

    ask(world, gateway)
    assert len(provider.asked) == 1  # the retry found it open
    world.clock.advance(RULES.open_ms / 1000 - 1)
    ask(world, gateway)
    assert len(provider.asked) == 1
    world.clock.advance(1)
    provider.behave = answers
    assert ask(world, gateway) == "scripted"


def test_a_probe_whose_process_died_makes_room_for_another(world: World) -> None:
    """A killed function tells nobody how its call ended."""
    provider = Provider()
    gateway = opened(world, provider)
    world.clock.advance(RULES.open_ms / 1000)
    provider.behave = fails(KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        ask(world, gateway)
    provider.behave = answers

    assert ask(world, gateway) == "composer"
    world.clock.advance(RULES.probe_ms / 1000)
    assert ask(world, gateway) == "scripted"


def test_all_processes_share_what_one_has_met(world: World) -> None:
    """Lambda runs a process for each concurrent turn: alone, each would have to learn it the hard way."""
    opened(world, Provider())
    fresh = Provider()

    assert ask(world, world.gateway(fresh)) == "composer"
    assert fresh.asked == []


def test_another_process_hears_of_it_within_seconds(world: World) -> None:
    """It trusts what it has read for a moment, so that not every turn reads."""
    provider = Provider()
    other = world.gateway(provider)
    ask(world, other)
    reads = world.breakers.calls
    ask(world, other)
    assert world.breakers.calls == reads

    opened(world, Provider())
    world.clock.advance(RULES.seen_ms / 1000)
    assert ask(world, other) == "composer"
    assert len(provider.asked) == 2


def test_one_probe_for_all_processes(world: World) -> None:
    """Fifty processes that all probe are the crowd that the breaker is there to hold back."""
    provider = Provider()
    opened(world, provider)
    world.clock.advance(RULES.open_ms / 1000)
    others = [world.gateway(provider) for _ in range(5)]
    provider.behave = fails(KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        ask(world, others[0])

    assert [ask(world, other) for other in others] == ["composer"] * 5
    assert len(provider.asked) == 1


def test_without_a_store_a_process_goes_by_what_it_has_met(world: World) -> None:
    """The counters' table being down must not cost anybody a reply, nor leave the model unguarded."""
    world.down()
    provider = Provider()
    gateway = opened(world, provider)

    assert ask(world, gateway) == "composer"
    assert provider.asked == []
    world.clock.advance(RULES.open_ms / 1000)
    provider.behave = answers
    assert ask(world, gateway) == "scripted"
    assert ask(world, gateway) == "scripted"


def test_a_store_that_is_down_is_not_asked_again_and_again(world: World) -> None:
    """Each question costs the person up to a second."""
    world.down()
    gateway = world.gateway(Provider())
    for _ in range(5):
        ask(world, gateway)

    calls = world.breakers.calls + world.spend.calls + world.rates.calls
    assert calls == 1


@pytest.mark.parametrize(
    "error",
    [
        ModelError("bedrock:ValidationException"),
        ModelError("bedrock:AccessDeniedException"),
        LiveModelForbiddenError("live:forbidden"),
        BudgetSpentError("budget:session"),
    ],
    ids=str,
)
def test_what_is_refused_does_not_open_it(world: World, error: ModelError) -> None:
    """The model is well; it is the request that is not."""
    provider = Provider(fails(error))
    gateway = world.gateway(provider)
    for _ in range(3 * RULES.failures):
        ask(world, gateway)

    assert len(provider.asked) == 3 * RULES.failures
    assert world.measured("BreakerOpened") == 0


def test_a_guard_of_the_provider_does_not_open_it(world: World) -> None:
    """Neither do empty replies."""
    provider = Provider(lambda _request: a_reply("no", finish_reason="guardrail_intervened"))
    gateway = world.gateway(provider)
    for _ in range(3 * RULES.failures):
        ask(world, gateway)

    assert len(provider.asked) == 3 * RULES.failures


def test_a_call_that_had_hardly_any_time_says_nothing(world: World) -> None:
    """Second attempts late in a turn run out of time with a provider that is well."""
    provider = Provider(fails(ModelTimeoutError("bedrock:timeout")))
    gateway = world.gateway(provider)
    for _ in range(3 * RULES.failures):
        gateway.complete(asked(deadline_ms=START_MS + 1_000))

    assert len(provider.asked) == 3 * RULES.failures


def test_time_outs_open_it_even_one_turn_after_the_other(world: World) -> None:
    """One person who waits eight seconds four times is enough: the fifth time nobody waits."""

    def slow(_request: object) -> object:
        world.clock.advance(8)
        raise ModelTimeoutError("bedrock:timeout")

    provider = Provider(slow)  # type: ignore[arg-type]
    gateway = world.gateway(provider)
    for _ in range(RULES.failures):
        ask(world, gateway)

    begun = now_ms(world)
    assert ask(world, gateway) == "composer"
    assert now_ms(world) == begun


def test_a_breaker_is_one_models(world: World) -> None:
    """Small talk goes on with Haiku while Sonnet is down."""
    provider = Provider()
    gateway = opened(world, provider)
    provider.behave = answers

    assert ask(world, gateway, turn_class="TC3", model_id=HAIKU) == "scripted"


def test_an_open_breaker_hands_over_to_the_other_model(world: World) -> None:
    """The chain goes on as after any other error."""
    provider = Provider()
    gateway = opened(world, provider)
    provider.behave = answers

    reply = gateway.complete(  # type: ignore[attr-defined]
        asked(turn_class="TC3", model_id=SONNET, fallback_models=(HAIKU,))
    )

    assert [request.model_id for request in provider.asked] == [HAIKU]
    assert reply.notes == ("breaker:open",)


def test_a_crisis_waits_for_no_store(world: World) -> None:
    """Its breaker is the process's own: nothing is read or written for it on the way."""
    provider = Provider(fails(BUSY))
    gateway = world.gateway(provider)
    for _ in range(4):
        with pytest.raises(ModelError):
            ask(world, gateway, turn_class="TC6")

    assert world.breakers.calls == 0
    assert len(provider.asked) == RULES.failures


def test_the_screen_is_always_tried(world: World) -> None:
    """A message that nobody could judge is worth three seconds."""
    provider = Provider(fails(BUSY))
    gateway = world.gateway(provider)
    for _ in range(10):
        with pytest.raises(ModelError):
            ask(world, gateway, turn_class="TC1", model_id=HAIKU)

    assert len(provider.asked) == 10


def test_opening_is_told_once_in_words_without_a_conversation(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Operators read it; a metric counts it, with and without the model's name for the alarm."""
    caplog.set_level(logging.INFO)
    opened(world, Provider())

    assert [record.getMessage() for record in caplog.records] == [f"breaker opened: {KEY}"]
    named = [entry for entry in world.metrics.flushed if entry.name == "BreakerOpened"]
    assert {entry.dimensions for entry in named} == {
        (("environment", "test"),),
        (("environment", "test"), ("model", KEY)),
    }


def test_a_process_that_loses_every_race_loses_a_count_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under contention others count too."""
    monkeypatch.setattr(world.breakers, "replace", lambda *_: False)
    provider = Provider(fails(BUSY))

    assert ask(world, world.gateway(provider)) == "composer"


def test_a_probe_that_told_nothing_leaves_room_for_the_next(world: World) -> None:
    """The provider refused that one message: whether it is well, the next call has to find out at once."""
    provider = Provider()
    gateway = opened(world, provider)
    world.clock.advance(RULES.open_ms / 1000)
    provider.behave = fails(ModelError("bedrock:ValidationException"))
    ask(world, gateway)
    provider.behave = answers

    assert ask(world, gateway) == "scripted"


def test_time_that_counters_took_is_not_the_models_fault(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call for which nothing was left was never made."""
    reserve = world.spend.reserve

    def slowly(*arguments: object) -> object:
        world.clock.advance(9.9)
        return reserve(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(world.spend, "reserve", slowly)
    provider = Provider()
    gateway = world.gateway(provider)
    for _ in range(2 * RULES.failures):
        ask(world, gateway)

    assert provider.asked == []
    assert world.measured("BreakerOpened") == 0
