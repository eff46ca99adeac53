"""The right help lines for a locale, with their sources."""

from datetime import UTC, date, datetime

import pytest

from silent_infinity.domain.crisis.help_lines import (
    all_lines,
    by_ids,
    country_of,
    emergency_number,
    for_locale,
    stale,
)


def test_the_united_states_get_988_and_the_crisis_text_line_in_exact_words() -> None:
    """A wrong digit or keyword reaches nobody."""
    assert [line.wording for line in for_locale("en-US")[:2]] == ["call or text 988", "text HOME to 741741"]


@pytest.mark.parametrize("locale", ["en", "fr-FR", "xx", "", "en-ZZ", "und", "zh-Hant"])
def test_an_unknown_place_gets_the_international_lines_alone(locale: str) -> None:
    """988 does not work in France: a dead number at that moment is worse than a directory."""
    assert [line.id for line in for_locale(locale)] == ["int-find-a-helpline", "int-befrienders"]


@pytest.mark.parametrize("country", ["US", "CA", "GB", "IE", "AU", "NZ", "IN"])
def test_a_known_country_gets_its_own_lines_first_and_the_world_after(country: str) -> None:
    """A call without a language barrier, in the right time zone, comes first."""
    lines = for_locale(f"en-{country}")

    assert lines[0].country == country
    assert lines[-1].country == "001"


@pytest.mark.parametrize(
    ("locale", "country"),
    [
        ("en-US", "US"),
        ("en_us", "US"),
        ("hi-Latn-IN", "IN"),
        ("en", None),
        ("zh-Hant", None),
        ("en-x-us", None),
        ("de-u-co-phonebk", None),
        ("en-GB-u-hc-h12", "GB"),
    ],
)
def test_the_region_is_read_from_a_language_tag(locale: str, country: str | None) -> None:
    """Tags carry scripts and extensions too; a private-use "us" is not the United States."""
    assert country_of(locale) == country


def test_every_line_says_where_and_when_it_was_checked() -> None:
    """What cannot be verified does not ship."""
    for line in all_lines():
        assert line.source.startswith(("https://", "http://"))
        assert date.fromisoformat(line.checked_on) <= datetime.now(UTC).date()
        assert line.name
        assert line.contact
        assert line.hours


def test_a_line_goes_stale_after_its_age() -> None:
    """Numbers change; the tools refuse data that nobody has looked at for too long."""
    lines = all_lines()

    assert stale(lines, date(2027, 5, 20), max_age_days=180) == ()
    assert stale(lines, date(2027, 5, 21), max_age_days=180) == lines


def test_an_unknown_line_id_is_an_error() -> None:
    """A fixed text that names a missing line must not ship."""
    with pytest.raises(KeyError):
        by_ids(["us-988", "no-such-line"])


def test_the_emergency_number_is_the_countrys_or_none() -> None:
    """911 means nothing in London."""
    assert emergency_number("en-US") == "911"
    assert emergency_number("en-GB") == "999"
    assert emergency_number("fr-FR") is None
