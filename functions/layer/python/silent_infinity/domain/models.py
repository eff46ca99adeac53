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
    on, for one of `cache_ttls` (none: never). `price_factors` maps a provider, or `provider:profile`, to what
    the list price is multiplied with there; `batch_discount` is the part of it that a batch does not pay.
    `schema_at` names the providers that keep this model's answer to a JSON Schema. `token_limit` is what the
    OpenAI-style API calls the limit of its answer. Long instructions are lost on a model of `brief_prompts`:
    it is given short ones.
    """

    id: str
    family: str
    names: dict[str, str]
    aliases: tuple[str, ...] = ()
    accepts_temperature: bool = True
    brief_prompts: bool = False
    min_cacheable_tokens: int = 0
    cache_ttls: tuple[str, ...] = ()
    max_output_tokens: int = 4096
    schema_at: tuple[str, ...] = ()
    token_limit: str = "max_tokens"  # noqa: S105 -- tokens of a language model
    prices: tuple[Price, ...] = ()
    price_factors: dict[str, float] = field(default_factory=dict)
    batch_discount: float = 0.0

    def name_at(self, provider: str) -> str | None:
        """Return what the provider calls the model, or None if it does not serve it."""
        return self.names.get(provider)

    def price_factor(self, provider: str, profile: str = "") -> float:
        """Return what the list price is multiplied with at a provider, through one of its profiles."""
        usual = self.price_factors.get(provider, 1.0)
        return self.price_factors.get(f"{provider}:{profile}", usual)


class Catalogue:
    """Models by any of their names, which may begin with one of `profiles`, Bedrock's inference profiles."""

    def __init__(self, models: Iterable[Model], profiles: Iterable[str] = ()) -> None:
        self.models = tuple(models)
        self.profiles = tuple(profiles)
        self._by_name = {
            name: model for model in self.models for name in (model.id, *model.aliases, *model.names.values())
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Catalogue":
        """Build the catalogue from the parsed `models.json`.

        Raises:
            PayloadError: a field is missing.
        """
        models = (from_payload(Model, entry) for entry in document["models"])
        return cls(models, document.get("bedrock_profiles", ()))

    def find(self, name: str) -> Model | None:
        """Return the model that is called this by anybody, through whatever profile, or None."""
        return self._by_name.get(name) or self._by_name.get(self.bare(name))

    def profile_of(self, name: str) -> str:
        """Return the Bedrock inference profile that a name begins with, such as `us`; empty if with none."""
        first, dot, _ = name.partition(".")
        return first if dot and first in self.profiles else ""

    def bare(self, name: str) -> str:
        """Return a name without its inference profile."""
        profile = self.profile_of(name)
        return name.removeprefix(f"{profile}.") if profile else name


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that ships with the code."""
    return Catalogue.of(load("models.json"))
