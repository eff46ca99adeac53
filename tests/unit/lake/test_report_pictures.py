"""Figures as people read them, and pictures whose marks stay inside."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.lake.figures_shown import NONE, better, change, points, share, shown, usd
from silent_infinity.domain.lake.metrics import by_name
from silent_infinity.domain.lake.plots import WIDE, Interval, dumbbells, forest, stacked_days, trend
from silent_infinity.domain.svg import WIDTH

FIRST = date(2026, 11, 2)
values = st.none() | st.floats(0, 1e7)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0.00"),
        (1234.5, "$1,234.50"),
        (0.996, "$1.00"),
        (0.0349, "$0.0349"),
        (-0.0012, "-$0.001200"),
        (-12.3, "-$12.30"),
    ],
)
def test_dollars_have_the_digits_that_tell_them_apart(value: float, text: str) -> None:
    """A turn costs a hundredth of a cent, and a month thousands of dollars."""
    assert usd(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (999.4, "ms", "999 ms"),
        (1540, "ms", "1.54 s"),
        (0.0123, "share", "1.23%"),
        (0.997, "share", "99.70%"),
        (0.5, "share", "50.0%"),
        (2350.4, "tokens", "2,350"),
        (4.115, "points", "4.12"),
        (None, "ms", NONE),
    ],
)
def test_figures_have_the_unit_of_their_metric(value: float | None, unit: str, text: str) -> None:
    """A share near 0 or 1 needs two more digits than one in the middle."""
    assert shown(value, unit) == text


def test_what_cannot_be_compared_is_a_dash() -> None:
    """Nothing before, nothing now."""
    assert change(5, 0) == change(None, 5) == points(None) == share(None) == NONE
    assert change(6, 5) == "+20.0%"
    assert points(-0.0123) == "-1.23 pt"


def test_whether_more_is_better_depends_on_the_metric() -> None:
    """Green for a slower reply would be a promotion for the wrong arm."""
    known = by_name()

    assert better(1, known["rating"]) is True
    assert better(1, known["latency_total_ms"]) is False
    assert better(-1, known["latency_total_ms"]) is True
    assert better(1, known["tokens_output"]) is None
    assert better(0, known["rating"]) is better(1, None) is None


def places(picture: str, names: str) -> list[float]:
    """The coordinates of a picture, by the names of their attributes."""
    found = [float(value) for value in re.findall(rf'\b(?:{names})="([-\d.e+]+)"', picture)]
    for pairs in re.findall(r'points="([^"]+)"', picture):
        across, up = zip(*(pair.split(",") for pair in pairs.split()), strict=True)
        found += map(float, across if names.startswith("x") else up)
    return found


@given(points_of=st.lists(values, min_size=8, max_size=60))
def test_a_trend_stays_inside_and_breaks_at_gaps(points_of: list[float | None]) -> None:
    """A line drawn through a day without figures would show what nobody measured."""
    days = [(FIRST + timedelta(place), value) for place, value in enumerate(points_of)]
    picture = trend("a", days, lambda value: f"{value:.0f}")
    known = [value for value in points_of if value is not None]
    runs = len(re.findall(r"x+", "".join("." if value is None else "x" for value in points_of)))

    assert picture.count("<polyline") == runs
    assert all(0 <= place <= WIDTH for place in places(picture, "x|x1|x2|cx"))
    assert all(0 <= place <= 130 for place in places(picture, "y|y1|y2|cy"))
    assert ("no figures" in picture) == (not known)


@given(low=st.floats(-3, 3), middle=st.floats(-3, 3), high=st.floats(-3, 3), good=st.none() | st.booleans())
def test_intervals_beyond_the_edge_get_a_head(
    low: float, middle: float, high: float, good: bool | None
) -> None:
    """A rare failure's interval must not squeeze all others."""
    low, middle, high = sorted((low, middle, high))
    picture = forest("a", [Interval("rate", low, middle, high, good)])

    assert all(0 <= place <= WIDE for place in places(picture, "x|x1|x2|cx"))
    assert picture.count('class="head"') == (abs(low) > 0.5) + (abs(high) > 0.5)
    assert picture.count("<circle") == (abs(middle) <= 0.5)


@given(st.lists(st.dictionaries(st.sampled_from(["TC1", "TC4"]), st.floats(0, 1e6)), min_size=1, max_size=56))
def test_the_parts_of_a_day_are_as_tall_as_its_sum(costs: list[dict[str, float]]) -> None:
    """The tallest day fits, and nothing is drawn for what cost nothing."""
    days = [FIRST + timedelta(place) for place in range(len(costs))]
    picture = stacked_days("a", days, dict(zip(days, costs, strict=True)), ["TC1", "TC4"], usd)

    assert all(0 <= place <= 240 for place in places(picture, "y|y1|y2"))
    drawn = sum(value > 0 for day in costs for value in day.values())
    assert picture.count("<rect") == drawn + 2


def test_shares_before_and_now_are_both_marked() -> None:
    """Hollow and filled, with the change in points."""
    picture = dumbbells("a", [("venting", 0.4, 0.25)])

    assert "40.0% to 25.0%" in picture
    assert "-15.0 pt" in picture
