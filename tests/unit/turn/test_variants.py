"""Buckets, and what production is: the same in every implementation."""

from typing import Any

import pytest

from silent_infinity.domain.variants import Variant, bucket, compile_plan, production
from tests.support.vectors import description, load_vectors


@pytest.mark.parametrize("case", load_vectors("bucket.json"), ids=description)
def test_buckets_are_the_same_in_every_implementation(case: dict[str, Any]) -> None:
    """The numbers are written out: whoever implements assignment anywhere else checks against this file."""
    assert bucket(case["seed"], case["category"], case["unit"]) == case["bucket"]


def test_rank_comes_before_name_in_a_production_pool() -> None:
    """Operators order a pool by rank; names follow no order."""
    pool = [
        Variant("RATING_VARIANT", "a", "production", pool_rank=2),
        Variant("RATING_VARIANT", "b", "production", pool_rank=1),
    ]

    assert production(pool)["RATING_VARIANT"].variant_id == "b"


def test_the_first_of_a_production_pool_is_the_default() -> None:
    """Crisis turns take the first of a pool, whatever the order of the rows."""
    pool = [
        Variant("RATING_VARIANT", "r-2", "production", pool_rank=2),
        Variant("RATING_VARIANT", "r-1", "production", pool_rank=1),
    ]

    assert production(pool)["RATING_VARIANT"].variant_id == "r-1"
    assert production(reversed(pool))["RATING_VARIANT"].variant_id == "r-1"


def test_what_arrives_in_production_is_not_yet_what_production_is() -> None:
    """It has half of the people and no approval for the others, and none for a crisis."""
    variants = [
        Variant("LLM_MODEL", "new", "production", ranges=((0, 5000),)),
        Variant("LLM_MODEL", "old", "production", pool_rank=1),
    ]

    assert production(variants)["LLM_MODEL"].variant_id == "old"


def test_a_retired_variant_is_not_served_even_if_it_was_handed_over() -> None:
    """Registries leave tombstones out; a plan does not rely on it."""
    variants = [
        Variant("LLM_MODEL", "prod", "production"),
        Variant("LLM_MODEL", "old", "retired", ranges=((0, 10_000),)),
    ]
    plan = compile_plan(variants)

    for stored in ({}, {"LLM_MODEL": "old"}):
        served = plan.assign(session_id="session", user_id="user", stored=stored)
        assert served["LLM_MODEL"].variant_id == "prod"


def test_an_answer_of_a_plan_belongs_to_who_asked() -> None:
    """The plan is shared by all turns of the process: what one does to its answer stays with it."""
    plan = compile_plan([Variant("LLM_MODEL", "prod", "production")])
    plan.production().clear()
    plan.assign(session_id="session", user_id="user").clear()

    assert set(plan.production()) == {"LLM_MODEL"}
    assert set(plan.assign(session_id="session", user_id="user")) == {"LLM_MODEL"}
