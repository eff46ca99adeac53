"""Which language a text is written in, if it can be told at all.

Scripts tell most languages apart. Those that share the Latin script are told by their most frequent short
words and by letters that few of them have, which is enough for a sentence and honest about a word: whoever
cannot be told gets no verdict. Nothing is learned, everything is in `data/languages.json`.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from silent_infinity import data
from silent_infinity.domain import prose

LATIN_LANGUAGES: Final = ("en", "es", "fr", "de", "pt", "it", "nl", "sv", "pl", "tr", "hi-Latn")
"""Languages that are told by their words. `hi-Latn` is Hindi as it is typed in Latin letters."""

_SAMPLE: Final = 2_000
_LEAST_EVIDENCE: Final = 2.0
"""As many words of a language have to be there, or shared ones that add up to them; fewer in a short text."""
_FEWEST_WORDS: Final = 1.2
_LEAST_SHARE: Final = 0.18
_MARGIN: Final = 1.35
_LETTER: Final = 0.8
_FEWEST_LETTERS: Final = 4
_ELISION = re.compile(r"\b([cdjlmnstCDJLMNST]|qu|Qu|un|dell|all|nell|sull)['\u2019](?=\w)")


_REMEMBERED: Final = 4
"""Texts of one validation, which is asked several times what language they are in."""


@dataclass(frozen=True, slots=True)
class _Tables:
    weights: Mapping[str, Mapping[str, float]]
    """Word, to language, to how much it says for it."""
    letters: Mapping[str, str]
    scripts: tuple[tuple[str, re.Pattern[str]], ...]
    together: Mapping[str, str]
    asks: re.Pattern[str]


@lru_cache(_REMEMBERED)
def identify(text: str) -> str | None:
    """Return the language of `text` as a tag (`en`, `hi-Latn`), or None if it cannot be told.

    A text in several languages has the one that clearly prevails, or none. Linear in the length of what is
    looked at, which is the beginning.
    """
    sample = unicodedata.normalize("NFC", text[:_SAMPLE])
    if sum(map(str.isalpha, sample)) < _FEWEST_LETTERS:
        return None
    tables = _tables()
    # Scripts and letters that tell languages apart are none of ASCII's.
    if not sample.isascii():
        length = len("".join(sample.split()))
        for language, pattern in tables.scripts:
            if len(pattern.findall(sample)) / length >= (0.15 if language == "ja" else 0.5):
                return language
    return _by_words(sample, tables)


def same(first: str, second: str) -> bool:
    """Whether two languages are one to a reader: Hindi is Hindi in either script."""
    together = _tables().together
    return together.get(first, first) == together.get(second, second)


def wanted(message: str) -> str | None:
    """Return the language in which `message` is to be answered; None if it cannot be told."""
    # Whoever speaks of a language may want that one.
    if _tables().asks.search(prose.fold(message)):
        return None
    return identify(message)


def frequent(word: str, language: str) -> bool:
    """Whether `word` (lower case) is a frequent short word of a language, which carries no content."""
    return language in _tables().weights.get(word, {})


def _by_words(sample: str, tables: _Tables) -> str | None:
    # Elided articles are words of their own: "l'angoisse", "dell'ansia".
    # Once each: "yo yo" says little, and long texts repeat their words of content least.
    tokens = dict.fromkeys(prose.words(_ELISION.sub(r"\1' ", prose.plain(sample).lower())))
    if not tokens:
        return None
    scores = dict.fromkeys(LATIN_LANGUAGES, 0.0)
    for token in tokens:
        for language, weight in tables.weights.get(token, {}).items():
            scores[language] += weight
    if not sample.isascii():
        lower = sample.lower()
        for language, letters in tables.letters.items():
            scores[language] += _LETTER * min(2, sum(map(lower.count, letters)))
    (best, score), (_, second) = sorted(scores.items(), key=lambda item: -item[1])[:2]
    enough = score >= min(_LEAST_EVIDENCE, max(_FEWEST_WORDS, 0.6 * len(tokens)))
    enough = enough and score >= _LEAST_SHARE * len(tokens)
    return best if enough and score >= _MARGIN * second and score - second >= 0.5 else None


@cache
def _tables() -> _Tables:
    raw: dict[str, Any] = data.load("languages.json")
    owners: dict[str, set[str]] = {}
    for language, listed in raw["words"].items():
        for word in listed.split():
            for form in {word, _unaccented(word)}:
                owners.setdefault(form, set()).add(language)
    weights = {
        word: dict.fromkeys(languages, 1 / len(languages) ** 0.8) for word, languages in owners.items()
    }
    return _Tables(
        weights,
        raw["letters"],
        tuple((language, re.compile(f"[{span}]")) for language, span in raw["scripts"].items()),
        {language: group[0] for group in raw["together"] for language in group},
        re.compile(raw["asks_for_language"]),
    )


def _unaccented(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
