"""What a language tag says, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.crisis.reply_language import LANGUAGES, known_language, reply_language
from silent_infinity.domain.locales import Locale, parse_locale


@pytest.mark.parametrize(
    ("tag", "locale"),
    [
        ("en", Locale("en")),
        ("en-US", Locale("en", "", "US")),
        ("en_us", Locale("en", "", "US")),
        ("en_GB.UTF-8", Locale("en", "", "GB")),
        ("ca_ES@valencia", Locale("ca", "", "ES")),
        ("en-UK", Locale("en", "", "GB")),
        ("hi-Latn-IN", Locale("hi", "Latn", "IN")),
        ("zh-Hant-HK", Locale("zh", "Hant", "HK")),
        ("zh-yue-Hant-HK", Locale("zh", "Hant", "HK")),
        ("ZH-HANT", Locale("zh", "Hant")),
        ("es-419", Locale("es")),
        ("pt-BR", Locale("pt", "", "BR")),
        ("de-CH-1996", Locale("de", "", "CH")),
        ("en-GB-u-hc-h12", Locale("en", "", "GB")),
        ("de-u-co-phonebk", Locale("de")),
        ("en-x-us", Locale("en")),
        ("x-us", Locale()),
        ("und-FR", Locale("", "", "FR")),
        ("fil-PH", Locale("fil", "", "PH")),
        ("", Locale()),
        (" en-US ", Locale("en", "", "US")),
        ("english", Locale()),
        ("en-USA", Locale("en")),
        ("en--US", Locale("en")),
        ("-", Locale()),
        ("💥", Locale()),
    ],
)
def test_a_tag_is_taken_apart(tag: str, locale: Locale) -> None:
    """Language, script and country each decide something; what is not said must not be guessed."""
    assert parse_locale(tag) == locale


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en-AU", "en"),
        ("es-419", "es"),
        ("fr-CA", "fr"),
        ("de-AT", "de"),
        ("pt-BR", "pt"),
        ("pt-PT", "pt"),
        ("hi", "hi"),
        ("hi-IN", "hi"),
        ("hi-Deva-IN", "hi"),
        ("hi-Latn", "hi-Latn"),
        ("", "en"),
        ("und-MX", "en"),
    ],
)
def test_the_language_of_the_reply_follows_the_tag(tag: str, language: str) -> None:
    """Help in a language that the person does not read is no help."""
    assert reply_language(tag) == known_language(tag) == language


@pytest.mark.parametrize("tag", ["ja-JP", "zh-Hant-HK", "tr", "sv-SE"])
def test_a_language_without_replies_is_answered_in_english_and_known_to_lack_rules(tag: str) -> None:
    """The two must differ: English words may be served, generated ones of that language may not."""
    assert reply_language(tag) == "en"
    assert known_language(tag) is None


@given(st.text(max_size=60))
def test_no_tag_is_too_strange(tag: str) -> None:
    """It comes from a browser, and stands between a person in danger and a reply."""
    parsed = parse_locale(tag)

    assert parsed.country == "" or (len(parsed.country) == 2 and parsed.country.isascii())
    assert reply_language(tag) in LANGUAGES
