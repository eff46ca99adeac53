"""The normal, Student's t and chi-square, beside SciPy's."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from silent_infinity.domain.distributions import (
    LARGE_DF,
    chi_square_upper,
    hypergeometric_upper,
    incomplete_beta,
    normal_quantile,
    normal_two_sided,
    student_quantile,
    student_two_sided,
)

SMALLEST_SHOWN = 1e-290
"""Below this, doubles themselves run out of digits."""

freedoms = st.floats(0, 12).map(lambda exponent: 10.0**exponent)
sizes = st.floats(-5, 3).map(lambda exponent: 10.0**exponent)


@given(z=st.floats(-45, 45))
def test_the_normal_is_scipys(z: float) -> None:
    """p values of rates."""
    assert normal_two_sided(z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-12, abs=SMALLEST_SHOWN)


@settings(max_examples=500)
@given(t=sizes, df=freedoms)
@example(t=1.96, df=LARGE_DF)
@example(t=1.96, df=math.nextafter(LARGE_DF, 0))
@example(t=12.706, df=1.0)
def test_students_t_is_scipys(t: float, df: float) -> None:
    """p values of means, with two units and with a million million, in the middle and far out."""
    expected = 2 * stats.t.sf(t, df)

    assert student_two_sided(t, df) == pytest.approx(expected, rel=1e-9, abs=SMALLEST_SHOWN)
    assert student_two_sided(-t, df) == student_two_sided(t, df)


@pytest.mark.parametrize("df", [600.0, 1500.0, math.nextafter(LARGE_DF, 0), LARGE_DF, 1e5])
@pytest.mark.parametrize("t", [0.5, 2.0, 5.0, 10.0, 30.0])
def test_both_ways_are_good_on_both_sides_of_the_seam(t: float, df: float) -> None:
    """Far out the expansion needs all of its terms and many degrees of freedom."""
    assert student_two_sided(t, df) == pytest.approx(2 * stats.t.sf(t, df), rel=1e-9, abs=SMALLEST_SHOWN)


@given(t=st.floats(0, 1e6))
def test_where_there_is_a_formula_it_is_that(t: float) -> None:
    """One and two degrees of freedom have one; SciPy itself loses half its digits close to 0."""
    assert student_two_sided(t, 1) == pytest.approx(2 / math.pi * math.atan2(1, t), rel=1e-12)
    if t < 1e5:
        assert student_two_sided(t, 2) == pytest.approx(1 - t / math.hypot(math.sqrt(2), t), abs=1e-13)


@given(alpha=st.floats(1e-9, 0.999), df=freedoms)
def test_quantiles_are_scipys(alpha: float, df: float) -> None:
    """Every confidence interval is as wide as its quantile."""
    assert student_quantile(alpha, df) == pytest.approx(stats.t.isf(alpha / 2, df), rel=1e-8)
    assert normal_quantile(alpha) == pytest.approx(stats.norm.isf(alpha / 2), rel=1e-11)


@given(a=st.floats(0.5, 500), b=st.floats(0.5, 500), x=st.floats(0, 1))
def test_the_incomplete_beta_is_scipys(a: float, b: float, x: float) -> None:
    """It carries Student's t; both branches of its symmetry are met."""
    assert incomplete_beta(a, b, x, 1 - x) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-13)


@settings(max_examples=300)
@given(t=st.floats(0, allow_nan=False), df=st.floats(1e-3, 1e300))
def test_a_probability_is_always_one(t: float, df: float) -> None:
    """Whatever goes in, also infinitely far out: between 0 and 1, and never NaN."""
    assert 0 <= student_two_sided(t, df) <= 1
    assert 0 <= normal_two_sided(t) <= 1


@given(t=st.floats(0, 50), further=st.floats(1e-3, 10), df=freedoms)
def test_farther_out_is_never_likelier(t: float, further: float, df: float) -> None:
    """Also across the seam between the two ways of computing t."""
    assert student_two_sided(t + further, df) <= student_two_sided(t, df)


@pytest.mark.parametrize(("t", "df"), [(math.nan, 5.0), (1.0, 0.0), (1.0, -1.0), (1.0, math.nan)])
def test_what_is_no_question_is_refused(t: float, df: float) -> None:
    """An answer to it would be made up."""
    with pytest.raises(ValueError, match="degrees of freedom"):
        student_two_sided(t, df)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_a_quantile_needs_a_probability(alpha: float) -> None:
    """0 and 1 lie infinitely far out and in the middle."""
    with pytest.raises(ValueError, match="alpha"):
        normal_quantile(alpha)


@settings(max_examples=500)
@given(x=st.floats(-6, 3.5).map(lambda exponent: 10.0**exponent), df=st.integers(1, 2000))
@example(x=0.0, df=1)
@example(x=1e5, df=3)
@example(x=2 * (5 / 2 + 1), df=5)
@example(x=math.nextafter(2 * (5 / 2 + 1), 0), df=5)
def test_chi_square_is_scipys(x: float, df: int) -> None:
    """p values of drift and of sample ratios, where everything fits and where nothing does."""
    assert chi_square_upper(x, df) == pytest.approx(stats.chi2.sf(x, df), rel=1e-9, abs=SMALLEST_SHOWN)


@pytest.mark.parametrize(("x", "df"), [(-1.0, 2), (math.nan, 2), (1.0, 0), (1.0, -1)])
def test_chi_square_of_nonsense_is_refused(x: float, df: float) -> None:
    """A count below zero is a wrong rollup, and no sign of drift."""
    with pytest.raises(ValueError, match="chi-square"):
        chi_square_upper(x, df)


def test_an_infinite_chi_square_is_impossible_by_chance() -> None:
    """Where nothing was expected and something came."""
    assert chi_square_upper(math.inf, 4) == 0


populations = st.one_of(st.integers(1, 60), st.integers(1000, 3_000_000))


@settings(max_examples=500)
@given(population=populations, data=st.data())
@example(population=20_000, data=None)
def test_fishers_tail_is_scipys(population: int, data: st.DataObject | None) -> None:
    """Whether an arm is taken back hangs on it: with a handful of crises, and with a million units."""
    if data is None:
        draws, marked, drawn = 10_000, 40, 35
    else:
        draws = data.draw(st.integers(0, population))
        marked = data.draw(st.integers(0, min(population, 5000)))
        drawn = data.draw(st.integers(0, marked + 1))
    expected = stats.hypergeom.sf(drawn - 1, population, marked, draws)

    assert hypergeometric_upper(drawn, draws, marked, population) == pytest.approx(
        expected, rel=1e-6, abs=SMALLEST_SHOWN
    )


def test_fishers_tail_is_that_of_the_test() -> None:
    """Twelve of 200 beside nine of 900, one-sided."""
    found = hypergeometric_upper(12, 200, 21, 1100)

    assert found == pytest.approx(stats.fisher_exact([[12, 188], [9, 891]], alternative="greater").pvalue)


@pytest.mark.parametrize("counts", [(-1, 5, 5, 10), (1, 11, 5, 10), (1, 5, 11, 10), (1, -5, 5, 10)])
def test_fishers_tail_refuses_what_cannot_be_drawn(counts: tuple[int, int, int, int]) -> None:
    """A negative count would come out as a probability above 1."""
    with pytest.raises(ValueError, match="population"):
        hypergeometric_upper(*counts)
