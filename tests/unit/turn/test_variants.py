"""Who gets which variant: the same in every process, and never an experiment for those it is not for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.variants import BUCKETS, Variant, assign, bucket, production
from tests.support.vectors import description, load_vectors


@pytest.mark.parametrize("case", load_vectors("bucket.json"), ids=description)
def test_buckets_are_the_same_in_every_implementation(case: dict[str, Any]) -> None:
    """The numbers are written out: whoever implements assignment anywhere else checks against this file."""
    assert bucket(case["seed"], case["category"], case["unit"]) == case["bucket"]


def _arm(end: int, start: int = 0) -> Variant:
    return Variant("LLM_MODEL", "arm", "canary", ranges=((start, end),))


PRODUCTION = Variant("LLM_MODEL", "prod", "production")


@given(st.text(), st.integers(0, BUCKETS), st.integers(0, BUCKETS))
def test_a_ramp_only_adds_units(unit: str, small: int, large: int) -> None:
    """Re-bucketing someone in the middle of an experiment spoils every metric."""
    small, large = sorted((small, large))
    before = assign([PRODUCTION, _arm(small)], unit)["LLM_MODEL"].variant_id
    after = assign([PRODUCTION, _arm(large)], unit)["LLM_MODEL"].variant_id

    assert (before, after) != ("arm", "prod")


@given(st.text())
def test_a_paused_arm_gives_way_to_production_at_once(unit: str) -> None:
    """Pause, rollback and demotion act on the next turn of every session."""
    paused = Variant("LLM_MODEL", "arm", "staged", ranges=())

    assert assign([PRODUCTION, paused], unit, {"LLM_MODEL": "arm"})["LLM_MODEL"].variant_id == "prod"


def test_a_session_keeps_what_it_was_assigned() -> None:
    """A ramp does not move anyone who is already talking."""
    unit = next(str(n) for n in range(100_000) if bucket("v1", "LLM_MODEL", str(n)) < 100)

    assert assign([PRODUCTION, _arm(100)], unit, {"LLM_MODEL": "prod"})["LLM_MODEL"].variant_id == "prod"
    assert assign([PRODUCTION, _arm(100)], unit, {})["LLM_MODEL"].variant_id == "arm"


def test_a_retired_variant_is_never_served() -> None:
    """A tombstone stays in the table, and stays dead."""
    retired = Variant("LLM_MODEL", "old", "retired", ranges=((0, BUCKETS),))

    assert assign([PRODUCTION, retired], "unit", {"LLM_MODEL": "old"})["LLM_MODEL"].variant_id == "prod"


def test_a_range_ends_before_its_end() -> None:
    """Two arms share the number between them: a unit that both own would make the order of rows decide."""
    unit = next(str(n) for n in range(200_000) if bucket("v1", "LLM_MODEL", str(n)) == 100)

    assert assign([PRODUCTION, _arm(100)], unit)["LLM_MODEL"].variant_id == "prod"
    assert assign([PRODUCTION, _arm(101)], unit)["LLM_MODEL"].variant_id == "arm"
    assert assign([PRODUCTION, _arm(200, start=100)], unit)["LLM_MODEL"].variant_id == "arm"


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
