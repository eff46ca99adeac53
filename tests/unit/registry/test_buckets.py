"""Ramps over buckets: nested, disjoint, and from what production has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.registry.buckets import (
    Ranges,
    free,
    in_buckets,
    in_percent,
    resized,
    size,
)
from silent_infinity.domain.variants import BUCKETS

COUNTS = st.integers(0, BUCKETS // 3)


def _set(ranges: Ranges) -> set[int]:
    return {bucket for start, end in ranges for bucket in range(start, end)}


@given(st.lists(COUNTS, min_size=1, max_size=4), st.lists(COUNTS, min_size=1, max_size=4))
def test_every_ramp_is_nested_in_the_larger_one_and_touches_nobody_else(
    mine: list[int], theirs: list[int]
) -> None:
    """Moving anybody from arm to arm spoils both; two arms in turn fragment what is free."""
    own: Ranges = ()
    other: Ranges = ()
    for count, others in zip(mine, theirs, strict=False):
        before = _set(own)
        own = resized(own, other, count)
        other = resized(other, own, others)
        after = _set(own)

        assert before <= after or after <= before
        assert size(own) == len(after) == count
        assert not after & _set(other)
        assert all(0 <= start < end <= BUCKETS for start, end in own)


@given(COUNTS, COUNTS)
def test_a_ramp_back_and_forth_gives_the_same_buckets(small: int, large: int) -> None:
    """Who was served by a pilot is served again when the same rollout comes back."""
    small, large = sorted((small, large))
    first = resized((), (), small)

    assert _set(resized(resized(first, (), large), (), small)) == _set(first)


def test_what_nobody_has_is_free() -> None:
    """Whatever order the arms came in, production has the gaps."""
    assert free([(5000, 6000), (0, 10), (20, 30)]) == ((10, 20), (30, 5000), (6000, BUCKETS))
    assert free([(0, BUCKETS)]) == ()
    assert free([(0, 100), (10, 20)]) == ((100, BUCKETS),)


def test_more_than_is_free_cannot_be_had() -> None:
    """Buckets are never taken from another arm."""
    assert size(resized((), [(0, 4000)], 6000)) == 6000
    with pytest.raises(ValueError, match="too few"):
        resized((), [(0, 4000)], 6001)


@given(st.integers(0, BUCKETS))
def test_every_number_of_buckets_is_a_rollout_with_two_decimals(count: int) -> None:
    """0.07 times 100 is not 7 to a computer."""
    assert in_buckets(in_percent(count)) == count
    assert in_buckets(round(count / 100, 2)) == count
