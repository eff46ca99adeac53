"""What each turn class asks of a model, and which model serves it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from silent_infinity.data import load
from silent_infinity.domain.models import Catalogue, Model, catalogue
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.turn import AssignedVariant

PERSONA_CATEGORY = "SYSTEM_PROMPT"

COMPOSER, NOBODY = "composer", "none"
LAST_RESORTS = (COMPOSER, NOBODY)
ENFORCED, COUNTED = "enforced", "counted"
BUDGETS = (ENFORCED, COUNTED)
SESSION, DAY = "session", "day"
BUDGET_SCOPES = (SESSION, DAY)
SHARED, OWN = "shared", "own"
BREAKERS = (SHARED, OWN)

_PROMPT_KEY = re.compile(r"prompts/(?P<template_id>[a-z][a-z0-9_]*)/v(?P<version>[1-9][0-9]*)\.md")


@dataclass(frozen=True, slots=True)
class PromptRef:
    """A version of a prompt. `sha256` (hexadecimal, may be empty) is what its text must hash to."""

    template_id: str
    version: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class TurnClass:
    """The rules of one class; `data/turn_classes.json` says what the fields mean.

    Raises:
        ValueError: a field has a value that nothing here understands.
    """

    name: str
    category: str
    model: str
    max_tokens: int
    temperature: float
    budget_ms: int
    cache_ttl: str | None = None
    instructions_cache_ttl: str | None = None
    prompt: PromptRef | None = None
    brief_persona: PromptRef | None = None
    brief_prompt: PromptRef | None = None
    persona: PromptRef | None = None
    never_families: tuple[str, ...] = ()
    fallback_models: tuple[str, ...] = ()
    retries: int = 0
    retry_after_ms: int = 0
    last_resort: str = "none"
    wrappers: tuple[str, ...] = ()
    breaker: str = "shared"
    budget: str = "enforced"
    budget_scopes: tuple[str, ...] = ("session", "day")
    reduced_model: str = ""
    partial_after_deadline: bool = False

    def __post_init__(self) -> None:
        """Refuse what would otherwise be a wrapper that silently does nothing."""
        if self.last_resort not in LAST_RESORTS:
            raise ValueError(f"{self.name}: last_resort is {self.last_resort!r}")
        if self.budget not in BUDGETS or not set(self.budget_scopes) <= set(BUDGET_SCOPES):
            raise ValueError(f"{self.name}: budget is {self.budget!r} over {self.budget_scopes!r}")
        if self.breaker not in BREAKERS:
            raise ValueError(f"{self.name}: breaker is {self.breaker!r}")

    @property
    def counted_only(self) -> bool:
        """Whether budgets and rates count the class's calls and never refuse, reduce or delay one."""
        return self.budget == COUNTED


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model that serves a turn and how it is asked.

    `exposed_category` names the category whose variant really decided, and is None when the class's own
    default did: because there is no variant, or because its model must not serve the class. `cache_ttls` are
    how long persona and class instructions are worth keeping at the provider.
    """

    model_id: str
    max_tokens: int
    temperature: float
    cache_ttls: tuple[str | None, str | None]
    fallback_models: tuple[str, ...] = ()
    exposed_category: str | None = None


@cache
def turn_classes() -> Mapping[str, TurnClass]:
    """Return the rules of every class by its name."""
    classes: Mapping[str, dict[str, Any]] = load("turn_classes.json")["classes"]
    return {name: from_payload(TurnClass, {"name": name, **rules}) for name, rules in classes.items()}


def model_for(
    turn_class: str, variants: Mapping[str, AssignedVariant], models: Catalogue | None = None
) -> ModelChoice:
    """Return the model for a turn of this class under the assigned variants.

    The class table is a ceiling: a variant chooses the model and may lower length and temperature. A
    variant's model gives way to the class's default if it belongs to a family that must not serve the class,
    or if the catalogue does not know it: nobody could tell what family that is.

    Raises:
        KeyError: there is no such class.
    """
    rules = turn_classes()[turn_class]
    known = models or catalogue()
    variant = variants.get(rules.category)
    config = variant.config if variant else {}
    chosen = known.find(str(config.get("model_id", "")))
    used = chosen is not None and _may_serve(rules, chosen)
    model_id = chosen.id if chosen is not None and used else rules.model
    if not used:
        config = {}
    return ModelChoice(
        model_id=model_id,
        max_tokens=min(rules.max_tokens, int(config.get("max_tokens", rules.max_tokens))),
        temperature=min(rules.temperature, float(config.get("temperature", rules.temperature))),
        cache_ttls=(rules.cache_ttl, rules.instructions_cache_ttl or rules.cache_ttl)
        if config.get("cache_system_prompt", True)
        else (None, None),
        fallback_models=tuple(name for name in rules.fallback_models if name != model_id),
        exposed_category=rules.category if used else None,
    )


def persona_for(variants: Mapping[str, AssignedVariant]) -> PromptRef | None:
    """Return the persona that the variant names by its key in the prompts' bucket, if it names one."""
    variant = variants.get(PERSONA_CATEGORY)
    config = variant.config if variant else {}
    match = _PROMPT_KEY.fullmatch(str(config.get("s3_key", "")))
    if match is None:
        return None
    return PromptRef(match["template_id"], int(match["version"]), str(config.get("prompt_sha", "")))


def may_ask(rules: TurnClass, name: str, models: Catalogue | None = None) -> bool:
    """Whether a model of this name may be asked for the class.

    A class that some families must not serve is served by no model that the catalogue does not know: nobody
    could tell what family that is.
    """
    if not rules.never_families:
        return True
    model = (models or catalogue()).find(name)
    return model is not None and _may_serve(rules, model)


def may_be_served_by(rules: TurnClass, name: str, models: Catalogue | None = None) -> bool:
    """Whether a reply of the server that calls itself so may be used.

    Servers and operators have names of their own, so an unknown one will do, unless it holds a family's name.
    """
    model = (models or catalogue()).find(name)
    if model is not None:
        return _may_serve(rules, model)
    return not any(family in name.lower() for family in rules.never_families)


def _may_serve(rules: TurnClass, model: Model) -> bool:
    return model.family not in rules.never_families
