"""The catalogue of models and their prices: data, held against what the design and the vendors say."""

import re
from datetime import date

import pytest

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
