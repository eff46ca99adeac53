"""Buckets, and what production is: the same in every implementation."""

from typing import Any

import pytest

from silent_infinity.domain.variants import Variant, bucket, production
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
