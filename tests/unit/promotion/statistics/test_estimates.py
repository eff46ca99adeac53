"""From sums to an estimate with a variance."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from silent_infinity.domain.comparison import NOTES
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.promotion.statistics.estimates import (
    NotComparableError,
    difference,
    effective_count,
    level,
    ratio_difference,
    ratio_level,
)
from silent_infinity.domain.variant_sums import MEAN, RATE, Pairs, Sums
from tests.support.vectors import description, load_vectors

units = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 30)).map(lambda unit: (min(unit), unit[1])),
    min_size=3,
    max_size=40,
)
rates = st.integers(2, 5000).flatmap(
    lambda n: st.integers(0, n).map(lambda total: Sums(RATE, n, float(total)))
)


def paired(sample: list[tuple[int, int]]) -> Sums:
    """Return the sums of units with a numerator and a denominator each."""
    x, y = (np.array(each, dtype=float) for each in zip(*sample, strict=True))
    pairs = Pairs(x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum())
    ratios = x / y
    return Sums(MEAN, len(sample), float(ratios.sum()), float((ratios**2).sum()), pairs)


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


@given(units)
def test_the_delta_method_is_that_of_the_units_residuals(sample: list[tuple[int, int]]) -> None:
    """From six sums as from all units: Deng, Knoblich, Lu 2018."""
    x, y = (np.array(each, dtype=float) for each in zip(*sample, strict=True))
    ratio = x.sum() / y.sum()
    residuals = (x - ratio * y) / y.mean()
    expected = residuals.var(ddof=1) / len(sample)
    assume(expected > 1e-9)
    found = ratio_level(paired(sample))

    assert (found.value, found.variance, found.size) == pytest.approx(
        (ratio, expected, len(sample)), rel=1e-6
    )


def test_with_one_turn_each_a_ratio_is_a_mean() -> None:
    """Both ways of computing meet where there is nothing between them."""
    sample = [(value, 1) for value in (0, 1, 1, 0, 1, 3)]
    other = [(value, 1) for value in (0, 1, 1, 0, 1, 1, 2, 5)]

    assert ratio_difference(paired(sample), paired(other)) == difference(paired(sample), paired(other))


def test_turns_of_one_unit_do_not_count_as_many() -> None:
    """A hundred sessions of ten turns that are all alike are worth a hundred turns, not a thousand."""
    alike = paired([(10 * (place % 2), 10) for place in range(100)])
    assert alike.pairs is not None
    one_each = paired([(place % 2, 1) for place in range(100)])

    assert effective_count(alike.pairs) == pytest.approx(100)
    assert ratio_level(alike).variance == pytest.approx(ratio_level(one_each).variance)


@pytest.mark.parametrize(
    ("sums", "note"),
    [
        (Sums(MEAN, 10, 5.0, 4.0), "no-figures"),
        (Sums(MEAN, 10, 5.0, 4.0, Pairs(0.0, 0.0, 0.0, 0.0, 0.0)), "too-few-units"),
        (Sums(MEAN, 10, 5.0, 4.0, Pairs(10.0, 10.0, 10.0, 10.0, 99.0)), "impossible-sums"),
        (Sums(MEAN, 10, 5.0, 4.0, Pairs(math.nan, 10.0, 10.0, 10.0, 10.0)), "impossible-sums"),
        (Sums(MEAN, 10, 5.0, 4.0, Pairs(5.0, 10.0, 2.5, 10.0, 5.0)), "no-variation"),
        (Sums(MEAN, 1, 5.0, 25.0, Pairs(5.0, 1.0, 25.0, 1.0, 5.0)), "too-few-units"),
        (Sums(MEAN, 10, math.nan, 4.0, Pairs(5.0, 10.0, 4.0, 10.0, 5.0)), "impossible-sums"),
    ],
    ids=["no pairs", "no turns", "cross too large", "not a number", "all alike", "one unit", "total is NaN"],
)
def test_a_ratio_of_which_nothing_can_be_said(sums: Sums, note: str) -> None:
    """A gate says why, instead of a figure that means nothing."""
    with pytest.raises(NotComparableError) as refused:
        ratio_level(sums)

    assert refused.value.note == note


def test_what_never_happened_still_has_a_spread() -> None:
    """None of 500 is no proof that there will never be one."""
    never, always = level(Sums(RATE, 500, 0.0)), level(Sums(RATE, 500, 500.0))

    assert never.variance > 0
    assert always.variance == pytest.approx(never.variance)
