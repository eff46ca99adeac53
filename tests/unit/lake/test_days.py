"""Which days a run computes."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.lake.days import (
    CHUNK_DAYS,
    LATE_DAYS,
    LONGEST_DAYS,
    RETURN_DAYS,
    Asked,
    DaysError,
    Item,
    Window,
    chunks,
    dependent,
    phases,
    refined,
    window_of,
)
from silent_infinity.domain.lake.model import GOLD, SILVER, UNITS
from silent_infinity.domain.lake.tables import TABLES

TODAY = date(2026, 11, 21)
DAY = timedelta(days=1)
LAYERS = {table.name: table.layer for table in TABLES}

DATES = st.dates(date(2026, 1, 1), date(2028, 12, 31))
WINDOWS = st.builds(
    lambda first, length, age, searches: Window(
        first,
        first + length * DAY,
        first + (length + age) * DAY,
        first + (length + age + 1) * DAY,
        searches,
    ),
    DATES,
    st.integers(0, LONGEST_DAYS - 1),
    st.integers(0, 60),
    st.booleans(),
)
LATE = st.lists(st.integers(1, 90), max_size=12)


def late_of(window: Window, back: list[int]) -> list[date]:
    """Days so far before the end of a window."""
    return [window.last - days * DAY for days in back]


def test_a_run_without_days_is_for_the_night_of_yesterday() -> None:
    """The schedule knows no date; the window reaches a week back, and no day that is not over is promised."""
    window = window_of(Asked(), TODAY)

    assert window == Window(date(2026, 11, 13), date(2026, 11, 20), date(2026, 11, 20), TODAY, searches=True)
    assert window.arrivals == (date(2026, 11, 20), TODAY)
    assert window.oldest == date(2026, 10, 20)


def test_a_night_can_be_run_again_much_later() -> None:
    """What is known by then counts: only the window is that of the night."""
    window = window_of(Asked(date="2026-09-30"), TODAY)

    assert (window.first, window.last) == (date(2026, 9, 23), date(2026, 9, 30))
    assert (window.through, window.today) == (date(2026, 11, 20), TODAY)


def test_the_arrivals_of_a_day_that_is_not_over_end_today() -> None:
    """There is no partition of tomorrow."""
    assert window_of(Asked(date="2026-11-21"), TODAY).arrivals == (TODAY, TODAY)


def test_a_backfill_is_for_exactly_its_days() -> None:
    """And searches nothing: it says itself which days it is for."""
    window = window_of(Asked(first="2026-01-01", last="2026-11-20"), TODAY)

    assert (window.first, window.last, window.searches) == (date(2026, 1, 1), date(2026, 11, 20), False)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Asked(date="2026-11-22"), "future"),
        (Asked(first="2026-11-20", last="2026-11-22"), "future"),
        (Asked(first="2026-11-20", last="2026-11-19"), "before"),
        (Asked(first="2026-11-20"), "both"),
        (Asked(last="2026-11-20"), "both"),
        (Asked(date="2026-11-20", first="2026-11-19", last="2026-11-20"), "both"),
        (Asked(date="20261120"), "written like"),
        (Asked(date="2026-11-20' OR 1=1"), "written like"),
        (Asked(first="2025-10-16", last="2026-11-20"), "at most"),
    ],
)
def test_days_that_make_no_sense_are_refused(asked: Asked, why: str) -> None:
    """Before anything is computed, and without quoting what was given."""
    with pytest.raises(DaysError, match=why) as refused:
        window_of(asked, TODAY)

    assert "OR" not in str(refused.value)


def test_the_longest_backfill_is_accepted() -> None:
    """More than a year, so that a year can be compared with the last one in one run."""
    window = window_of(Asked(first="2025-10-17", last="2026-11-20"), TODAY)

    assert (window.last - window.first).days + 1 == LONGEST_DAYS


@given(days=st.lists(DATES, max_size=120))
def test_chunks_are_exactly_the_days(days: list[date]) -> None:
    """Each day once: a day in two statements would be computed twice, a missing one never."""
    found = chunks(days)
    inside = [first + step * DAY for first, last in found for step in range((last - first).days + 1)]

    assert inside == sorted(set(days))
    assert all(1 <= (last - first).days + 1 <= CHUNK_DAYS for first, last in found)


@given(first=DATES, length=st.integers(1, LONGEST_DAYS))
def test_days_in_a_row_make_as_few_chunks_as_possible(first: date, length: int) -> None:
    """A statement costs seconds however little it reads."""
    found = chunks(first + step * DAY for step in range(length))

    assert len(found) == -(-length // CHUNK_DAYS)


@given(window=WINDOWS, back=LATE)
def test_turns_are_computed_for_the_window_and_late_days_with_the_day_before(
    window: Window, back: list[int]
) -> None:
    """A late turn changes whether one of the day before was followed, that before the window too."""
    late = late_of(window, back)
    found = refined(window, late)

    assert found == sorted(set(found))
    assert {window.first, window.last} <= set(found)
    for day in late:
        if window.oldest <= day <= window.first:
            assert {day, day - DAY} <= set(found)
    assert min(found) >= min(window.first, window.last - (LATE_DAYS + 1) * DAY)
    assert max(found) == window.last


@given(days=st.lists(DATES, min_size=1, max_size=40))
def test_figures_are_computed_for_every_day_that_may_have_changed(days: list[date]) -> None:
    """A return within seven days looks seven days ahead, and no further."""
    found = set(dependent(days))

    assert found == {day - back * DAY for day in days for back in range(RETURN_DAYS + 1)}


@given(window=WINDOWS, back=LATE)
def test_a_plan_has_every_table_of_every_day_once_and_in_order(window: Window, back: list[int]) -> None:
    """Whatever is asked for: phases by layer, no day of a table twice, and all that has arrived, because an
    event that is replayed after months waits for a backfill of its day.
    """
    late = late_of(window, back)
    turns, figures = refined(window, late), dependent(refined(window, late))
    planned = phases(TABLES, window, late)

    assert [phase.name for phase in planned] == [SILVER, UNITS, GOLD]
    for table in TABLES:
        days = [
            day for phase in planned for item in phase.items if item.table == table.name for day in item.days
        ]
        if table.projected:
            assert days == []
        elif table.name == "gold_experiments":
            assert days == [window.last]
        else:
            assert days == (turns if table.layer == SILVER else figures)
    for phase in planned:
        for item in phase.items:
            assert LAYERS[item.table] == phase.name
            assert item.arrived_until == window.today


@given(window=WINDOWS)
def test_what_states_hand_each_other_is_read_back(window: Window) -> None:
    """A window goes through JSON between any two states."""
    item = Item("silver_turns", window.first, window.last, window.today)

    assert Window.from_payload(window.to_payload()) == window
    assert Item.from_payload(item.to_payload()) == item
    assert item.to_payload()["first"] == window.first.isoformat()


@pytest.mark.parametrize("change", [{"first": "soon"}, {"last": None}, {"arrived_until": 7}])
def test_an_item_that_is_none_is_refused(change: dict[str, Any]) -> None:
    """Its days end up in a statement."""
    payload = Item("silver_turns", TODAY, TODAY, TODAY).to_payload()

    with pytest.raises(DaysError):
        Item.from_payload({**payload, **change})
