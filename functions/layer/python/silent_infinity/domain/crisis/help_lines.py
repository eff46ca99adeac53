"""Help lines for a person's locale, with an international fallback that is always there.

`data/help_lines.json` holds the facts, `data/help_words.json` how each reply language says them: a number is
written down once, and read in seven languages.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any, Final

from silent_infinity import data
from silent_infinity.domain.crisis.reply_language import DEFAULT, reply_language
from silent_infinity.domain.locales import parse_locale

WORLD: Final = "001"
ALWAYS: Final = "24/7"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to reach a line: `by` names its words in the data, `at` is the number or address, `send` the
    word to text.
    """

    by: str
    at: str
    send: str = ""


@dataclass(frozen=True, slots=True)
class HelpLine:
    """One service that a person can reach.

    `country` is ISO 3166-1 alpha-2, or "001" for the world; `languages` are those in which it answers, the
    main one first; `hours` is "24/7", or "HH:MM-HH:MM" for the same hours every day, in local time; `free` is
    True only where the source says so; `web` is an address for those who would rather chat.
    `source` is the public page on which all this was read, at the date `checked_on` (ISO 8601);
    `source_kind` says whose page it is. `told_in` is the reply language in which the line is described.
    """

    id: str
    country: str
    languages: tuple[str, ...]
    name: str
    ways: tuple[Way, ...]
    hours: str
    free: bool
    source: str
    source_kind: str
    checked_on: str
    web: str = ""
    told_in: str = DEFAULT

    @property
    def always_open(self) -> bool:
        """Whether somebody is there at every hour."""
        return self.hours == ALWAYS

    @property
    def numbers(self) -> tuple[str, ...]:
        """Every number and address of the line, as the data writes them."""
        return tuple(way.at for way in self.ways) + ((self.web,) if self.web else ())

    @property
    def wording(self) -> str:
        """What completes the sentence "You can …"."""
        words = _words(self.told_in)
        return str(words["either"].join(_said(words["ways"][way.by][0], way) for way in self.ways))

    @property
    def wordings(self) -> frozenset[str]:
        """Every wording that names one way to this line exactly."""
        forms = _words(self.told_in)["ways"]
        return frozenset({_said(form, way) for way in self.ways for form in forms[way.by]} | {self.wording})

    @property
    def contact(self) -> str:
        """How to reach the line, chat included, as a list entry."""
        wording = self.wording
        web = _words(self.told_in)["web"].format(at=self.web) if self.web else ""
        return f"{wording[:1].upper()}{wording[1:]}{web}"

    @property
    def terms(self) -> str:
        """Cost and hours in words ("free, 24/7"); empty for a directory, which has neither."""
        if self.country == WORLD:
            return ""
        words = _words(self.told_in)
        hours = words["always"] if self.always_open else words["daily"].format(hours=self.hours)
        return ", ".join([words["free"], hours] if self.free else [hours])

    def to_payload(self) -> dict[str, str]:
        """Return the resource that an answer shows, without the bookkeeping."""
        return {
            "id": self.id,
            "name": self.name,
            "contact": self.contact,
            "hours": self.hours,
            "country": self.country,
            "language": self.languages[0],
            "wording": self.wording,
        }


def _said(form: str, way: Way) -> str:
    return form.format(at=way.at, send=way.send)


@cache
def all_lines() -> tuple[HelpLine, ...]:
    """Return every help line, described in English, in the order of the data (the first of a country is named
    first).
    """
    return tuple(
        HelpLine(
            **{
                **line,
                "languages": tuple(line["languages"]),
                "ways": tuple(Way(**way) for way in line["ways"]),
            }
        )
        for line in _source()["lines"]
    )


def for_locale(locale: str) -> tuple[HelpLine, ...]:
    """Return the lines of the locale's country, then the international ones; never empty.

    `locale` is a BCP 47 tag ("en-US", "hi-Latn-IN"). Within a country, lines that speak the person's language
    come first; all are described in the language of the reply. Without a region, or with one that the data
    does not know, the international lines stand alone: a number that does not work where the person is would
    be worse than none.
    """
    parsed = parse_locale(locale)
    international: Sequence[str] = _source()["international"]
    own = sorted(
        (line for line in all_lines() if line.country == parsed.country),
        key=lambda line: parsed.language not in line.languages,
    )
    world = (line for line in all_lines() if line.id in international)
    language = reply_language(locale)
    return tuple(replace(line, told_in=language) for line in (*own, *world))


def by_ids(ids: Iterable[str]) -> tuple[HelpLine, ...]:
    """Return the lines with these ids, in their order.

    Raises:
        KeyError: there is no line with an id.
    """
    known = {line.id: line for line in all_lines()}
    return tuple(known[line_id] for line_id in ids)


def emergency_numbers(locale: str) -> tuple[str, ...]:
    """Return the emergency numbers of the locale's country, the first to dial first; empty where the data has
    none.
    """
    entries: Sequence[dict[str, Any]] = _source()["emergency"]
    country = parse_locale(locale).country
    return next((tuple(entry["numbers"]) for entry in entries if entry["country"] == country), ())


def emergency_in_words(locale: str) -> str:
    """Return whom to call in danger, as a request: "call 911", or the local number where none is known."""
    words = _words(reply_language(locale))
    numbers = emergency_numbers(locale)
    if not numbers:
        return str(words["local_emergency"])
    return str(words["emergency"].format(number=words["emergency_or"].join(numbers)))


def lines_in_words(lines: Sequence[HelpLine]) -> str:
    """Return lines as a clause that follows "you can", with name, cost and hours of each.

    Terms that all share are said once, at the end.

    Raises:
        IndexError: there are no lines.
    """
    terms = [line.terms for line in lines]
    together = len(set(terms)) == 1 and bool(terms[0])
    said = [
        f"{line.wording} ({line.name if together or not term else f'{line.name}, {term}'})"
        for line, term in zip(lines, terms, strict=True)
    ]
    clause = str(_words(lines[0].told_in)["or"]).join(said)
    return f"{clause}, {terms[0]}" if together else clause


def country_of(locale: str) -> str | None:
    """Return the region subtag of a BCP 47 tag in upper case, or None."""
    return parse_locale(locale).country or None


def max_age_days() -> int:
    """Return for how many days a checked line may be trusted."""
    return int(_source()["max_age_days"])


def stale(lines: Iterable[HelpLine], today: date, max_age_days: int) -> tuple[HelpLine, ...]:
    """Return the lines that were last checked more than `max_age_days` before `today`.

    Raises:
        ValueError: a line's `checked_on` is no ISO date.
    """
    return tuple(line for line in lines if (today - date.fromisoformat(line.checked_on)).days > max_age_days)


def _words(language: str) -> dict[str, Any]:
    words: dict[str, Any] = data.load("help_words.json")["languages"][language]
    return words


def _source() -> dict[str, Any]:
    loaded: dict[str, Any] = data.load("help_lines.json")
    return loaded
