"""The variants that a new deployment begins with."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from silent_infinity.domain.initial_variants import initial_variant_rows, initial_variants
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.variants import assign, production
from silent_infinity.schemas import schema

REPOSITORY = Path(__file__).parents[3]

SCHEMAS = {"LLM_MODEL": "variant_config_llm_model", "SYSTEM_PROMPT": "variant_config_system_prompt"}

POPULATION = {
    ("LLM_MODEL", "claude-sonnet-4-6"): "production",
    ("LLM_MODEL", "claude-haiku-4-5"): "staged",
    ("LLM_MODEL", "claude-opus-4-7"): "experimental",
    ("LLM_MODEL", "llama-3-70b"): "experimental",
    ("LLM_MODEL", "mistral-large"): "experimental",
    ("SYSTEM_PROMPT", "v1-sha-baseline"): "retired",
    ("SYSTEM_PROMPT", "v2-sha-current"): "production",
    ("SYSTEM_PROMPT", "v3-sha-empathy-rewrite"): "staged",
}

FIELDS = {
    "category",
    "variant_id",
    "description",
    "status",
    "rollout_percent",
    "ranges",
    "target_cohort",
    "seed",
    "pool_rank",
    "config",
    "pass_criteria",
    "created_at",
    "created_by",
    "last_modified",
    "parent_variant_id",
}


def identity(row: Any) -> str:
    """Name a row in a test's id."""
    return f"{row['category']}-{row['variant_id']}"


def test_the_population_is_the_memos_table() -> None:
    """Names and stages were agreed on; whoever changes them changes what promotions start from."""
    assert {
        (row["category"], row["variant_id"]): row["status"] for row in initial_variant_rows()
    } == POPULATION


@pytest.mark.parametrize("row", initial_variant_rows(), ids=identity)
def test_a_row_is_complete(row: dict[str, Any]) -> None:
    """The registry stores rows as they are: a missing field would be missing for ever."""
    assert set(row) == FIELDS
    assert row["created_by"] == "system:initial-population"
    assert bool(row["pass_criteria"]) == (row["status"] in ("experimental", "staged"))


@pytest.mark.parametrize("row", initial_variant_rows(), ids=identity)
def test_a_configuration_fits_its_schema(row: dict[str, Any]) -> None:
    """The same schema will refuse what an operator mistypes."""
    Draft202012Validator.check_schema(schema(SCHEMAS[row["category"]]))

    Draft202012Validator(schema(SCHEMAS[row["category"]])).validate(row["config"])


@pytest.mark.parametrize(
    ("category", "config"),
    [
        ("LLM_MODEL", {"model_id": "x"}),
        ("LLM_MODEL", {"model_id": "x", "max_tokens": 0}),
        ("LLM_MODEL", {"model_id": "x", "max_tokens": 10, "temperature": 1.1}),
        ("LLM_MODEL", {"model_id": "x", "max_tokens": 10, "top_p": 1}),
        ("SYSTEM_PROMPT", {"prompt_sha": "abc123def456", "s3_key": "prompts/system/v3.md"}),
        ("SYSTEM_PROMPT", {"prompt_sha": "abc", "s3_key": "prompts/system/v3.md", "version_label": "v3"}),
        ("SYSTEM_PROMPT", {"prompt_sha": "abc123def456", "s3_key": "../v3.md", "version_label": "v3"}),
    ],
)
def test_a_schema_refuses_what_could_not_be_served(category: str, config: dict[str, Any]) -> None:
    """A configuration is checked when it is written, not when a person waits for a reply."""
    assert not Draft202012Validator(schema(SCHEMAS[category])).is_valid(config)


def test_nobody_is_in_an_experiment_at_first() -> None:
    """Experiments begin when an operator begins them: every unit gets production."""
    variants = initial_variants()
    defaults = production(variants)

    assert set(defaults) == set(SCHEMAS)
    for number in range(300):
        assert assign(variants, f"session-{number}") == defaults


def test_models_and_parents_exist() -> None:
    """A variant of an unknown model would silently never be served."""
    for row in initial_variant_rows():
        if row["category"] == "LLM_MODEL":
            model = catalogue().find(row["config"]["model_id"])
            assert model is not None
            assert model.id == row["variant_id"]
            assert model.name_at("bedrock") == row["config"]["model_id"]
        parent = row["parent_variant_id"]
        assert parent is None or (row["category"], parent) in POPULATION


def test_prompts_are_what_their_checksums_say() -> None:
    """A version is immutable: an edited file must become a new version, and this fails until it does."""
    for row in initial_variant_rows():
        if row["category"] == "SYSTEM_PROMPT":
            text = (REPOSITORY / row["config"]["s3_key"]).read_bytes()
            assert hashlib.sha256(text).hexdigest() == row["config"]["prompt_sha"]
