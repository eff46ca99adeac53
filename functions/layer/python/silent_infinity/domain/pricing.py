"""What a call of a model costs."""

from collections.abc import Sequence
from dataclasses import replace

from silent_infinity.domain.models import Catalogue, Price, catalogue
from silent_infinity.domain.turn import Usage

MILLION = 1_000_000


def price_on(prices: Sequence[Price], day: str) -> Price | None:
    """Return the price that holds on the day (ISO 8601); the oldest one on days before it was known."""
    known = sorted(prices, key=lambda price: price.holds_from)
    held = [price for price in known if price.holds_from <= day]
    return held[-1] if held else next(iter(known), None)


def cost_usd(usage: Usage, price: Price, *, factor: float = 1.0, cache_ttl: str = "5m") -> float:
    """Return the cost in US dollars, to a billionth. `tokens_input` are those that met no cache."""
    cache_write = price.cache_write_1h if cache_ttl == "1h" else price.cache_write_5m
    total = (
        usage.tokens_input * price.input
        + usage.tokens_output * price.output
        + usage.tokens_cache_read * price.cache_read
        + usage.tokens_cache_write * cache_write
    )
    return round(total * factor / MILLION, 9)


def priced(
    usage: Usage,
    model_name: str,
    *,
    provider: str,
    day: str,
    cache_ttl: str = "5m",
    models: Catalogue | None = None,
) -> tuple[Usage, tuple[str, ...]]:
    """Return the usage with its cost, and notes.

    A model that the catalogue does not know costs nothing and leaves the note `price-unknown`: a wrong price
    would be worse than none.
    """
    model = (models or catalogue()).find(model_name)
    price = price_on(model.prices, day) if model else None
    if model is None or price is None:
        return replace(usage, cost_usd=0.0), ("price-unknown",)
    cost = cost_usd(usage, price, factor=model.price_factors.get(provider, 1.0), cache_ttl=cache_ttl)
    return replace(usage, cost_usd=cost), ()
