"""Which days a run computes: its window, what late arrivals touch, what depends on both, in which pieces.

A day of the lake is a UTC day. Rows of a day may still change for two reasons: events arrive late, and some
figures look at the days around (a return within a week, what a session did after midnight).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Self

from silent_infinity.domain.lake.model import GOLD, SILVER, UNITS, Table

WINDOW_DAYS = 7
"""A night computes its day and so many before it: an event that is up to a week late needs no search."""

LATE_DAYS = 31
"""So many days back late arrivals are looked for; what comes later waits for a backfill of its day."""

RETURN_DAYS = 7
"""Whether a person came back is known so many days later: what changes on a day changes these before it."""

NEIGHBOUR_DAYS = 1
"""Whether a turn was followed by another is known a day later: a session may go on over midnight."""

CHUNK_DAYS = 28
"""The most days of one statement. Athena writes at most 100 partitions at a time, and one of four weeks is
done long before the statement's time is up."""

LONGEST_DAYS = 400
"""The most days that one run may be asked for: more would outgrow what an execution may remember."""

PUBLISHED_DAYS = 7
"""The most days whose figures are published together: with their histograms they are some ten thousand rows,
which Athena gives a thousand at a time.
"""

LAST_DAY_ONLY = frozenset({"gold_experiments"})
"""Tables that hold the state of things on a day rather than what happened on it."""

_PHASES = (SILVER, UNITS, GOLD)
_DAY = timedelta(days=1)


class DaysError(ValueError):
    """These days cannot be computed. The message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked for, as text of the form `YYYY-MM-DD`, empty where nothing was said."""

    date: str = ""
    first: str = ""
    last: str = ""


class _Dated:
    """A dataclass of dates and plain values, which states of the workflow hand each other as JSON."""

    __slots__ = ()

    def to_payload(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type] # subclasses are dataclasses
        return {name: v.isoformat() if isinstance(v, date) else v for name, v in values.items()}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """Read what `to_payload` gave.

        Raises:
            DaysError: a day is not one.
            KeyError: a field is missing.
        """
        given = {f.name: (payload[f.name], f.type is date) for f in fields(cls)}  # type: ignore[arg-type] # as above
        return cls(**{name: day_of(value) if dated else value for name, (value, dated) in given.items()})


@dataclass(frozen=True, slots=True)
class Window(_Dated):
    """The days that a run is for.

    `through` is the last day that is over, `today` the day of the run; both are fixed at its begin, so that a
    run over midnight means the same days to its end. `searches`: late arrivals are looked for.
    """

    first: date
    last: date
    through: date
    today: date
    searches: bool

    @property
    def arrivals(self) -> tuple[date, date]:
        """The days of arrival that are searched for late ones."""
        return self.last, min(self.last + _DAY, self.today)

    @property
    def searched(self) -> date:
        """The day after the last one for which late arrivals are looked for. That of the window's first day
        changes the day before, which the window does not reach.
        """
        return self.first + NEIGHBOUR_DAYS * _DAY

    @property
    def oldest(self) -> date:
        """The oldest day that late arrivals may change."""
        return self.last - LATE_DAYS * _DAY


@dataclass(frozen=True, slots=True)
class Item(_Dated):
    """One statement: a table, and the days that it computes.

    Arrivals up to `arrived_until` are read: all that there are, because neither the run nor its pieces may
    decide which rows a day has.
    """

    table: str
    first: date
    last: date
    arrived_until: date

    @property
    def days(self) -> tuple[date, ...]:
        """The days, in their order."""
        return tuple(_between(self.first, self.last))


@dataclass(frozen=True, slots=True)
class Phase:
    """Statements that need one another's rows no more than the phases before have written them."""

    name: str
    items: tuple[Item, ...]


def window_of(asked: Asked, today: date) -> Window:
    """Return the days that a run is for.

    With `first` and `last` it is for exactly these, a backfill; with `date`, or without anything (then
    yesterday), for the night of that day.

    Raises:
        DaysError: the days are not days, end before they begin, lie in the future, or are too many.
    """
    through = today - _DAY
    if asked.first or asked.last:
        if asked.date or not (asked.first and asked.last):
            raise DaysError("give a date, or both of from and to")
        window = Window(day_of(asked.first), day_of(asked.last), through, today, searches=False)
    else:
        last = day_of(asked.date) if asked.date else through
        window = Window(last - WINDOW_DAYS * _DAY, last, through, today, searches=True)
    if window.last < window.first:
        raise DaysError("the last day lies before the first")
    if window.last > today:
        raise DaysError("the last day lies in the future")
    if (window.last - window.first).days >= LONGEST_DAYS:
        raise DaysError(f"a run is for {LONGEST_DAYS} days at most")
    return window


def refined(window: Window, late: Iterable[date]) -> list[date]:
    """Return the days whose turns are computed anew: the window, and what late arrivals have touched.

    A late turn may also be what turns of the day before were followed by.
    """
    touched = {
        day - back * _DAY
        for day in late
        if window.oldest <= day < window.searched
        for back in range(NEIGHBOUR_DAYS + 1)
    }
    return sorted(touched | set(_between(window.first, window.last)))


def dependent(days: Iterable[date]) -> list[date]:
    """Return the days whose figures may change when the turns of `days` change: these, and those before
    whose people came back on them.
    """
    return sorted({day - back * _DAY for day in days for back in range(RETURN_DAYS + 1)})


def chunks(days: Iterable[date], most: int = CHUNK_DAYS) -> list[tuple[date, date]]:
    """Return the days as ranges without gaps, each of `most` days at most, first and last inclusive."""
    found: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if found and day == found[-1][1] + _DAY and (day - found[-1][0]).days < most:
            found[-1] = found[-1][0], day
        else:
            found.append((day, day))
    return found


def phases(tables: Sequence[Table], window: Window, late: Iterable[date]) -> tuple[Phase, ...]:
    """Return every statement of a run, in the order in which they have to run."""
    turns = refined(window, late)
    figures = dependent(turns)
    return tuple(
        Phase(
            layer,
            tuple(
                _item(table.name, chunk, window)
                for table in tables
                if table.layer == layer
                for chunk in _chunks_of(table, turns if layer == SILVER else figures, window)
            ),
        )
        for layer in _PHASES
    )


def _chunks_of(table: Table, days: Iterable[date], window: Window) -> list[tuple[date, date]]:
    return [(window.last, window.last)] if table.name in LAST_DAY_ONLY else chunks(days)


def _item(table: str, chunk: tuple[date, date], window: Window) -> Item:
    first, last = chunk
    return Item(table, first, last, window.today)


def _between(first: date, last: date) -> list[date]:
    return [first + number * _DAY for number in range((last - first).days + 1)]


def day_of(text: str) -> date:
    """Read a day.

    Raises:
        DaysError: it is not written like `2026-11-21`.
    """
    try:
        found = date.fromisoformat(text)
    except (TypeError, ValueError):
        found = None
    # Python reads other forms as well, such as 20261121.
    if found is None or found.isoformat() != text:
        raise DaysError("a day is written like 2026-11-21")
    return found
