"""In which language a crisis is answered."""

from typing import Final

from silent_infinity.domain.locales import parse_locale

LANGUAGES: Final = ("en", "es", "fr", "de", "pt", "hi", "hi-Latn")
"""Languages with vetted replies and with rules for generated ones."""

DEFAULT: Final = "en"


def reply_language(locale: str) -> str:
    """Return the language of vetted replies for a BCP 47 tag: one of `LANGUAGES`, English for all others."""
    return known_language(locale) or DEFAULT


def known_language(locale: str) -> str | None:
    """Return the one of `LANGUAGES` that the tag names; None if it names another.

    A tag that names no language at all gets the default. Hindi in Latin script is written by many who do not
    type Devanagari; without a script the tag means Devanagari.
    """
    parsed = parse_locale(locale)
    if parsed.language == "hi" and parsed.script == "Latn":
        return "hi-Latn"
    language = parsed.language or DEFAULT
    return language if language in LANGUAGES else None
