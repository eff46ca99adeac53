"""The class table, and which model serves a turn."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.prompts import PERSONA, PERSONA_VERSION, bundled
from silent_infinity.domain.turn import AssignedVariant
from silent_infinity.domain.turn_classes import ModelChoice, model_for, persona_for, turn_classes
from silent_infinity.domain.variants import production

TABLE = {
    "TC1": ("claude-haiku-4-5", 64, 0.0, "1h"),
    "TC2": ("claude-haiku-4-5", 128, 0.1, "1h"),
    "TC3": ("claude-haiku-4-5", 128, 0.8, "1h"),
    "TC4": ("claude-sonnet-4-6", 384, 0.7, "1h"),
    "TC5": ("claude-sonnet-4-6", 768, 0.65, "1h"),
    "TC6": ("claude-sonnet-4-6", 512, 0.5, "1h"),
    "TC7": ("claude-haiku-4-5", 512, 0.6, None),
}

HAIKU_NAMES = sorted(
    {name for model in catalogue().models if model.family == "haiku" for name in (model.id, *model.aliases)}
    | {name for model in catalogue().models if model.family == "haiku" for name in model.names.values()}
)


def variant(category: str = "LLM_MODEL", **config: Any) -> dict[str, AssignedVariant]:
    """Return an assignment with one variant."""
    return {category: AssignedVariant("candidate", config)}


@pytest.mark.parametrize(("name", "row"), TABLE.items())
def test_the_class_table_is_the_designs(name: str, row: tuple[str, int, float, str | None]) -> None:
    """Data that anybody can edit is held against the table that was agreed on."""
    rules = turn_classes()[name]

    assert (rules.model, rules.max_tokens, rules.temperature, rules.cache_ttl) == row
    # TC6's own part is kept for the design's 5 minutes, behind the hour of the shared persona.
    assert rules.instructions_cache_ttl == ("5m" if name in {"TC5", "TC6"} else None)


def test_every_class_names_models_and_prompts_that_exist() -> None:
    """A name without a thing would fail for the first person who needs it."""
    for rules in turn_classes().values():
        for name in (rules.model, *rules.fallback_models):
            model = catalogue().find(name)
            assert model is not None
            assert model.id == name
            assert model.family not in rules.never_families
        if rules.persona:
            assert bundled(rules.persona.template_id, rules.persona.version).body
        if rules.prompt:
            assert bundled(rules.prompt.template_id, rules.prompt.version).body


@pytest.mark.parametrize(("name", "row"), TABLE.items())
def test_without_a_variant_the_class_decides(name: str, row: tuple[str, int, float, str | None]) -> None:
    """And nothing counts as exposed."""
    choice = model_for(name, {})

    assert (choice.model_id, choice.max_tokens, choice.temperature) == row[:3]
    assert choice.exposed_category is None


def test_the_initial_population_serves_the_designs_models() -> None:
    """A fresh deployment answers as the table says."""
    variants = production(initial_variants())

    assert model_for("TC4", variants) == ModelChoice(
        "claude-sonnet-4-6", 384, 0.7, ("1h", "1h"), (), "LLM_MODEL"
    )
    assert model_for("TC5", variants) == ModelChoice(
        "claude-sonnet-4-6", 768, 0.65, ("1h", "5m"), (), "LLM_MODEL"
    )
    # Small talk is a canary of Haiku against Sonnet, so that production is Sonnet, which has no other model.
    assert model_for("TC3", variants) == ModelChoice(
        "claude-sonnet-4-6", 128, 0.8, ("1h", "1h"), (), "SMALL_TALK_MODEL"
    )
    assert model_for("TC6", variants) == ModelChoice(
        "claude-sonnet-4-6", 512, 0.5, ("1h", "5m"), (), "CRISIS_FLOW_MODEL"
    )
    for turn_class in ("TC1", "TC2", "TC7"):
        assert model_for(turn_class, variants).model_id == TABLE[turn_class][0]


@pytest.mark.parametrize("turn_class", ["TC4", "TC5", "TC6"])
@pytest.mark.parametrize("name", HAIKU_NAMES)
def test_haiku_never_mirrors_teaches_or_speaks_in_a_crisis(turn_class: str, name: str) -> None:
    """Whatever a variant says, and whatever it calls the model."""
    category = turn_classes()[turn_class].category

    choice = model_for(turn_class, variant(category, model_id=name, max_tokens=10, temperature=0.1))

    assert choice.model_id == "claude-sonnet-4-6"
    assert choice.max_tokens == TABLE[turn_class][1]
    assert choice.exposed_category is None


@given(st.text(max_size=60), st.sampled_from(["TC4", "TC5"]))
def test_no_name_at_all_gets_haiku_past_the_guard(name: str, turn_class: str) -> None:
    """What the catalogue does not know could be anything, so it does not serve."""
    choice = model_for(turn_class, variant(model_id=name))

    model = catalogue().find(choice.model_id)
    assert model is not None
    assert model.family != "haiku"


def test_a_variant_governs_its_own_classes_only() -> None:
    """LLM_MODEL is for TC4 and TC5: small talk and the screen must not follow its experiments."""
    variants = variant(model_id="claude-opus-4-7")

    models = {name: model_for(name, variants).model_id for name in TABLE}

    assert {name for name, model in models.items() if model == "claude-opus-4-7"} == {"TC4", "TC5"}


def test_the_table_is_a_ceiling() -> None:
    """An experiment may make replies shorter and calmer, never longer or wilder than the class allows."""
    lower = model_for("TC4", variant(model_id="claude-opus-4-7", max_tokens=200, temperature=0.2))
    higher = model_for("TC4", variant(model_id="claude-opus-4-7", max_tokens=4000, temperature=1.0))

    assert (lower.max_tokens, lower.temperature) == (200, 0.2)
    assert (higher.max_tokens, higher.temperature) == (384, 0.7)


def test_small_talk_falls_back_to_the_other_model() -> None:
    """To Sonnet from Haiku; from Sonnet there is no other."""
    on_sonnet = model_for("TC3", variant("SMALL_TALK_MODEL", model_id="claude-sonnet-4-6"))

    assert model_for("TC3", {}).fallback_models == ("claude-sonnet-4-6",)
    assert on_sonnet.fallback_models == ()


def test_instructions_are_kept_unless_variant_or_class_forbid_it() -> None:
    """Batch work is too far apart for any cache."""
    uncached = variant(model_id="claude-opus-4-7", cache_system_prompt=False)

    assert model_for("TC4", uncached).cache_ttls == (None, None)
    assert model_for("TC4", {}).cache_ttls == ("1h", "1h")
    assert model_for("TC5", {}).cache_ttls == ("1h", "5m")
    assert model_for("TC7", {}).cache_ttls == (None, None)


def test_a_class_that_is_none_is_a_mistake() -> None:
    """Silence would send it to some model or other."""
    with pytest.raises(KeyError):
        model_for("TC9", {})


@pytest.mark.parametrize(
    "key", ["", "prompts/system/v0.md", "prompts/system/v2.txt", "prompts/../v2.md", "/prompts/system/v2.md"]
)
def test_a_persona_without_a_proper_key_is_none(key: str) -> None:
    """The caller then takes the bundled one."""
    assert persona_for(variant("SYSTEM_PROMPT", s3_key=key)) is None
    assert persona_for({}) is None


def test_the_persona_of_production_is_the_current_one() -> None:
    """Template, version and checksum lead to one text."""
    persona = persona_for(production(initial_variants()))

    assert persona is not None
    assert (persona.template_id, persona.version) == (PERSONA, PERSONA_VERSION)
    assert persona.sha256 == bundled(PERSONA, PERSONA_VERSION).sha256
