"""The variants that a new deployment begins with."""

import hashlib
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from silent_infinity.domain.initial_variants import (
    initial_variant_records,
    initial_variant_rows,
    initial_variants,
)
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.domain.variant_categories import (
    CANARY,
    EXPERIMENTAL,
    PRODUCTION,
    RETIRED,
    STAGED,
    STATUSES,
    categories,
    registry_rules,
)
from silent_infinity.domain.variant_configs import barred_classes, broken, may_run, model_categories
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variants import BUCKETS, Variant
from silent_infinity.schemas import schema

REPOSITORY = Path(__file__).parents[3]

POPULATION = {
    "LLM_MODEL": {
        "claude-sonnet-4-6": PRODUCTION,
        "claude-haiku-4-5": STAGED,
        "claude-opus-4-7": EXPERIMENTAL,
        "llama-3-70b": EXPERIMENTAL,
        "mistral-large": EXPERIMENTAL,
    },
    "SYSTEM_PROMPT": {
        "v1-sha-baseline": RETIRED,
        "v2-sha-current": PRODUCTION,
        "v3-sha-empathy-rewrite": STAGED,
    },
    "CHAT_UI_LAYOUT": {
        "current": PRODUCTION,
        "simplified": STAGED,
        "sidebar": EXPERIMENTAL,
        "mobile-only": EXPERIMENTAL,
    },
    "COMPOSE_POSITION": {"bottom-pill": PRODUCTION, "top-fixed": STAGED, "inline": EXPERIMENTAL},
    "GHOST_CHAR_STYLE": {
        "scramble": PRODUCTION,
        "dots": STAGED,
        "shimmer": EXPERIMENTAL,
        "none": EXPERIMENTAL,
    },
    "RATING_VARIANT": {f"rating-{number:02}": PRODUCTION for number in range(1, 41)},
    "VOICE_PROVIDER": {
        "polly-generative-ruth": PRODUCTION,
        "polly-neural-ruth": STAGED,
        "elevenlabs": EXPERIMENTAL,
        "kokoro": EXPERIMENTAL,
    },
    "VOICE_LLM": {"sonnet": PRODUCTION, "haiku": STAGED, "opus": EXPERIMENTAL},
    "STARTER_POOL_SIZE": {"7": PRODUCTION, "5": STAGED, "10": EXPERIMENTAL},
    "TOPIC_HIERARCHY": {"flat": PRODUCTION, "drill-down": STAGED, "tabs": EXPERIMENTAL},
    "MANDALA_FACE": {"on": PRODUCTION, "simple-orb": STAGED, "none": EXPERIMENTAL},
    "PRICING_TIER_STRUCTURE": {"v1": PRODUCTION, "v2-claude-aligned": STAGED},
    "CRISIS_DETECTOR_MODEL": {"claude-haiku-4-5": PRODUCTION},
    "SENTINEL_MODEL": {"claude-haiku-4-5": PRODUCTION},
    "SMALL_TALK_MODEL": {"claude-sonnet-4-6": PRODUCTION, "claude-haiku-4-5": CANARY},
    "CRISIS_FLOW_MODEL": {"claude-sonnet-4-6": PRODUCTION, "claude-opus-4-7": EXPERIMENTAL},
    "SYNTHESIS_MODEL": {"claude-haiku-4-5": PRODUCTION},
}
"""The table of the design's source for its twelve categories, and the design's own for the other five."""

RUNNING = ("SMALL_TALK_MODEL", "claude-haiku-4-5")

EVERY_ROW = pytest.mark.parametrize(
    "record", initial_variant_records(), ids=lambda record: "-".join(record.key)
)


def in_category(name: str) -> list[VariantRecord]:
    """Return the records of one category, in the order of the file."""
    return [record for record in initial_variant_records() if record.category == name]


def test_the_population_is_the_agreed_one() -> None:
    """Names and stages were agreed on; whoever changes them changes what promotions start from."""
    found = {
        name: {record.variant_id: record.status for record in in_category(name)} for name in categories()
    }

    assert found == POPULATION


def test_no_variant_is_there_twice() -> None:
    """The second one would silently not be seeded."""
    keys = [record.key for record in initial_variant_records()]

    assert len(set(keys)) == len(keys)


@EVERY_ROW
def test_a_row_says_where_it_comes_from_and_what_it_must_pass(record: VariantRecord) -> None:
    """The registry keeps rows as they are: a missing fact would be missing for ever."""
    assert record.created_by == record.last_modified_by == "system:initial-population"
    assert record.created_at == record.last_modified != ""
    assert record.status in STATUSES
    assert record.version == 1
    assert record.target_cohort == "all"
    assert record.description
    assert bool(record.pass_criteria) == (record.status in (EXPERIMENTAL, STAGED, CANARY))


@EVERY_ROW
def test_a_configuration_fits_its_schema_and_the_rules_beyond_it(record: VariantRecord) -> None:
    """The same checks refuse what an operator mistypes."""
    Draft202012Validator(schema(categories()[record.category].config_schema)).validate(record.config)

    assert broken(record.category, record.config) == ()


@EVERY_ROW
def test_a_rollout_is_what_the_stage_allows(record: VariantRecord) -> None:
    """A row out of bounds could not have come about by any change that is allowed."""
    if record.status == PRODUCTION:
        assert (record.rollout_percent, record.ranges) == (100, ())
    elif record.key == RUNNING:
        stage = registry_rules().stage(record.status)
        assert stage.least <= record.rollout_percent <= stage.most
    else:
        assert (record.rollout_percent, record.ranges) == (0, ())


@EVERY_ROW
def test_parents_exist_and_lead_to_a_beginning(record: VariantRecord) -> None:
    """A chain of parents that goes round explains nothing."""
    seen = set()
    parent: str | None = record.variant_id
    while parent is not None:
        assert parent in POPULATION[record.category]
        assert parent not in seen
        seen.add(parent)
        parent = next(r.parent_variant_id for r in in_category(record.category) if r.variant_id == parent)


def test_only_small_talk_runs_an_experiment_at_first() -> None:
    """Every other experiment begins when an operator begins it; five at once is the most."""
    running = [record for record in initial_variant_records() if record.ranges]

    assert [record.key for record in running] == [RUNNING]
    assert running[0].rollout_percent == 20
    assert running[0].ranges == ((0, 2000),)


def test_ranges_are_disjoint_and_as_large_as_the_rollout() -> None:
    """A bucket of two arms would belong to whichever is looked at first."""
    for _, records in groupby(initial_variant_records(), key=lambda record: record.category):
        owned: list[int] = []
        for record in records:
            buckets = [place for start, end in record.ranges for place in range(start, end)]
            assert len(buckets) == (record.rollout_percent * BUCKETS / 100 if record.ranges else 0)
            owned += buckets
        assert len(set(owned)) == len(owned)
        assert all(0 <= place < BUCKETS for place in owned)


@EVERY_ROW
def test_what_runs_may_run(record: VariantRecord) -> None:
    """A variant whose model must not serve its classes is kept at 0: Haiku never mirrors or teaches."""
    serving = record.status == PRODUCTION or bool(record.ranges)

    assert may_run(record.category, record.config) or not serving
    assert bool(barred_classes(record.category, record.config)) == (
        record.key == ("LLM_MODEL", "claude-haiku-4-5")
    )


@pytest.mark.parametrize("name", sorted(categories()))
def test_every_category_begins_with_production(name: str) -> None:
    """Seeding that stops half way then leaves no category in which only experiments are known."""
    first, *others = in_category(name)

    assert first.status == PRODUCTION
    assert all(other.status != PRODUCTION for other in others) or categories()[name].pool


def test_nothing_but_production_is_served_in_a_crisis_category() -> None:
    """Safety in a crisis is never tried out on people."""
    for record in initial_variant_records():
        if categories()[record.category].crisis:
            assert record.status == PRODUCTION or record.rollout_percent == 0


def test_a_classes_own_model_settings_are_those_of_its_production() -> None:
    """The table of the classes is a ceiling; a lower one in a row would change replies unseen."""
    for rules in turn_classes().values():
        config = in_category(rules.category)[0].config

        assert config["max_tokens"] >= rules.max_tokens
        assert config["temperature"] >= rules.temperature


@EVERY_ROW
def test_models_are_the_ones_that_the_names_say(record: VariantRecord) -> None:
    """A variant of another model than its name would be compared under a false one."""
    if record.category in model_categories():
        model = catalogue().find(record.config["model_id"])
        assert model is not None
        assert record.variant_id in (model.id, model.family)
        assert model.name_at("bedrock") == record.config["model_id"]


@EVERY_ROW
def test_prompts_are_what_their_checksums_say(record: VariantRecord) -> None:
    """A version is immutable: an edited file must become a new version, and this fails until it does."""
    if record.category == "SYSTEM_PROMPT":
        text = (REPOSITORY / record.config["s3_key"]).read_bytes()
        assert hashlib.sha256(text).hexdigest() == record.config["prompt_sha"]


def test_the_forty_ways_to_ask_for_a_rating_are_forty() -> None:
    """Two members of the pool that ask the same would split one arm in two."""
    ratings = in_category("RATING_VARIANT")

    assert [record.pool_rank for record in ratings] == list(range(40))
    assert len({record.config["question"] for record in ratings}) == 40
    assert {record.config["style"] for record in ratings} == {"stars", "faces", "words", "scale", "thumbs"}


def test_the_first_way_to_ask_waits_for_the_end() -> None:
    """It is the one that people in a crisis are given."""
    assert in_category("RATING_VARIANT")[0].config["moment"] == "session_end"


def test_arms_do_not_begin_with_the_same_people() -> None:
    """With one seed for all, experiments that follow each other would take the same units first."""
    for name in categories():
        seeds = [record.seed for record in in_category(name) if record.status not in (PRODUCTION, RETIRED)]

        assert len(set(seeds)) == len(seeds)
        assert {record.seed for record in in_category(name) if record.status == PRODUCTION} == {"v1"}


def test_the_turn_reads_the_same_as_the_registry() -> None:
    """What serves while the registry is down must be what it would have said."""
    fields = Variant.__dataclass_fields__

    assert len(initial_variants()) == len(initial_variant_rows())
    for variant, row in zip(initial_variants(), initial_variant_rows(), strict=True):
        of_row: dict[str, Any] = {name: row[name] for name in fields}
        of_row["ranges"] = tuple(tuple(pair) for pair in row["ranges"])
        assert {name: getattr(variant, name) for name in fields} == of_row
