"""What a variant's configuration must keep to beyond its schema, and what the schemas refuse."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.domain.variant_categories import categories
from silent_infinity.domain.variant_configs import barred_classes, broken, may_run, model_categories
from silent_infinity.schemas import schema
from tests.support.vectors import description, load_vectors

CASES = load_vectors("variant_configs.json")
PUBLISHED = {("system", 4): "4" * 64, ("sentinel", 1): "1" * 64}

VALID: dict[str, dict[str, Any]] = {
    "GHOST_CHAR_STYLE": {"style": "dots", "step_ms": 400, "reduced_motion": "dots"},
    "RATING_VARIANT": {
        "style": "words",
        "scale": 3,
        "question": "Did you feel heard?",
        "labels": ["No", "Partly", "Yes"],
        "moment": "session_end",
        "skippable": True,
    },
    "VOICE_PROVIDER": {
        "provider": "polly",
        "voice_id": "Ruth",
        "engine": "neural",
        "output_format": "mp3",
        "sample_rate": "24000",
    },
    "TOPIC_HIERARCHY": {"arrangement": "flat", "depth": 1, "topics_per_level": 12},
    "MANDALA_FACE": {"face": "orb", "animated": True, "breath_seconds": 8},
    "PRICING_TIER_STRUCTURE": {"tiers": [{"id": "free", "title": "Free", "includes": ["conversation"]}]},
    "STARTER_POOL_SIZE": {"size": 7},
    "LLM_MODEL": {"model_id": "claude-sonnet-4-6", "max_tokens": 10},
    "SYSTEM_PROMPT": {"prompt_sha": "4" * 64, "s3_key": "prompts/system/v4.md", "version_label": "v4"},
    "COMPOSE_POSITION": {"position": "bottom", "shape": "pill", "sticky": True, "lines_max": 8},
    "CHAT_UI_LAYOUT": {
        "layout": "narrow",
        "column_width_px": 420,
        "breakpoint_px": 640,
        "history": "drawer",
        "header": True,
    },
}
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("LLM_MODEL", {"max_tokens": 0}),
    ("LLM_MODEL", {"temperature": 1.1}),
    ("LLM_MODEL", {"top_p": 1}),
    ("SYSTEM_PROMPT", {"prompt_sha": "444444444444"}),
    ("SYSTEM_PROMPT", {"s3_key": "../v3.md"}),
    ("CHAT_UI_LAYOUT", {"column_width_px": 5000}),
    ("COMPOSE_POSITION", {"position": "left"}),
    ("GHOST_CHAR_STYLE", {"style": "scramble"}),
    ("GHOST_CHAR_STYLE", {"style": "none"}),
    ("GHOST_CHAR_STYLE", {"style": "shimmer", "step_ms": 300}),
    ("GHOST_CHAR_STYLE", {"characters": "abcd"}),
    ("RATING_VARIANT", {"scale": 4}),
    ("RATING_VARIANT", {"style": "thumbs"}),
    ("RATING_VARIANT", {"moment": "after_reply"}),
    ("RATING_VARIANT", {"every_replies": 3}),
    ("RATING_VARIANT", {"skippable": False}),
    ("RATING_VARIANT", {"labels": ["No", "No", "Yes"]}),
    ("VOICE_PROVIDER", {"engine": "eleven_multilingual_v2"}),
    ("VOICE_PROVIDER", {"sample_rate": 24000}),
    ("VOICE_PROVIDER", {"speed": 4}),
    ("STARTER_POOL_SIZE", {"size": 0}),
    ("TOPIC_HIERARCHY", {"depth": 2}),
    ("TOPIC_HIERARCHY", {"arrangement": "tabs"}),
    ("MANDALA_FACE", {"face": "none"}),
    ("MANDALA_FACE", {"animated": False}),
    ("PRICING_TIER_STRUCTURE", {"tiers": []}),
    ("PRICING_TIER_STRUCTURE", {"tiers": [{"id": "free", "title": "Free", "includes": ["crisis_help"]}]}),
]


def validator(category: str) -> Draft202012Validator:
    """Return the validator of a category's configurations."""
    return Draft202012Validator(schema(categories()[category].config_schema))


@pytest.mark.parametrize("case", CASES, ids=description)
def test_the_rules_beyond_the_schema(case: dict[str, Any]) -> None:
    """What is found when it is written is not found by a person who waits for a reply."""
    found = broken(case["category"], case["config"], prompts=PUBLISHED)

    assert [list(violation) for violation in found] == case["broken"]
    assert list(barred_classes(case["category"], case["config"])) == case["barred"]


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["category"] != "SYSTEM_PROMPT"], ids=description
)
def test_only_what_is_whole_and_allowed_may_run(case: dict[str, Any]) -> None:
    """The life cycle asks this one question before anybody is served."""
    allowed = case["broken"] == case["barred"] == []

    assert may_run(case["category"], case["config"]) is allowed


def test_a_prompt_is_not_looked_up_where_nobody_knows_the_published_ones() -> None:
    """Its name is checked all the same."""
    config = {"s3_key": "prompts/system/v9.md", "prompt_sha": "9" * 64, "version_label": "v9"}

    assert broken("SYSTEM_PROMPT", config) == ()
    assert broken("SYSTEM_PROMPT", config, prompts={}) == (("/s3_key", "enum"),)


def test_the_categories_of_models_are_those_that_classes_follow_and_the_voices() -> None:
    """A class that follows a new category must bring that category under the rules of models."""
    followed = {rules.category for rules in turn_classes().values()}

    assert model_categories() == followed | {"VOICE_LLM"}
    assert model_categories() < set(categories())


@pytest.mark.parametrize("category", sorted(categories()))
def test_every_category_has_a_strict_schema(category: str) -> None:
    """An unknown word is a mistyped one, and nobody would ever read it."""
    document = schema(categories()[category].config_schema)
    Draft202012Validator.check_schema(document)

    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"].endswith(categories()[category].config_schema.replace("_", "-"))
    assert document["title"] == f"Configuration of a variant of {category}"
    assert document["additionalProperties"] is False
    assert set(document["required"]) <= set(document["properties"])
    for name, rules in document["properties"].items():
        assert rules["description"], name
        assert {"enum", "const", "maximum", "maxLength", "maxItems", "pattern"} & set(rules) or (
            rules["type"] == "boolean"
        ), name


def test_the_categories_of_models_share_one_shape() -> None:
    """An operator who knows one of them knows all; what is mended in one is mended in all."""
    shapes = {
        json.dumps(
            {key: value for key, value in schema(categories()[name].config_schema).items() if key[0] != "$"}
            | {"title": ""},
            sort_keys=True,
        )
        for name in model_categories()
    }

    assert len(shapes) == 1


@pytest.mark.parametrize("category", sorted(VALID))
def test_a_sensible_configuration_is_taken(category: str) -> None:
    """The refusals below differ from these in one thing each."""
    assert list(validator(category).iter_errors(VALID[category])) == []


@pytest.mark.parametrize(
    ("category", "change"), REFUSED, ids=[f"{name}-{change}" for name, change in REFUSED]
)
def test_a_schema_refuses_what_could_not_be_served(category: str, change: dict[str, Any]) -> None:
    """A configuration is checked when it is written, not when a client tries to draw it."""
    assert not validator(category).is_valid({**VALID[category], **change})


@pytest.mark.parametrize("category", sorted(VALID))
def test_nothing_required_may_be_left_out(category: str) -> None:
    """Half a configuration is none."""
    required = schema(categories()[category].config_schema)["required"]

    for name in required:
        partial = {key: value for key, value in VALID[category].items() if key != name}
        assert not validator(category).is_valid(partial), name
