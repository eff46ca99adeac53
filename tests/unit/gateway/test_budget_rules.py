"""Budgets and rates as arithmetic: levels, upper bounds, shards, buckets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.budget import (
    FULL,
    MINIMAL,
    REDUCED,
    is_budget_code,
    level_of,
    micro_usd,
    most_input_tokens,
    most_micro_usd,
)
from silent_infinity.domain.gateway import gateway_rules
from silent_infinity.domain.model_rates import Bucket, ModelRate
from silent_infinity.domain.models import Catalogue, Model, Price, catalogue
from silent_infinity.domain.pricing import priced
from silent_infinity.domain.prompts import bundled
from silent_infinity.domain.spend import SpendRules, day_key, session_key
from silent_infinity.domain.turn import SystemBlock, Usage, Utterance

RULES = gateway_rules().budget
DAY = "2026-11-21"


@pytest.mark.parametrize(
    ("used", "level"),
    [
        (0, FULL),
        (36_000, FULL),
        (36_001, REDUCED),
        (54_000, REDUCED),
        (54_001, MINIMAL),
        (60_000, MINIMAL),
        (70_000, MINIMAL),
    ],
)
def test_levels_are_those_of_the_story(used: int, level: str) -> None:
    """US-6.1: full with 40 % left, reduced with 10 % left, minimal below."""
    assert RULES.level(used, 60_000) == level


@given(st.integers(1, 10**7), st.integers(0, 10**7))
def test_what_the_condition_lets_through_is_not_minimal(budget: int, used: int) -> None:
    """The store refuses by one number what the levels call minimal; the two must not disagree."""
    assert (used <= RULES.last_reduced(budget)) == (RULES.level(used, budget) != MINIMAL)


def talk(count: int) -> list[Utterance]:
    """Return a conversation that ends with the person."""
    return [Utterance("user" if place % 2 == 0 else "assistant", f"{place}") for place in range(count)]


@pytest.mark.parametrize(("count", "kept"), [(1, 1), (3, 3), (5, 5), (25, 5)])
def test_a_reduced_request_keeps_the_end_of_the_conversation(count: int, kept: int) -> None:
    """What was said last is what the reply is about."""
    messages = talk(count)

    assert list(RULES.shortened(messages)) == messages[-kept:]


def test_a_shortened_conversation_begins_with_the_person() -> None:
    """Providers refuse one that begins with the assistant."""
    messages = [*talk(24)[1:], Utterance("user", "and now")]

    assert RULES.shortened(messages)[0].role == "user"


@given(st.integers(1, 10_000))
def test_a_reduced_reply_is_shorter_and_never_empty(most: int) -> None:
    """A limit of 0 tokens is a request that fails."""
    assert 1 <= RULES.shorter(most) <= most


@given(st.text(max_size=400))
def test_a_message_has_no_more_tokens_than_bytes_and_no_fewer_than_half_its_letters(text: str) -> None:
    """An upper bound that is too low lets a budget be overrun; one that is absurd refuses everybody."""
    bound = most_input_tokens((), (Utterance("user", text),))

    assert len(text) / 2 <= bound <= len(text.encode()) + 8


def test_an_empty_request_costs_nothing_to_speak_of() -> None:
    """The bound grows with what is sent."""
    assert most_input_tokens((), ()) == 0


@given(
    st.sampled_from([model.id for model in catalogue().models]),
    st.sampled_from(["bedrock", "anthropic", "openai_compatible"]),
    st.integers(0, 20_000),
    st.integers(0, 1_000),
    st.sampled_from([(), ("5m",), ("1h", "5m")]),
    st.data(),
)
def test_no_call_costs_more_than_was_reserved(  # noqa: PLR0917 -- drawn by hypothesis
    model_id: str, provider: str, tokens: int, output: int, ttls: tuple[str, ...], data: st.DataObject
) -> None:
    """However the tokens are split between fresh, cached and written ones."""
    read = data.draw(st.integers(0, tokens))
    written = data.draw(st.integers(0, tokens - read)) if ttls else 0
    usage = Usage(tokens - read - written, output, read, written)
    paid, _ = priced(usage, model_id, provider=provider, day=DAY, cache_ttl="1h" if "1h" in ttls else "5m")

    reserved = most_micro_usd(
        model_id=model_id,
        provider=provider,
        day=DAY,
        input_tokens=tokens,
        max_tokens=output,
        cache_ttls=ttls,
    )

    assert micro_usd(paid) <= reserved


def test_a_model_without_a_price_reserves_nothing() -> None:
    """It is settled with nothing too; a wrong price would be worse than none."""
    assert (
        most_micro_usd(model_id="a-local-model", provider="x", day=DAY, input_tokens=9_000, max_tokens=900)
        == 0
    )


def test_the_bound_of_our_own_prompts_is_above_their_words() -> None:
    """No tokeniser makes less than a token of a word on average, and the bound is what a cap stands on."""
    for name in ("system", "reflective_mirror", "teaching", "crisis_screen"):
        text = bundled(name).body

        assert most_input_tokens((SystemBlock(text),), ()) >= 1.3 * len(text.split())


@pytest.mark.parametrize(("dollars", "micro"), [(0.0, 0), (0.000001, 1), (0.0006, 600), (0.0000011, 2)])
def test_what_was_paid_is_counted_to_the_millionth_and_upwards(dollars: float, micro: int) -> None:
    """Binary fractions must not add one, rounding down must not lose any."""
    assert micro_usd(Usage(cost_usd=dollars)) == micro


@given(st.integers(1, 10**12))
def test_the_parts_of_a_cap_add_up_to_it(cap: int) -> None:
    """More would be a higher cap, less money that nobody can use."""
    rules = SpendRules(shards=8, shard_micro_usd=1_000_000, spent_ms=5_000)
    caps = rules.caps(cap)

    assert sum(caps) == cap
    assert len(caps) == rules.count(cap) <= 8
    assert max(caps) - min(caps) <= 1
    assert len(caps) == 1 or min(caps) >= 1_000_000


def test_counters_have_keys_of_their_own() -> None:
    """They share a table with the limits of persons, whose keys are hexadecimal hashes."""
    keys = {session_key("s"), day_key(DAY, 0), day_key(DAY, 1), day_key("2026-11-22", 0)}

    assert len(keys) == 4
    assert all("#" in key for key in keys)


@pytest.mark.parametrize(
    ("codes", "level"),
    [
        ((), ""),
        (("bedrock:timeout",), ""),
        (("budget:reduced",), REDUCED),
        (("budget:unavailable",), ""),
        (("budget:session",), MINIMAL),
        (("bedrock:timeout", "budget:day"), MINIMAL),
        (("budget:reduced", "budget:session"), MINIMAL),
    ],
)
def test_the_codes_tell_the_level(codes: tuple[str, ...], level: str) -> None:
    """It is noted on the turn."""
    assert level_of(codes) == level


def test_only_the_budgets_codes_are_the_budgets() -> None:
    """A time-out is an outage and no matter of money."""
    assert is_budget_code("budget:day")
    assert not is_budget_code("bedrock:timeout")
    assert not is_budget_code("breaker:open")


@pytest.mark.parametrize(
    ("code", "costs"),
    [
        ("bedrock:ThrottlingException", False),
        ("openai_compatible:http-429", False),
        ("openai_compatible:unreachable", False),
        ("deadline:no-time", False),
        ("guard:never-family", False),
        ("bedrock:timeout", True),
        ("deadline:left-behind", True),
        ("bedrock:truncated", True),
        ("openai_compatible:malformed", True),
        ("anything new", True),
    ],
)
def test_what_may_have_been_billed_stays_charged(code: str, costs: bool) -> None:
    """Only what is known to be free is given back."""
    assert gateway_rules().may_have_cost(code) is costs


def test_a_quota_of_nothing_is_no_quota() -> None:
    """An account's quotas are not known to everybody."""
    assert not ModelRate()
    assert ModelRate(requests_per_minute=1)
    assert Bucket.of(0, 5_000, 10).admits(10**18, 0)


@given(st.integers(1, 10**6), st.integers(1, 10**5))
def test_a_call_that_takes_more_than_the_burst_gets_through_alone(per_minute: int, cells: int) -> None:
    """A long conversation on a small quota has to wait, not to fail for ever."""
    bucket = Bucket.of(per_minute, cells, 10)

    assert bucket.admits(0, 10**15)
    assert bucket.next_arrival_us(0, 10**15) > 10**15


@given(st.integers(60, 6_000), st.integers(1, 50))
def test_in_the_long_run_the_quota_holds(per_minute: int, cells: int) -> None:
    """Ten minutes of hammering take ten minutes' worth and one burst, not more."""
    bucket = Bucket.of(per_minute, cells, 10)
    arrival_us, taken, start_us = 0, 0, 10**15
    for tick in range(0, 600_000_000, 500_000):
        while bucket.admits(arrival_us, start_us + tick):
            arrival_us = bucket.next_arrival_us(arrival_us, start_us + tick)
            taken += cells

    assert taken <= per_minute * 10 + per_minute / 6 + 2 * cells


def test_a_call_is_reserved_at_the_dearest_of_a_providers_prices() -> None:
    """Through which inference profile it goes is decided further in, and some cost a tenth more."""
    price = Price(
        "2026-01-01", input=3.0, output=15.0, cache_read=0.3, cache_write_5m=3.75, cache_write_1h=6.0
    )
    factors = {"bedrock": 1.0, "bedrock:us": 1.1, "elsewhere": 9.0}
    models = Catalogue(
        [Model("m", "f", names={"bedrock": "m"}, prices=(price,), price_factors=factors)], profiles=["us"]
    )

    def most(*ttls: str) -> int:
        return most_micro_usd(
            model_id="m",
            provider="bedrock",
            day=DAY,
            input_tokens=1_000,
            max_tokens=100,
            cache_ttls=ttls,
            models=models,
        )

    assert [most(), most("5m"), most("5m", "1h")] == [4_950, 5_775, 8_250]
