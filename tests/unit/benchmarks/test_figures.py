"""Figures that a budget is judged by: a wrong percentile would hide the turns that are slow."""

import pytest

from tests.benchmarks.figures import Row, median, number, percentile


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (95, 95), (99, 99), (99.5, 100), (100, 100)]
)
def test_a_percentile_is_a_sample_that_was_taken(percent: float, expected: float) -> None:
    """Nearest rank: between two samples nothing is invented."""
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == expected


def test_the_median_of_an_even_number_is_the_lower_middle() -> None:
    """The same rule as every other percentile."""
    assert median([4, 1, 3, 2]) == 2


def test_one_sample_is_every_percentile() -> None:
    """A benchmark that ran once has still something to say."""
    assert [percentile([7.5], percent) for percent in (0, 50, 100)] == [7.5, 7.5, 7.5]


@pytest.mark.parametrize(("samples", "percent"), [([], 50), ([1.0], -1), ([1.0], 100.1)])
def test_a_percentile_of_nothing_is_an_error(samples: list[float], percent: float) -> None:
    """A zero in its place would look like a very fast system."""
    with pytest.raises(ValueError, match="percentile"):
        percentile(samples, percent)


@pytest.mark.parametrize(
    ("row", "ratio", "met", "budget"),
    [
        (Row(what="read only", value=4, unit="ms"), None, None, ""),
        (Row(what="at the budget", value=5, unit="ms", most=5), None, True, "≤ 5 ms"),
        (Row(what="over", value=5.1, unit="ms", most=5), None, False, "≤ 5 ms"),
        (Row(what="thrice", value=9, unit="ms", floor=3, most_times_floor=3), 3, True, "≤ 3 ×"),
        (Row(what="more", value=10, unit="ms", floor=3, most_times_floor=3), 10 / 3, False, "≤ 3 ×"),
        (
            Row(what="one of two", value=4, unit="ms", floor=1, most=5, most_times_floor=3),
            4,
            False,
            "≤ 5 ms, ≤ 3 ×",
        ),
        (Row(what="no peer to be had", value=4, unit="ms", most_times_floor=1), None, None, "≤ 1 ×"),
        (Row(what="throughput", value=20, unit="turns/s", floor=60, more_is_better=True), 3, None, ""),
        (Row(what="none is allowed", value=0, unit="turns", most=0), None, True, "≤ 0 turns"),
    ],
    ids=lambda value: value.what if isinstance(value, Row) else None,
)
def test_a_budget_is_kept_up_to_its_very_figure(
    row: Row, ratio: float | None, met: bool | None, budget: str
) -> None:
    """A row without a floor or without a budget must not look as if it had kept one."""
    assert (row.ratio, row.met, row.budget) == (ratio, met, budget)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.010834, "0.0108"),
        (0.1, "0.1"),
        (3.14159, "3.14"),
        (40, "40"),
        (99.96, "100"),
        (162.4, "162"),
        (1017.6, "1,018"),
    ],
)
def test_figures_have_three_digits(value: float, text: str) -> None:
    """More would pretend a precision that no run repeats; fewer would hide a regression."""
    assert number(value) == text
