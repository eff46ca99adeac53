"""The catalogue of language models: what they are called where, what they can do, what they cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from silent_infinity.data import load
from silent_infinity.domain.payload import from_payload


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, from the day `holds_from` (ISO 8601) on."""

    holds_from: str
    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue.

    `names` maps a provider to what it calls the model. A prompt is cached from `min_cacheable_tokens` tokens
    on, for one of `cache_ttls` (none: never). `price_factors` maps a provider to what its list price is
    multiplied with.
    """

    id: str
    family: str
    names: dict[str, str]
    aliases: tuple[str, ...] = ()
    accepts_temperature: bool = True
    min_cacheable_tokens: int = 0
    cache_ttls: tuple[str, ...] = ()
    max_output_tokens: int = 4096
    prices: tuple[Price, ...] = ()
    price_factors: dict[str, float] = field(default_factory=dict)

    def name_at(self, provider: str) -> str | None:
        """Return what the provider calls the model, or None if it does not serve it."""
        return self.names.get(provider)


class Catalogue:
    """Models by any of their names."""

    def __init__(self, models: Iterable[Model]) -> None:
        self.models = tuple(models)
        self._by_name = {
            name: model for model in self.models for name in (model.id, *model.aliases, *model.names.values())
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Catalogue":
        """Build the catalogue from the parsed `models.json`.

        Raises:
            PayloadError: a field is missing.
        """
        return cls(from_payload(Model, entry) for entry in document["models"])

    def find(self, name: str) -> Model | None:
        """Return the model that is called this by anybody, or None."""
        return self._by_name.get(name)


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that ships with the code."""
    return Catalogue.of(load("models.json"))
