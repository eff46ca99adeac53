"""Holm's correction: vectors, and the principle that it is made of."""

import math
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.promotion.statistics.holm import holm
from tests.support.vectors import description, load_vectors

several = st.lists(st.floats(0, 1), min_size=1, max_size=7).map(
    lambda found: {str(place): p for place, p in enumerate(found)}
)


@pytest.mark.parametrize("case", load_vectors("statistics_holm.json"), ids=description)
def test_vectors(case: dict[str, Any]) -> None:
    """What is written out by hand."""
    assert holm(case["p"]) == pytest.approx(case["adjusted"])
    assert list(holm(case["p"])) == list(case["p"])


@given(several)
def test_it_is_the_closed_test_of_bonferronis(p: dict[str, float]) -> None:
    """A metric holds if every family that it is in holds by Bonferroni: computed over all families, the long
    way, which is why the family-wise error is kept whatever the metrics have to do with each other.
    """
    families = [family for n in range(1, len(p) + 1) for family in combinations(p, n)]
    expected = {
        name: max(
            min(1.0, len(family) * min(p[each] for each in family)) for family in families if name in family
        )
        for name in p
    }

    assert holm(p) == pytest.approx(expected)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_what_is_no_p_value_is_refused(p: float) -> None:
    """A figure that went wrong must not be the smallest one."""
    with pytest.raises(ValueError, match="p values"):
        holm({"a": 0.5, "b": p})
