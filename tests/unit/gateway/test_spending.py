"""Budgets around models: reserved before, settled after, and what people get when they are spent."""

from typing import Any

import pytest

from silent_infinity.adapters.llm.budget import SpendPolicy
from silent_infinity.domain.budget import most_input_tokens, most_micro_usd
from silent_infinity.domain.gateway import gateway_rules
from silent_infinity.domain.turn import SystemBlock, Usage, Utterance
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.llm import ModelError, ModelTimeoutError, TransientModelError
from tests.unit.adapters.doubles import a_reply
from tests.unit.gateway.gateways import (
    COUNTED_CLASSES,
    HAIKU,
    OPUS,
    POLICY,
    SONNET,
    Provider,
    World,
    answers,
    asked,
    fails,
)

TALK = tuple(Utterance("user" if n % 2 == 0 else "assistant", f"words {n}") for n in range(11))
SYSTEM = (SystemBlock("You listen. " * 40, "1h"), SystemBlock("Two paragraphs. " * 10, "5m"))
MOST_TOKENS = most_input_tokens(SYSTEM, TALK) + 384
MOST_MICRO_USD = most_micro_usd(
    model_id=SONNET,
    provider="bedrock",
    day="2026-11-21",
    input_tokens=MOST_TOKENS - 384,
    max_tokens=384,
    cache_ttls=("1h", "5m"),
)


@pytest.fixture
def world() -> World:
    """Shared stores and a clock that stands still."""
    return World()


def request(**changes: Any) -> Any:
    """Return a request with a conversation and instructions."""
    return asked(**{"messages": TALK, "system": SYSTEM, **changes})


def use(world: World, tokens: int) -> None:
    """Let the session have used so many tokens."""
    world.spend.reserve("spend#session#session-1", "earlier", tokens, None, 0)
    world.spend.settle("spend#session#session-1", "earlier", tokens, tokens)


def spend(world: World, micro_usd: int) -> None:
    """Let every shard of the day have spent so much."""
    for shard in range(8):
        world.spend.reserve(f"spend#day#2026-11-21#{shard}", "earlier", micro_usd, None, 0)
        world.spend.settle(f"spend#day#2026-11-21#{shard}", "earlier", micro_usd, micro_usd)


def test_a_call_is_reserved_before_and_settled_after(world: World) -> None:
    """While it is under way its upper bound is charged, afterwards what it used."""

    def during(asked_for: Any) -> Any:
        assert world.session_used() == MOST_TOKENS
        assert world.day_used() == MOST_MICRO_USD
        assert world.in_flight() == 2
        return answers(asked_for)

    reply = world.gateway(Provider(during)).complete(request())

    assert (world.session_used(), world.day_used(), world.in_flight()) == (120, 600, 0)
    assert reply.notes == ()


def test_a_generation_makes_few_calls_of_stores(world: World) -> None:
    """Two reservations, two settlements, and the breaker's state once in two seconds."""
    gateway = world.gateway(Provider())
    gateway.complete(request())
    assert (world.spend.calls, world.breakers.calls, world.rates.calls) == (4, 1, 0)
    gateway.complete(request())
    assert (world.spend.calls, world.breakers.calls, world.rates.calls) == (8, 1, 0)


def test_with_most_of_its_budget_a_session_is_served_in_full(world: World) -> None:
    """Exactly 40 % left is still full."""
    use(world, 36_000)
    provider = Provider()
    world.gateway(provider).complete(request())

    assert provider.asked[0].messages == TALK
    assert provider.asked[0].max_tokens == 384


def test_a_reduced_request_is_shorter_on_both_sides(world: World) -> None:
    """The end of the conversation, a shorter reply, and a note that says so."""
    use(world, 36_001)
    provider = Provider()
    reply = world.gateway(provider).complete(request())

    [sent] = provider.asked
    assert sent.messages == TALK[-5:]
    assert sent.max_tokens == 230
    assert sent.model_id == SONNET
    assert sent.system == SYSTEM
    assert reply.notes == ("budget:reduced",)
    assert world.measured("BudgetReductions", environment="test") == 1
    assert world.session_used() == 36_001 + 120


def test_a_full_request_that_does_not_fit_is_reduced(world: World) -> None:
    """However much is left by its share: what counts is whether it fits."""
    gateway = world.gateway(Provider(), spend=SpendPolicy(MOST_TOKENS - 1, 0))

    assert gateway.complete(request()).notes == ("budget:reduced",)


def test_below_the_last_level_no_model_is_asked(world: World) -> None:
    """The composer answers, and nobody is charged for it."""
    use(world, 54_001)
    provider = Provider()
    reply = world.gateway(provider).complete(request(fallback_models=(OPUS,)))

    assert provider.asked == []
    assert (reply.provider, reply.notes) == ("composer", ("budget:session",))
    assert (world.session_used(), world.day_used(), world.in_flight()) == (54_001, 0, 0)
    assert world.measured("BudgetRefusals", scope="session") == 1


def test_small_talk_that_is_reduced_is_served_by_its_cheaper_model(world: World) -> None:
    """A canary puts it on Sonnet; a session that is short of tokens is no canary."""
    use(world, 40_000)
    provider = Provider()
    world.gateway(provider).complete(request(turn_class="TC3", model_id=SONNET))

    assert provider.asked[0].model_id == HAIKU


@pytest.mark.parametrize("turn_class", ["TC4", "TC5"])
def test_mirroring_and_teaching_are_never_reduced_to_haiku(world: World, turn_class: str) -> None:
    """Shorter, yes; by another model, no."""
    use(world, 40_000)
    provider = Provider()
    world.gateway(provider).complete(request(turn_class=turn_class))

    assert provider.asked[0].model_id == SONNET
    assert provider.asked[0].max_tokens == 230


def test_when_the_days_money_is_spent_no_model_is_asked(world: World) -> None:
    """Half-made reservations are given back: the session keeps what it had."""
    spend(world, 1_000_000)
    provider = Provider()
    reply = world.gateway(provider).complete(request())

    assert provider.asked == []
    assert (reply.provider, reply.notes) == ("composer", ("budget:day",))
    assert (world.session_used(), world.day_used(), world.in_flight()) == (0, 8_000_000, 0)
    assert world.measured("SpendCapReached", environment="test") == 1


def test_a_spent_day_is_not_asked_about_again_at_once(world: World) -> None:
    """Eight shards for every turn of a day that is over would be the most expensive way to say no."""
    spend(world, 1_000_000)
    gateway = world.gateway(Provider())
    gateway.complete(request())
    calls = world.spend.calls
    gateway.complete(request())
    assert world.spend.calls == calls + 2  # the session's reservation, and giving it back

    world.clock.advance(gateway_rules().spend.spent_ms / 1000)
    gateway.complete(request())
    assert world.spend.calls > calls + 8


def test_a_caller_tries_every_shard_before_it_gives_up(world: World) -> None:
    """Money that is there must be found, wherever it lies."""
    spend(world, 1_000_000)
    world.spend.used["spend#day#2026-11-21#5"] = 0
    provider = Provider()

    assert world.gateway(provider).complete(request()).provider == "scripted"
    assert world.spend.used["spend#day#2026-11-21#5"] == 600


def test_a_new_day_has_new_money(world: World) -> None:
    """00:00 UTC."""
    spend(world, 1_000_000)
    world.clock.advance(15 * 3600)
    deadline_ms = int(world.clock.now().timestamp() * 1000) + 10_000

    assert world.gateway(Provider()).complete(request(deadline_ms=deadline_ms)).provider == "scripted"


@pytest.mark.parametrize("turn_class", COUNTED_CLASSES)
def test_a_crisis_is_counted_and_never_refused_or_reduced(world: World, turn_class: str) -> None:
    """Not with an empty session, not on a day that is over."""
    use(world, 60_000)
    spend(world, 1_000_000)
    provider = Provider()
    sent = request(turn_class=turn_class)

    reply = world.gateway(provider).complete(sent)

    assert provider.asked[0].messages == sent.messages
    assert provider.asked[0].max_tokens == sent.max_tokens
    assert provider.asked[0].model_id == sent.model_id
    assert reply.notes == ()
    assert world.day_used() == 8_000_600
    assert world.session_used() == 60_000 + (120 if turn_class == "TC6" else 0)
    assert world.in_flight() == 0


@pytest.mark.parametrize("turn_class", COUNTED_CLASSES)
def test_a_crisis_waits_for_no_counter(world: World, turn_class: str) -> None:
    """A store that hangs holds up the background alone."""
    waiting: list[Any] = []

    class Later:
        def submit(self, job: Any) -> bool:
            waiting.append(job)
            return True

    gateway = world.gateway(Provider(), background=Later())

    assert gateway.complete(request(turn_class=turn_class)).provider == "scripted"
    assert world.spend.calls == 0
    for job in waiting:
        job()
    assert world.day_used() == 600


@pytest.mark.parametrize("turn_class", COUNTED_CLASSES)
def test_a_crisis_does_not_notice_that_the_counters_are_down(world: World, turn_class: str) -> None:
    """No note, no degraded turn."""
    world.down()

    assert world.gateway(Provider()).complete(request(turn_class=turn_class)).notes == ()


def test_when_the_counters_are_down_people_are_answered_all_the_same(world: World) -> None:
    """With a note, for the mark on the turn, and a count."""
    world.down()
    provider = Provider()
    reply = world.gateway(provider).complete(request())

    assert provider.asked[0].messages == TALK
    assert reply.notes == ("budget:unavailable",)
    assert world.measured("BudgetUnavailable", environment="test") == 1


def test_counters_that_go_down_during_a_call_leave_it_charged(world: World) -> None:
    """What is not settled counts as spent: the cap must hold."""

    def during(asked_for: Any) -> Any:
        world.down()
        return answers(asked_for)

    reply = world.gateway(Provider(during)).complete(request())

    assert reply.notes == ("budget:unavailable",)
    assert world.session_used() == MOST_TOKENS
    assert world.day_used() == MOST_MICRO_USD


def test_a_reservation_whose_answer_was_lost_is_settled_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took place, or it did not: settling finds out."""
    reserve, first = world.spend.reserve, [True]

    def lossy(*arguments: Any) -> Any:
        taken = reserve(*arguments)
        if first:
            first.clear()
            raise StoreUnavailableError("ReadTimeoutError")
        return taken

    monkeypatch.setattr(world.spend, "reserve", lossy)

    def during(asked_for: Any) -> Any:
        world.clock.advance(gateway_rules().stores.pause_ms / 1000)
        return answers(asked_for)

    reply = world.gateway(Provider(during)).complete(request())

    assert reply.notes == ("budget:unavailable",)
    assert (world.session_used(), world.in_flight()) == (120, 0)


@pytest.mark.parametrize(
    ("error", "charged"),
    [
        (ModelError("bedrock:ValidationException"), False),
        (ModelError("bedrock:AccessDeniedException"), False),
        (ModelTimeoutError("bedrock:timeout"), True),
        (ModelError("bedrock:malformed"), True),
    ],
    ids=str,
)
def test_a_failed_call_is_charged_if_it_may_have_been_billed(
    world: World, error: ModelError, charged: bool
) -> None:
    """A time-out may have written a whole reply that nobody read."""
    world.gateway(Provider(fails(error)), sleep=lambda _seconds: None).complete(
        request(deadline_ms=request().deadline_ms - 9_000)
    )

    assert world.in_flight() == 0
    assert world.session_used() == (MOST_TOKENS if charged else 0)
    assert world.day_used() == (MOST_MICRO_USD if charged else 0)


def test_every_attempt_has_a_reservation_of_its_own(world: World) -> None:
    """A retry costs again; the throttled attempt before it does not."""
    outcomes: list[Any] = [TransientModelError("bedrock:ThrottlingException"), None]

    def behave(asked_for: Any) -> Any:
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome
        return answers(asked_for)

    world.gateway(Provider(behave)).complete(request())

    assert (world.session_used(), world.day_used(), world.in_flight()) == (120, 600, 0)


def test_a_refused_reply_is_paid_for(world: World) -> None:
    """The provider bills what its own guard stopped, and then the next one."""
    provider = Provider(lambda _request: a_reply("", usage=Usage(100, 20, cost_usd=0.0006)))
    world.gateway(provider).complete(request())

    assert (world.session_used(), world.day_used()) == (120, 600)


def test_a_reply_that_does_not_tell_its_usage_stays_charged(world: World) -> None:
    """Nothing used is not what nothing told means."""
    world.gateway(Provider(lambda _request: a_reply(usage=Usage()))).complete(request())

    assert world.session_used() == MOST_TOKENS
    assert world.in_flight() == 0


def test_a_process_that_dies_leaves_its_reservation_charged(world: World) -> None:
    """The money may have been spent; nobody is left to say."""
    with pytest.raises(KeyboardInterrupt):
        world.gateway(Provider(fails(KeyboardInterrupt()))).complete(request())  # type: ignore[arg-type]

    assert world.session_used() == MOST_TOKENS
    assert world.day_used() == MOST_MICRO_USD
    assert world.in_flight() == 2


def test_a_reply_that_comes_late_does_not_wait_for_its_settlement(world: World) -> None:
    """A store that hangs would take the time that is left to hand the reply over."""
    waiting: list[Any] = []

    class Later:
        def submit(self, job: Any) -> bool:
            waiting.append(job)
            return True

    def slowly(asked_for: Any) -> Any:
        world.clock.advance(6.5)
        return answers(asked_for)

    world.gateway(Provider(slowly), background=Later()).complete(request())

    assert (world.spend.calls, world.in_flight(), world.session_used()) == (2, 2, MOST_TOKENS)
    for job in waiting:
        job()
    assert (world.in_flight(), world.session_used(), world.day_used()) == (0, 120, 600)


def test_a_request_without_a_session_is_charged_to_the_day_alone(world: World) -> None:
    """The weekly summary belongs to no session."""
    world.gateway(Provider()).complete(request(session_id=""))

    assert set(world.spend.used) == {f"spend#day#2026-11-21#{shard}" for shard in range(8)} & set(
        world.spend.used
    )
    assert world.day_used() == 600


@pytest.mark.parametrize("turn_class", ["TC2", "TC7"])
def test_work_beside_the_turn_uses_none_of_a_sessions_tokens(world: World, turn_class: str) -> None:
    """Nobody gets shorter replies because somebody observed them."""
    world.gateway(Provider()).complete(request(turn_class=turn_class, model_id=HAIKU))

    assert world.session_used() == 0
    assert world.day_used() == 600


def test_without_a_budget_nothing_is_counted(world: World) -> None:
    """0 in an environment means that there is none."""
    world.gateway(Provider(), spend=SpendPolicy()).complete(request())

    assert world.spend.calls == 0


def test_a_model_that_costs_nothing_is_not_charged_to_the_day(world: World) -> None:
    """The small model of a laptop has no price, and a write of nothing is a write too many."""
    gateway = world.gateway(
        Provider(lambda _request: a_reply(model_id="small", usage=Usage(100, 20))), server_model="small"
    )
    gateway.complete(request())

    assert world.day_used() == 0
    assert world.spend.calls == 2


def test_a_request_of_these_tests_is_far_from_a_whole_budget() -> None:
    """The figures above only mean something if a request is far from the whole of a budget."""
    assert POLICY.session_tokens > 2 * MOST_TOKENS
    assert POLICY.day_micro_usd > 10 * MOST_MICRO_USD
