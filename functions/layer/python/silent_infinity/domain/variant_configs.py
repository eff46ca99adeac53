"""What a variant's configuration must keep to that no schema can say.

The schemas (`variant_config_*`) say what a configuration looks like. Whether the model and the prompt that it
names exist, and whether the model may do the work of the category at all, depends on other data.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from silent_infinity.domain.models import Catalogue, catalogue
from silent_infinity.domain.turn import AssignedVariant
from silent_infinity.domain.turn_classes import (
    PERSONA_CATEGORY,
    may_ask,
    persona_for,
    turn_classes,
)

VOICE_CATEGORY = "VOICE_LLM"
"""Its model answers what is spoken. No turn class follows it as yet."""

Broken = tuple[str, str]
"""Where (a JSON Pointer) and which rule (a keyword of JSON Schema); never the value."""


@cache
def model_categories() -> frozenset[str]:
    """Return the categories whose configurations name a language model."""
    return frozenset(rules.category for rules in turn_classes().values()) | {VOICE_CATEGORY}


def broken(
    category: str,
    config: Mapping[str, Any],
    *,
    prompts: Mapping[tuple[str, int], str] | None = None,
    models: Catalogue | None = None,
) -> tuple[Broken, ...]:
    """Return the rules beyond its schema that a configuration breaks. Nobody could be served by such a one.

    Args:
        category: name of the category; one without such rules breaks none.
        config: valid by the category's schema.
        prompts: SHA-256 (hexadecimal) of every published prompt by template id and version. None: nobody
            knows, so only the name is looked at.
        models: the catalogue; the one of the code if None.
    """
    if category in model_categories():
        return tuple(_broken_model(config, models or catalogue()))
    if category == PERSONA_CATEGORY:
        return tuple(_broken_persona(config, prompts))
    return ()


def barred_classes(
    category: str, config: Mapping[str, Any], models: Catalogue | None = None
) -> tuple[str, ...]:
    """Return the turn classes of a category that the configured model must not serve."""
    name = str(config.get("model_id", ""))
    governed = (rules for rules in turn_classes().values() if rules.category == category)
    return tuple(rules.name for rules in governed if not may_ask(rules, name, models))


def may_run(category: str, config: Mapping[str, Any], models: Catalogue | None = None) -> bool:
    """Whether anybody may be served by a variant with this configuration.

    A variant whose model must not serve a class of the category may be kept, at a rollout of 0: a turn would
    put the class's own model in its place, and the experiment would compare nothing.
    """
    return not broken(category, config, models=models) and not barred_classes(category, config, models)


def _broken_model(config: Mapping[str, Any], models: Catalogue) -> Iterator[Broken]:
    model = models.find(str(config.get("model_id", "")))
    if model is None:
        yield "/model_id", "enum"
    elif config.get("max_tokens", 0) > model.max_output_tokens:
        yield "/max_tokens", "maximum"


def _broken_persona(
    config: Mapping[str, Any], prompts: Mapping[tuple[str, int], str] | None
) -> Iterator[Broken]:
    named = persona_for({PERSONA_CATEGORY: AssignedVariant("", dict(config))})
    if named is None:
        yield "/s3_key", "pattern"
    elif named.template_id in _instructions():
        yield "/s3_key", "not"
    elif prompts is not None:
        published = prompts.get((named.template_id, named.version))
        if published is None:
            yield "/s3_key", "enum"
        elif named.sha256 != published:
            yield "/prompt_sha", "const"


@cache
def _instructions() -> frozenset[str]:
    """Return the templates that tell a class what to do: none of them is a persona."""
    return frozenset(
        prompt.template_id
        for rules in turn_classes().values()
        for prompt in (rules.prompt, rules.brief_prompt)
        if prompt
    )
