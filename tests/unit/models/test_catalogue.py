"""The catalogue of models and their prices: data, held against what the design and the vendors say."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.data import load
from silent_infinity.domain.models import Catalogue, Model, Price, catalogue
from silent_infinity.domain.pricing import cost_usd, price_on, priced
from silent_infinity.domain.turn import Usage

LIST_PRICES = {
    "claude-haiku-4-5": (1.0, 5.0),
    "claude-sonnet-4-6": (3.0, 15.0),
    "claude-opus-4-7": (5.0, 25.0),
}

USAGE = Usage(
    tokens_input=1_000_000, tokens_output=100_000, tokens_cache_read=2_000_000, tokens_cache_write=500_000
)


def known(name: str) -> Model:
    """Return a model that has to be there."""
    model = catalogue().find(name)
    assert model is not None
    return model


@pytest.mark.parametrize(("name", "prices"), LIST_PRICES.items())
def test_list_prices_and_what_caching_makes_of_them(name: str, prices: tuple[float, float]) -> None:
    """Reading from a cache costs a tenth, writing 1.25 times for five minutes and twice for an hour."""
    (price,) = known(name).prices

    assert (price.input, price.output) == prices
    assert price.cache_read == pytest.approx(0.1 * price.input)
    assert price.cache_write_5m == pytest.approx(1.25 * price.input)
    assert price.cache_write_1h == pytest.approx(2 * price.input)


def test_capabilities_that_decide_how_a_model_is_asked() -> None:
    """Opus 4.7 refuses a temperature; Haiku 4.5 caches nothing below 4,096 tokens."""
    assert known("claude-opus-4-7").accepts_temperature is False
    assert known("claude-sonnet-4-6").accepts_temperature is True
    assert known("claude-haiku-4-5").min_cacheable_tokens == 4096
    assert known("llama-3-70b").cache_ttls == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("us.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("us.anthropic.claude-sonnet-4-6-20251101-v1:0", "claude-sonnet-4-6"),
        ("haiku-4.5-cheap", "claude-haiku-4-5"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("us.anthropic.claude-opus-4-7", "claude-opus-4-7"),
        ("SmolLM2-135M-Instruct", "smollm2-135m-instruct"),
    ],
)
def test_a_model_is_found_by_whatever_anybody_calls_it(name: str, expected: str) -> None:
    """Variants were written with the names of their day."""
    assert known(name).id == expected


def test_names_are_unambiguous_and_entries_complete() -> None:
    """A name that means two models would price one of them wrongly."""
    names = [
        name for model in catalogue().models for name in {model.id, *model.aliases, *model.names.values()}
    ]

    assert len(names) == len(set(names))
    for entry in load("models.json")["models"]:
        assert entry["sources"], entry["id"]
        assert all(re.fullmatch(r"https://\S+", source) for source in entry["sources"])
        for price in entry["prices"]:
            date.fromisoformat(price["holds_from"])
        assert [price["holds_from"] for price in entry["prices"]] == sorted(
            price["holds_from"] for price in entry["prices"]
        )


def test_every_kind_of_token_has_its_price() -> None:
    """Written out once, with Sonnet's list price: 3 + 1.5 + 0.6 + 1.875 dollars."""
    price = known("claude-sonnet-4-6").prices[0]

    assert cost_usd(USAGE, price) == 6.975
    assert cost_usd(USAGE, price, cache_ttl="1h") == 8.1
    assert cost_usd(USAGE, price, factor=1.1) == 7.6725
    assert cost_usd(Usage(), price) == 0


def test_a_small_call_keeps_its_fractions_of_a_cent() -> None:
    """Ten thousand rounded calls would be a wrong invoice."""
    price = known("claude-haiku-4-5").prices[0]

    assert cost_usd(Usage(tokens_input=1, tokens_cache_read=1), price) == 0.0000011


def test_the_price_of_the_day_holds() -> None:
    """Recorded turns must not change their price when a vendor does."""
    old = Price("2026-01-01", 5, 25, 0.5, 6.25, 10)
    new = Price("2026-06-01", 3, 15, 0.3, 3.75, 6)

    assert price_on([new, old], "2026-05-31") == old
    assert price_on([new, old], "2026-06-01") == new
    assert price_on([new, old], "2025-01-01") == old
    assert price_on([], "2026-06-01") is None


def test_bedrock_in_a_geography_costs_a_tenth_more_than_the_list() -> None:
    """The profile that keeps conversations in one geography has its price."""
    usage, notes = priced(Usage(1_000_000), "claude-sonnet-4-6", provider="bedrock", day="2026-11-21")
    elsewhere, _ = priced(Usage(1_000_000), "claude-sonnet-4-6", provider="anthropic", day="2026-11-21")

    assert (usage.cost_usd, notes) == (3.3, ())
    assert elsewhere.cost_usd == 3.0


def test_the_global_profile_costs_the_list_price() -> None:
    """The surcharge is for staying in one geography; who lets requests travel does not pay it."""
    usage, _ = priced(
        Usage(1_000_000), "claude-sonnet-4-6", provider="bedrock", profile="global", day="2026-11-21"
    )
    european, _ = priced(
        Usage(1_000_000), "claude-sonnet-4-6", provider="bedrock", profile="eu", day="2026-11-21"
    )

    assert (usage.cost_usd, european.cost_usd) == (3.0, 3.3)


def test_each_token_that_is_written_to_a_cache_has_the_price_of_its_life() -> None:
    """A teaching turn keeps the persona for an hour and its instructions for five minutes."""
    usage = Usage(tokens_cache_write=1_000_000)
    price = known("claude-sonnet-4-6").prices[0]

    assert cost_usd(usage, price, written_1h=400_000) == 0.4 * 6 + 0.6 * 3.75
    assert cost_usd(usage, price, written_1h=0, cache_ttl="1h") == 3.75
    assert cost_usd(usage, price, written_1h=1_000_000) == 6
    assert cost_usd(usage, price, written_1h=2_000_000) == 6


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_life_of_a_write_moves_its_price_between_the_two_that_are_listed(written: int, long: int) -> None:
    """Whatever a provider reports, the cost lies between all for five minutes and all for an hour."""
    usage = Usage(tokens_cache_write=written)
    price = known("claude-haiku-4-5").prices[0]

    cost = cost_usd(usage, price, written_1h=long)

    assert cost_usd(usage, price, cache_ttl="5m") <= cost <= cost_usd(usage, price, cache_ttl="1h")


@pytest.mark.parametrize("name", LIST_PRICES)
def test_a_batch_costs_half(name: str) -> None:
    """The weekly synthesis can wait for a day, and is paid accordingly."""
    alone, _ = priced(USAGE, name, provider="anthropic", day="2026-11-21")
    together, _ = priced(USAGE, name, provider="anthropic", day="2026-11-21", batch=True)

    assert together.cost_usd == pytest.approx(alone.cost_usd / 2, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "profile", "bare"),
    [
        ("us.anthropic.claude-sonnet-4-6", "us", "anthropic.claude-sonnet-4-6"),
        ("global.anthropic.claude-sonnet-4-6", "global", "anthropic.claude-sonnet-4-6"),
        ("us-gov.anthropic.claude-sonnet-4-6", "us-gov", "anthropic.claude-sonnet-4-6"),
        ("mistral.mistral-large-2402-v1:0", "", "mistral.mistral-large-2402-v1:0"),
        ("claude-sonnet-4-6", "", "claude-sonnet-4-6"),
        ("gpt-4.1-mini", "", "gpt-4.1-mini"),
    ],
)
def test_a_profile_is_told_apart_from_the_model_behind_it(name: str, profile: str, bare: str) -> None:
    """A point in a name is not yet a profile."""
    assert (catalogue().profile_of(name), catalogue().bare(name)) == (profile, bare)


@pytest.mark.parametrize("profile", catalogue().profiles)
def test_a_model_is_found_through_every_profile(profile: str) -> None:
    """An environment in Europe must not lose its prices and flags."""
    assert known(f"{profile}.anthropic.claude-opus-4-7").id == "claude-opus-4-7"


def test_flags_name_providers_that_serve_the_model() -> None:
    """A flag with a misspelt provider would silently be off."""
    for model in catalogue().models:
        assert set(model.schema_at) <= set(model.names), model.id
        assert {key.partition(":")[0] for key in model.price_factors} <= set(model.names), model.id
        assert {key.partition(":")[2] for key in model.price_factors} <= {"", *catalogue().profiles}
        assert model.token_limit in ("max_tokens", "max_completion_tokens"), model.id
        assert 0 <= model.batch_discount < 1


def test_an_unknown_model_costs_nothing_and_leaves_a_note() -> None:
    """A wrong price would be worse than none."""
    usage, notes = priced(USAGE, "nobody", provider="bedrock", day="2026-11-21")

    assert usage.cost_usd == 0
    assert usage.total_tokens == USAGE.total_tokens
    assert notes == ("price-unknown",)


def test_a_model_without_a_price_is_unknown_too() -> None:
    """An entry may be made before its price is known."""
    models = Catalogue([Model("new", "new", {})])

    assert priced(USAGE, "new", provider="bedrock", day="2026-11-21", models=models)[1] == ("price-unknown",)
