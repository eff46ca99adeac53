"""Weeks of ISO 8601: Monday to Sunday, in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_WEEK = re.compile(r"(?P<year>20\d\d)-W(?P<number>[0-5]\d)")


class WeekError(ValueError):
    """That is no week. The message says what one looks like."""


@dataclass(frozen=True, slots=True)
class Week:
    """A week of ISO 8601, Monday to Sunday in UTC. `name` is like `2026-W47`."""

    name: str
    start: datetime
    end: datetime

    @classmethod
    def of(cls, name: str) -> "Week":
        """Return the week of this name.

        Raises:
            WeekError: there is no such week.
        """
        match = _WEEK.fullmatch(name)
        try:
            if match is None:
                raise ValueError
            monday = date.fromisocalendar(int(match["year"]), int(match["number"]), 1)
        except ValueError:
            raise WeekError("a week is written like 2026-W47") from None
        start = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
        return cls(name, start, start + timedelta(days=7))

    @classmethod
    def around(cls, moment: datetime) -> "Week":
        """Return the week that `moment` lies in."""
        year, number, _ = moment.astimezone(UTC).isocalendar()
        return cls.of(f"{year}-W{number:02d}")

    @classmethod
    def before(cls, moment: datetime) -> "Week":
        """Return the last week that was over at `moment`."""
        return cls.around(moment - timedelta(days=7))

    def holds(self, moment: datetime) -> bool:
        """Whether `moment` lies in the week."""
        return self.start <= moment < self.end

    @property
    def days(self) -> tuple[date, ...]:
        """The seven days, Monday first."""
        return tuple((self.start + timedelta(days=n)).date() for n in range(7))

    def earlier(self, weeks: int) -> "Week":
        """Return the week so many weeks before."""
        return Week.around(self.start - timedelta(weeks=weeks))
