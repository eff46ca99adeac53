"""The right help lines for a locale, with their sources."""

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.crisis.help_lines import (
    WORLD,
    HelpLine,
    all_lines,
    by_ids,
    country_of,
    emergency_in_words,
    emergency_numbers,
    for_locale,
    lines_in_words,
    max_age_days,
    stale,
)
from silent_infinity.domain.crisis.reply_language import LANGUAGES

SOURCE = data.load("help_lines.json")
INTERNATIONAL = ["int-find-a-helpline", "int-befrienders"]
COUNTRIES = sorted({line.country for line in all_lines()} - {WORLD})
KINDS_OF_SOURCE = {"operator", "government", "health", "charity", "press", "directory"}


def test_the_united_states_get_988_and_the_crisis_text_line_in_exact_words() -> None:
    """A wrong digit or keyword reaches nobody."""
    assert [line.wording for line in for_locale("en-US")[:2]] == ["call or text 988", "text HOME to 741741"]


@pytest.mark.parametrize(
    "locale", ["en", "es-419", "xx", "", "en-ZZ", "und", "zh-Hant", "en-x-us", "💥", "english-US"]
)
def test_an_unknown_place_gets_the_international_lines_alone(locale: str) -> None:
    """988 does not work in France: a dead number at that moment is worse than a directory."""
    assert [line.id for line in for_locale(locale)] == INTERNATIONAL
    assert emergency_numbers(locale) == ()
    assert not re.search(r"\d", emergency_in_words(locale))


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_known_country_gets_its_own_lines_first_and_the_world_after(country: str) -> None:
    """A call without a language barrier, in the right time zone, comes first."""
    lines = for_locale(f"en-{country}")

    assert lines[0].country == country
    assert [line.id for line in lines[-2:]] == INTERNATIONAL
    assert {line.country for line in lines} == {country, WORLD}


@given(st.text(max_size=40))
def test_no_locale_is_left_without_a_line(locale: str) -> None:
    """Never empty, whatever a client sends, and never the number of another country."""
    lines = for_locale(locale)

    assert lines
    assert {line.country for line in lines} <= {country_of(locale), WORLD}
    assert lines_in_words(lines[:2])


@pytest.mark.parametrize(
    ("locale", "country"),
    [
        ("en-US", "US"),
        ("hi-Latn-IN", "IN"),
        ("en", None),
        ("zh-Hant", None),
        ("es-419", None),
        ("en-x-us", None),
    ],
)
def test_the_region_is_read_from_a_language_tag(locale: str, country: str | None) -> None:
    """Tags carry scripts and extensions too; a private-use "us" is not the United States."""
    assert country_of(locale) == country


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_can_be_told_in_every_reply_language(language: str) -> None:
    """The number is what matters, and it must read the same in each of them."""
    for line in all_lines():
        told = replace(line, told_in=language)

        assert all(number in told.wording for number in (way.at for way in line.ways))
        assert told.wording in told.wordings
        assert "{" not in told.wording + told.contact + told.terms
        assert set(re.findall(r"\d", told.contact)) >= set(re.findall(r"\d", line.contact))


@pytest.mark.parametrize("language", LANGUAGES)
def test_whom_to_call_in_danger_is_told_in_every_reply_language(language: str) -> None:
    """The sentence stands in the middle of a reply, so it must be of its language."""
    told = {emergency_in_words(f"{language}-{country}") for country in ("US", "ZZ")}

    assert len(told) == 2
    assert any("911" in text for text in told)


def test_a_line_is_described_in_the_language_of_the_person_not_of_the_country() -> None:
    """Somebody in Germany who writes English must understand what to do with the number."""
    assert for_locale("en-US")[0].wording == "call or text 988"
    assert for_locale("es-US")[0].wording == "llamar o enviar un SMS al 988"
    assert for_locale("ja-US")[0].to_payload()["contact"].startswith("Call or text 988")
    assert for_locale("hi-US")[0].to_payload()["wording"] == "988 पर कॉल या SMS करें"


@pytest.mark.parametrize(
    ("locale", "first"),
    [
        ("fr-BE", "be-cps"),
        ("nl-BE", "be-1813"),
        ("de-BE", "be-cps"),
        ("zh-Hant-HK", "hk-samaritans"),
        ("es-US", "us-988"),
    ],
)
def test_a_line_that_speaks_the_persons_language_is_named_first(locale: str, first: str) -> None:
    """In a crisis nobody should have to look for words in a second language."""
    assert for_locale(locale)[0].id == first


def test_a_line_says_its_main_language_first() -> None:
    """The person must know in which language somebody will answer."""
    assert for_locale("en-IL")[0].languages == ("he", "ar", "ru", "en")
    assert for_locale("en-IL")[0].to_payload()["language"] == "he"


def test_terms_that_all_lines_share_are_said_once() -> None:
    """Two lines with the same small print twice are hard to read in distress."""
    first, second = for_locale("en-US")[:2]

    assert lines_in_words([first, second]).endswith("741741 (Crisis Text Line), free, 24/7")
    assert "daily 08:00-22:00" in lines_in_words([replace(first, hours="08:00-22:00"), second])
    assert lines_in_words([replace(first, free=False)]).endswith("(988 Suicide & Crisis Lifeline), 24/7")


def test_nothing_is_promised_of_a_directory() -> None:
    """What is listed there has its own hours and prices."""
    assert lines_in_words(for_locale("en")[:1]).endswith("findahelpline.com (Find A Helpline)")


@pytest.mark.parametrize(
    "entry", [*SOURCE["lines"], *SOURCE["emergency"]], ids=lambda e: e.get("id", e["country"])
)
def test_every_entry_says_where_and_when_it_was_checked(entry: dict[str, str]) -> None:
    """What cannot be verified does not ship."""
    assert entry["source"].startswith(("https://", "http://"))
    assert entry["source_kind"] in KINDS_OF_SOURCE
    assert date.fromisoformat(entry["checked_on"]) >= date(2026, 11, 21)


@pytest.mark.parametrize("line", all_lines(), ids=lambda line: line.id)
def test_every_line_is_complete(line: HelpLine) -> None:
    """A line without a way to reach it, or with hours that mean nothing, is none."""
    assert re.fullmatch(r"[A-Z]{2}|001", line.country)
    assert re.fullmatch(r"24/7|\d\d:\d\d-\d\d:\d\d", line.hours)
    assert line.name
    assert line.ways
    assert line.languages


def test_ids_and_emergency_countries_are_unique() -> None:
    """Of two entries one would silently win."""
    ids = [line.id for line in all_lines()]
    countries = [entry["country"] for entry in SOURCE["emergency"]]

    assert len(ids) == len(set(ids))
    assert len(countries) == len(set(countries))


def test_a_line_goes_stale_after_its_age() -> None:
    """Numbers change; the tools refuse data that nobody has looked at for too long."""
    line = replace(all_lines()[0], checked_on="2026-11-21")

    assert max_age_days() == 180
    assert stale([line], date(2027, 5, 20), max_age_days=180) == ()
    assert stale([line], date(2027, 5, 21), max_age_days=180) == (line,)


def test_an_unknown_line_id_is_an_error() -> None:
    """A fixed text that names a missing line must not ship."""
    with pytest.raises(KeyError):
        by_ids(["us-988", "no-such-line"])


def test_the_emergency_number_is_the_countrys_or_none() -> None:
    """911 means nothing in London."""
    assert emergency_numbers("en-US") == ("911",)
    assert emergency_numbers("en-GB")[0] == "999"
    assert emergency_in_words("en-IE") == "call 999 or 112"
    assert emergency_numbers("fr-ZZ") == ()
