"""Help lines for a person's locale, with an international fallback that is always there."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final

from silent_infinity import data

_REGION: Final = re.compile(r"[-_]([a-z]{2})(?=[-_]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HelpLine:
    """One service that a person can reach.

    `country` is ISO 3166-1 alpha-2, or "001" for the world; `wording` completes the sentence "You can …";
    `source` is the public page that the facts were read on, at the date `checked_on` (ISO 8601).
    """

    id: str
    country: str
    language: str
    name: str
    contact: str
    hours: str
    wording: str
    source: str
    checked_on: str

    def to_payload(self) -> dict[str, str]:
        """Return the resource that an answer shows, without the bookkeeping."""
        return {
            "id": self.id,
            "name": self.name,
            "contact": self.contact,
            "hours": self.hours,
            "country": self.country,
            "language": self.language,
            "wording": self.wording,
        }


@cache
def all_lines() -> tuple[HelpLine, ...]:
    """Return every help line, in the order of the data (the first of a country is named first)."""
    return tuple(HelpLine(**line) for line in _source()["lines"])


def for_locale(locale: str) -> tuple[HelpLine, ...]:
    """Return the lines of the locale's country, then the international ones; never empty.

    `locale` is a BCP 47 tag ("en-US", "hi-Latn-IN"). Without a region, or with one that the data does not
    know, the international lines stand alone: a number that does not work where the person is would be worse
    than none.
    """
    country = country_of(locale)
    international: Sequence[str] = _source()["international"]
    own = tuple(line for line in all_lines() if line.country == country)
    world = tuple(line for line in all_lines() if line.id in international)
    return own + world


def by_ids(ids: Iterable[str]) -> tuple[HelpLine, ...]:
    """Return the lines with these ids, in their order.

    Raises:
        KeyError: there is no line with an id.
    """
    known = {line.id: line for line in all_lines()}
    return tuple(known[line_id] for line_id in ids)


def emergency_number(locale: str) -> str | None:
    """Return the emergency number of the locale's country, or None where the data has none."""
    numbers: Sequence[dict[str, str]] = _source()["emergency"]
    country = country_of(locale)
    return next((entry["number"] for entry in numbers if entry["country"] == country), None)


def country_of(locale: str) -> str | None:
    """Return the region subtag of a BCP 47 tag in upper case, or None."""
    # Extensions ("-u-…", "-x-…") may hold two-letter pieces that are no regions.
    found = _REGION.search(re.split(r"[-_][a-z0-9](?=[-_])", locale, maxsplit=1, flags=re.IGNORECASE)[0])
    return found.group(1).upper() if found else None


def stale(lines: Iterable[HelpLine], today: date, max_age_days: int) -> tuple[HelpLine, ...]:
    """Return the lines that were last checked more than `max_age_days` before `today`.

    Raises:
        ValueError: a line's `checked_on` is no ISO date.
    """
    return tuple(line for line in lines if (today - date.fromisoformat(line.checked_on)).days > max_age_days)


def _source() -> dict[str, Any]:
    loaded: dict[str, Any] = data.load("help_lines.json")
    return loaded
