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


def cost_usd(
    usage: Usage,
    price: Price,
    *,
    factor: float = 1.0,
    cache_ttl: str = "5m",
    written_1h: int | None = None,
) -> float:
    """Return the cost in US dollars, to a billionth. `tokens_input` are those that met no cache.

    `written_1h` says how many of the tokens written to a cache stay there for an hour, the rest for five
    minutes. Where it is not known (None), all of them are priced for `cache_ttl`.
    """
    written = usage.tokens_cache_write
    long = (written if cache_ttl == "1h" else 0) if written_1h is None else min(written_1h, written)
    total = (
        usage.tokens_input * price.input
        + usage.tokens_output * price.output
        + usage.tokens_cache_read * price.cache_read
        + long * price.cache_write_1h
        + (written - long) * price.cache_write_5m
    )
    return round(total * factor / MILLION, 9)


def priced(
    usage: Usage,
    model_name: str,
    *,
    provider: str,
    day: str,
    profile: str = "",
    cache_ttl: str = "5m",
    written_1h: int | None = None,
    batch: bool = False,
    models: Catalogue | None = None,
) -> tuple[Usage, tuple[str, ...]]:
    """Return the usage with its cost, and notes.

    `profile` is the inference profile that the call went through. A `batch` pays the discounted price. A
    model that the catalogue does not know costs nothing and leaves the note `price-unknown`: a wrong price
    would be worse than none.
    """
    model = (models or catalogue()).find(model_name)
    price = price_on(model.prices, day) if model else None
    if model is None or price is None:
        return replace(usage, cost_usd=0.0), ("price-unknown",)
    factor = model.price_factor(provider, profile) * (1 - model.batch_discount if batch else 1)
    cost = cost_usd(usage, price, factor=factor, cache_ttl=cache_ttl, written_1h=written_1h)
    return replace(usage, cost_usd=cost), ()
