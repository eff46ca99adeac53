"""Two variants beside each other: vectors, SciPy, and what must hold of any figures."""

import math
from datetime import date
from statistics import stdev
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from silent_infinity.domain.comparison import (
    LOOKED_AT_EVERY_NIGHT,
    NO_TEST,
    NOTES,
    WELCH,
    Z_TEST,
    MetricComparison,
    compare,
)
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.variant_sums import DayOfVariant, Sums, merged
from tests.support.vectors import description, load_vectors

FIGURES = ("difference", "low", "high", "statistic", "df", "p")
values = st.integers(-(10**9), 10**9).map(lambda thousandths: thousandths / 1000)
samples = st.lists(values, min_size=2, max_size=30)


def one(a: Sums | None, b: Sums | None) -> MetricComparison:
    """Compare one metric."""
    (found,) = compare({"m": a} if a else {}, {"m": b} if b else {})
    return found


def mean(sample: list[float]) -> Sums:
    """Return the sums of values, as the lake adds them."""
    return Sums("mean", len(sample), math.fsum(sample), math.fsum(value * value for value in sample))


def rate(n: int, successes: int) -> Sums:
    """Return the sums of a rate."""
    return Sums("rate", n, successes)


@pytest.mark.parametrize("case", load_vectors("comparison.json"), ids=description)
def test_the_cases_that_are_written_out(case: dict[str, Any]) -> None:
    """Published examples, small samples by hand, and every case in which something cannot be said."""
    a, b = (from_payload(Sums, case[side]) if case[side] else None for side in ("a", "b"))
    found = one(a, b)
    expected = dict(case["expected"])
    tolerance = expected.pop("tolerance", 0)

    assert {"test": found.test, "note": found.note} == {name: expected.pop(name) for name in ("test", "note")}
    for name, value in expected.items():
        close = tolerance if name in ("low", "high") else 1e-12
        wanted = None if value is None else pytest.approx(value, rel=1e-8, abs=close)
        assert getattr(found, name) == wanted, name


@settings(max_examples=300)
@given(a=samples, b=samples)
def test_means_are_compared_as_scipy_does(a: list[float], b: list[float]) -> None:
    """From three sums what SciPy computes from all values."""
    for sample in (a, b):
        # SciPy sees the values; of sums alone, a spread this small cannot be told from rounding.
        assume(stdev(sample) > 1e-3 * max(map(abs, sample)))
    found = one(mean(a), mean(b))
    expected = stats.ttest_ind(b, a, equal_var=False)
    interval = expected.confidence_interval(0.95)

    assert found.test == WELCH
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-6, abs=1e-6)
    assert found.df == pytest.approx(expected.df, rel=1e-6)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-5, abs=1e-12)
    width = interval.high - interval.low
    assert found.low == pytest.approx(interval.low, abs=1e-6 * width)
    assert found.high == pytest.approx(interval.high, abs=1e-6 * width)


@settings(max_examples=300)
@given(data=st.data(), of_a=st.integers(1, 10**7), of_b=st.integers(1, 10**7))
def test_rates_are_compared_as_scipy_does(data: st.DataObject, of_a: int, of_b: int) -> None:
    """The square of z is Pearson's chi-square of the 2 by 2 table, without continuity correction."""
    a, b = data.draw(st.integers(0, of_a)), data.draw(st.integers(0, of_b))
    assume(0 < a + b < of_a + of_b)
    found = one(rate(of_a, a), rate(of_b, b))
    expected = stats.chi2_contingency([[a, of_a - a], [b, of_b - b]], correction=False)

    assert found.test == Z_TEST
    assert found.statistic is not None
    assert found.statistic**2 == pytest.approx(expected.statistic, rel=1e-6, abs=1e-9)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-4, abs=1e-12)


@given(data=st.data(), of_a=st.integers(1, 2000), of_b=st.integers(1, 2000))
def test_newcombes_interval_is_made_of_scipys_wilson_intervals(
    data: st.DataObject, of_a: int, of_b: int
) -> None:
    """The bounds of each rate are SciPy's; joined they hold the difference and stay within -1 and 1."""
    a, b = data.draw(st.integers(0, of_a)), data.draw(st.integers(0, of_b))
    found = one(rate(of_a, a), rate(of_b, b))
    wilson_a, wilson_b = (
        stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
        for successes, n in ((a, of_a), (b, of_b))
    )
    difference = b / of_b - a / of_a

    assert found.low == pytest.approx(
        difference - math.hypot(b / of_b - wilson_b.low, wilson_a.high - a / of_a), abs=1e-9
    )
    assert found.high == pytest.approx(
        difference + math.hypot(wilson_b.high - b / of_b, a / of_a - wilson_a.low), abs=1e-9
    )
    assert found.low is not None
    assert found.high is not None
    assert -1 - 1e-12 <= found.low <= difference <= found.high <= 1 + 1e-12


any_number = st.floats(allow_nan=True, allow_infinity=True)
any_sums = st.builds(
    Sums,
    kind=st.sampled_from(["mean", "rate", "mean+rate", ""]),
    n=st.integers(-2, 10**13) | st.integers(-2, 3),
    total=any_number | st.integers(0, 3).map(float),
    squares=any_number | st.integers(0, 9).map(float),
)


@settings(max_examples=1000)
@given(a=any_sums, b=any_sums)
def test_nothing_is_ever_nan_or_infinite(a: Sums, b: Sums) -> None:
    """JSON knows neither, and an operator would not know what to do with them. What is missing has a note."""
    found = one(a, b)
    figures = [getattr(found, name) for name in FIGURES] + [found.a.value, found.b.value]

    assert all(figure is None or math.isfinite(figure) for figure in figures)
    assert found.note in NOTES
    assert (found.p is None) == (found.test == NO_TEST) == (found.statistic is None)
    assert found.p is not None or found.note != ""
    assert found.p is None or 0 <= found.p <= 1


@given(a=samples, b=samples)
def test_exchanging_the_sides_turns_the_sign(a: list[float], b: list[float]) -> None:
    """It is the same evidence, whoever is named first."""
    there, back = one(mean(a), mean(b)), one(mean(b), mean(a))

    assert there.p == (None if back.p is None else pytest.approx(back.p, rel=1e-9))
    assert there.difference == (None if back.difference is None else -back.difference)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_a_large_mean_does_not_drown_the_spread(offset: float) -> None:
    """Latencies lie far from zero. A spread of a millionth of the mean is still in the sum of squares."""
    a, b = ([offset + value for value in sample] for sample in ([1.0, 2, 3, 4, 90], [3.0, 4, 5, 6, 200]))
    found = one(mean(a), mean(b))

    assert found.statistic == pytest.approx(stats.ttest_ind(b, a, equal_var=False).statistic, rel=1e-3)


def test_a_spread_that_was_lost_in_rounding_is_not_invented() -> None:
    """What is left of it is noise of the last digit; a p value of noise would look like any other."""
    a, b = ([1e9 + value for value in sample] for sample in ([0.0, 1, 2], [1.0, 2, 3]))

    assert one(mean(a), mean(b)).note == "no-variation"


def test_a_quotient_beyond_all_numbers_is_not_shown() -> None:
    """A huge mean without spread against next to nothing: the statistic has no finite value."""
    found = one(Sums("mean", 2, 2e153, 2e306), Sums("mean", 2, 0.0, 1e-320))

    assert (found.note, found.statistic, found.p) == ("no-variation", None, None)


def test_a_billion_units_give_a_p_value_without_delay() -> None:
    """The continued fraction alone would take 20,000 steps, and its factor has no digits left."""
    n = 10**9
    found = one(Sums("mean", n, 900.0 * n, 820_000.0 * n), Sums("mean", n, 900.02 * n, 820_040.0 * n))

    assert found.df == pytest.approx(2 * n, rel=0.01)
    expected = stats.ttest_ind_from_stats(
        900.02, math.sqrt(820_040 - 900.02**2), n, 900, 100, n, equal_var=False
    )
    assert found.p == pytest.approx(expected.pvalue, rel=1e-3)


def test_every_metric_of_either_side_is_there_in_order() -> None:
    """A metric that only the new variant has must not vanish from the table."""
    found = compare({"b": rate(5, 1), "a": rate(5, 1)}, {"c": rate(5, 1), "a": rate(6, 2)})

    assert [(metric.metric, metric.note) for metric in found] == [
        ("a", "small-counts"),
        ("b", "no-figures"),
        ("c", "no-figures"),
    ]
    assert [(metric.a.n, metric.b.n) for metric in found] == [(5, 6), (5, 0), (0, 5)]
    assert [found[0].a.value, found[0].b.value] == [0.2, pytest.approx(1 / 3)]


def test_nothing_compared_with_nothing_is_nothing() -> None:
    """Two variants without figures."""
    assert compare({}, {}) == ()


@pytest.mark.parametrize(
    ("of_a", "of_b", "enough"), [(500, 500, True), (499, 5000, False), (5000, 499, False)]
)
def test_a_p_value_of_few_units_is_marked(of_a: int, of_b: int, enough: bool) -> None:
    """500 on each side, as the promotion asks for."""
    assert one(rate(of_a, 100), rate(of_b, 120)).enough_units is enough


def test_the_statement_forbids_what_people_do_with_such_tables() -> None:
    """Looking every night and stopping at the first small p."""
    assert "every night" in LOOKED_AT_EVERY_NIGHT
    assert "sequential test" in LOOKED_AT_EVERY_NIGHT


def days(*metrics: dict[str, Sums]) -> list[DayOfVariant]:
    """Return days that follow each other."""
    return [
        DayOfVariant("LLM_MODEL", "x", date(2026, 11, number + 1), of) for number, of in enumerate(metrics)
    ]


def test_days_are_added_metric_by_metric() -> None:
    """Also when a metric is not there on some day."""
    found = merged(
        days({"m": Sums("mean", 2, 5.0, 13.0), "r": rate(4, 1)}, {"m": Sums("mean", 1, 4.0, 16.0)})
    )

    assert found == {"m": Sums("mean", 3, 9.0, 29.0), "r": rate(4, 1)}
    assert list(found) == ["m", "r"]
    assert merged([]) == {}


def test_a_metric_whose_kind_changed_is_not_added_up_to_something() -> None:
    """Successes and values have no common sum."""
    found = merged(days({"m": rate(4, 1)}, {"m": Sums("mean", 1, 4.0, 16.0)}))

    assert found["m"].kind == "mean+rate"
    assert one(found["m"], found["m"]).note == "mixed-kinds"


@given(sample=st.lists(values, min_size=2, max_size=40), cut=st.integers(0, 40))
def test_where_midnight_falls_does_not_matter(sample: list[float], cut: int) -> None:
    """Two days of units are the units of both."""
    parts = [mean(part) for part in (sample[:cut], sample[cut:])]
    (found,) = merged(days(*({"m": part} for part in parts))).values()
    whole = mean(sample)

    assert found.n == whole.n
    assert found.total == pytest.approx(whole.total, rel=1e-12, abs=1e-6)
    assert found.squares == pytest.approx(whole.squares, rel=1e-12)
