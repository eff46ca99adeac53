"""From sums to an estimate with a variance."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.comparison import NOTES
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.promotion.statistics.estimates import (
    NotComparableError,
    difference,
    effective_count,
    level,
)
from silent_infinity.domain.variant_sums import RATE, Pairs, Sums
from tests.support.vectors import description, load_vectors

rates = st.integers(2, 5000).flatmap(
    lambda n: st.integers(0, n).map(lambda total: Sums(RATE, n, float(total)))
)


@pytest.mark.parametrize("case", load_vectors("statistics_estimates.json"), ids=description)
def test_vectors(case: dict[str, Any]) -> None:
    """Worked out by hand; or why nothing can be said, which a person is told."""
    arm, production = from_payload(Sums, case["arm"]), from_payload(Sums, case["production"])
    if "note" in case:
        with pytest.raises(NotComparableError) as refused:
            difference(arm, production)
        assert refused.value.note == case["note"]
        assert NOTES[refused.value.note]
        return
    found = difference(arm, production)

    assert (found.value, found.variance, found.size) == pytest.approx(
        tuple(case["expected"][name] for name in ("value", "variance", "size")), rel=1e-6
    )


@given(rates, rates)
def test_an_arm_and_production_may_be_swapped(arm: Sums, production: Sums) -> None:
    """The care that is taken of small samples must not depend on which side is small."""
    there, back = difference(arm, production), difference(production, arm)

    assert back.value == -there.value
    assert (back.variance, back.size) == pytest.approx((there.variance, there.size))


@given(rates, rates)
def test_care_never_makes_surer(arm: Sums, production: Sums) -> None:
    """The variance is at least the sum of both."""
    plain = level(arm).variance + level(production).variance

    assert difference(arm, production).variance >= plain * (1 - 1e-12)


def test_turns_of_one_unit_do_not_count_as_many() -> None:
    """A hundred sessions of ten turns that are all alike are worth a hundred turns, not a thousand."""
    tens = Pairs(500.0, 1000.0, 5000.0, 10_000.0, 5000.0)
    ones = Pairs(50.0, 100.0, 50.0, 100.0, 50.0)

    assert effective_count(tens) == effective_count(ones) == 100
    assert effective_count(Pairs(0.0, 0.0, 0.0, 0.0, 0.0)) == 0


def test_what_never_happened_still_has_a_spread() -> None:
    """None of 500 is no proof that there will never be one."""
    never, always = level(Sums(RATE, 500, 0.0)), level(Sums(RATE, 500, 500.0))

    assert never.variance > 0
    assert always.variance == pytest.approx(never.variance)
