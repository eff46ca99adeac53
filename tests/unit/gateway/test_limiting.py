"""Rate limits around models."""

import pytest

from silent_infinity.domain.model_rates import ModelRate
from silent_infinity.ports.llm import ModelError
from tests.unit.gateway.gateways import COUNTED_CLASSES, HAIKU, SONNET, Provider, World, asked

SIX_A_MINUTE = ModelRate(requests_per_minute=6)
"""One in ten seconds, and as much at once."""


@pytest.fixture
def world() -> World:
    """Shared stores and a clock that stands still."""
    return World()


def test_what_the_provider_would_throttle_goes_to_the_next_one(world: World) -> None:
    """At once, instead of after a refusal and a pause."""
    provider = Provider()
    gateway = world.gateway(provider, rate=SIX_A_MINUTE)

    assert gateway.complete(asked()).provider == "scripted"
    limited = gateway.complete(asked())

    assert (limited.provider, limited.notes) == ("composer", ("rate:limited",))
    assert len(provider.asked) == 1
    assert world.measured("ModelCalls", outcome="rate") == 1


def test_the_quota_comes_back_with_time(world: World) -> None:
    """Ten seconds later one call fits again."""
    gateway = world.gateway(Provider(), rate=SIX_A_MINUTE)
    gateway.complete(asked())
    world.clock.advance(10)

    assert gateway.complete(asked(deadline_ms=asked().deadline_ms + 10_000)).provider == "scripted"


def test_a_limited_call_is_neither_charged_nor_counted_as_a_failure(world: World) -> None:
    """Nobody was asked."""
    gateway = world.gateway(Provider(), rate=SIX_A_MINUTE)
    for _ in range(9):
        gateway.complete(asked())

    assert world.session_used() == 120
    assert world.measured("BreakerOpened") == 0


def test_tokens_are_taken_as_the_provider_takes_them(world: World) -> None:
    """All that the request may use, whatever it will use."""
    gateway = world.gateway(Provider(), rate=ModelRate(tokens_per_minute=6 * 400))

    assert gateway.complete(asked()).provider == "scripted"
    assert gateway.complete(asked()).notes == ("rate:limited",)


def test_a_quota_is_one_models(world: World) -> None:
    """The chain hands over to the other one."""
    provider = Provider()
    gateway = world.gateway(provider, rate=SIX_A_MINUTE)
    small_talk = asked(turn_class="TC3", model_id=HAIKU, fallback_models=(SONNET,))
    gateway.complete(small_talk)
    gateway.complete(small_talk)

    assert [request.model_id for request in provider.asked] == [HAIKU, SONNET]


def test_all_processes_share_a_quota(world: World) -> None:
    """It is the account's."""
    world.gateway(Provider(), rate=SIX_A_MINUTE).complete(asked())

    assert world.gateway(Provider(), rate=SIX_A_MINUTE).complete(asked()).notes == ("rate:limited",)


@pytest.mark.parametrize("turn_class", COUNTED_CLASSES)
def test_a_crisis_is_counted_and_never_limited(world: World, turn_class: str) -> None:
    """Others wait for it."""
    provider = Provider()
    gateway = world.gateway(provider, rate=SIX_A_MINUTE)
    for _ in range(5):
        gateway.complete(asked(turn_class=turn_class))

    assert len(provider.asked) == 5
    assert gateway.complete(asked()).notes == ("rate:limited",)


def test_while_the_store_is_down_nobody_is_limited(world: World) -> None:
    """The provider's own refusal is still there."""
    world.down()
    gateway = world.gateway(Provider(), rate=SIX_A_MINUTE)

    assert [gateway.complete(asked()).provider for _ in range(3)] == ["scripted"] * 3
    assert "rate:unavailable" in gateway.complete(asked()).notes
    assert world.measured("RateLimitUnavailable") == 4


def test_without_a_quota_no_store_is_asked(world: World) -> None:
    """None is known in most environments."""
    world.gateway(Provider()).complete(asked())

    assert world.rates.calls == 0


def test_a_class_without_last_resort_fails_at_once(world: World) -> None:
    """The sentinel skips what it may not ask."""
    gateway = world.gateway(Provider(), rate=SIX_A_MINUTE)
    gateway.complete(asked(turn_class="TC2", model_id=HAIKU))

    with pytest.raises(ModelError, match=r"^rate:limited$"):
        gateway.complete(asked(turn_class="TC2", model_id=HAIKU))
