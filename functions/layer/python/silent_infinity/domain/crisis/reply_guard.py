"""Whether a crisis reply may be served: obligations that must be met, prohibitions that must not be broken.

The obligations follow the VERA-MH rubric (SpringCare/VERA-MH, data/SI/rubric.tsv): notice, ask, guide to
human care, support, keep to the bounds of an AI. The check is lexical and strict, with rules for each reply
language (`data/crisis_guard`): a good reply that it does not recognise is replaced by a vetted one, which
costs warmth; a bad one that it lets through could cost more. A language without rules is therefore never
served generated words.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from silent_infinity import data
from silent_infinity.domain.crisis.help_lines import HelpLine, emergency_numbers, for_locale
from silent_infinity.domain.crisis.replies import ReplyKind
from silent_infinity.domain.crisis.reply_language import LANGUAGES, known_language

MAX_WORDS: Final = 220

# Python's own word boundary splits Devanagari words at their vowel signs, and takes a danda for no boundary.
_START: Final = "(?<![\\w\u0900-\u0963\u0966-\u097f])"
_MARKS: Final = re.compile("[\u0300-\u036f\u093c]")
_QUOTES: Final = str.maketrans({"\u2018": "'", "\u2019": "'", "\u0901": "\u0902", "ß": "ss"})
_SENTENCE_END: Final = re.compile("([.!?\u0964])")
_NUMBER: Final = re.compile("\\d(?:(?:[ ()\u2010-\u2015/+-]{0,3}|\\.)\\d)+")
_GROUPED: Final = re.compile(r"(\d(?:[ ./-]?\d)+)")
_ALWAYS: Final = re.compile(r"\b24 ?(?:[/x]|h ?/) ?(?:7|24)\b")


class _Rules:
    """The compiled patterns of a language, each with the code of the failure that it decides."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.obligations = _compile(source["obligations"])
        self.imminent = _compile(source["imminent"])
        self.prohibitions = _compile(source["prohibitions"])
        self.direct = _pattern(source["direct"])
        # "Is that happening for you?" asks directly when the reply has named what is meant.
        self.asks_back = _pattern(source["asks_back"])
        # A number of two digits is one to dial only if the reply says so.
        self.dial = _pattern(source["dial"])


def _compile(patterns: Mapping[str, str]) -> Mapping[str, re.Pattern[str]]:
    return {code: _pattern(pattern) for code, pattern in patterns.items()}


def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{_START}(?:{_unmarked(pattern)})")


@cache
def _rules(language: str) -> _Rules:
    return _Rules(data.load(f"crisis_guard/{language}.json"))


def check_reply(text: str, *, kind: ReplyKind, locale: str) -> tuple[str, ...]:
    """Return the codes of what is wrong with a crisis reply, obligations first; empty when it may be served.

    `kind` is what the reply is for (see `replies.kind_for`); `locale` decides the language of the rules and
    whose help lines count: those of the country, of which one that is always open must be named in the exact
    wording of the data. "no_rules" means that the locale's language has none.
    """
    language = known_language(locale)
    if language is None:
        return ("no_rules",)
    rules = _rules(language)
    plain = folded(text)
    failures = [code for code, pattern in rules.obligations.items() if not pattern.search(plain)]
    if not _asks_directly(plain, rules):
        failures.append("no_direct_question")
    lines = for_locale(locale)
    if not any(_named(line, plain) for line in _that_count(lines)):
        failures.append("no_help_line")
    if kind == "imminent":
        failures += [code for code, pattern in rules.imminent.items() if not pattern.search(plain)]
    failures += [code for code, pattern in rules.prohibitions.items() if pattern.search(plain)]
    if _unknown_number(plain, lines, emergency_numbers(locale), rules):
        failures.append("unknown_number")
    if len(plain.split()) > MAX_WORDS:
        failures.append("too_long")
    return tuple(failures)


def prohibited(text: str, language: str) -> dict[str, str]:
    """Return what no reply may say, by code, with the words that say it (folded).

    Empty for a language without rules.
    """
    if language not in LANGUAGES:
        return {}
    plain = folded(text)
    found = ((code, pattern.search(plain)) for code, pattern in _rules(language).prohibitions.items())
    return {code: match.group() for code, match in found if match}


def folded(text: str) -> str:
    """Return `text` in lower case, without accents, curly quotes, invisible characters and line ends.

    Devanagari keeps its vowel signs; a nukta, which many leave out, goes.
    """
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return " ".join(_unmarked(visible.lower()).split())


def _unmarked(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).translate(_QUOTES)


def _asks_directly(plain: str, rules: _Rules) -> bool:
    pieces = _SENTENCE_END.split(plain)
    questions = (sentence for sentence, end in zip(pieces[::2], pieces[1::2], strict=False) if end == "?")
    if any(rules.direct.search(question) for question in questions):
        return True
    return rules.asks_back.search(plain) is not None and rules.direct.search(plain) is not None


def _that_count(lines: tuple[HelpLine, ...]) -> tuple[HelpLine, ...]:
    """Return the country's lines that are always open; all lines where it has none."""
    own = [line for line in lines if line.country == lines[0].country and line.always_open]
    return tuple(own) or lines


def _named(line: HelpLine, plain: str) -> bool:
    """Whether the text has the line's wording, and not as the beginning of a longer number.

    The words must be exact; how the digits are grouped is a matter of taste.
    """
    return any(_wording_pattern(wording).search(plain) for wording in line.wordings)


@cache
def _wording_pattern(wording: str) -> re.Pattern[str]:
    words_and_numbers = _GROUPED.split(folded(wording))
    return re.compile(
        "".join(
            "[ ./-]?".join(_digits(piece)) if index % 2 else re.escape(piece)
            for index, piece in enumerate(words_and_numbers)
        )
        + r"(?!\w)"
    )


def _unknown_number(
    plain: str, lines: tuple[HelpLine, ...], emergency: tuple[str, ...], rules: _Rules
) -> bool:
    """Whether the text gives a number to dial that is neither the emergency number nor of the place's lines.

    A number counts as a whole: a known one inside a longer one is not known.
    """
    for line in lines:
        plain = plain.replace(folded(line.name), " ").replace(line.hours, " ")
    plain = _ALWAYS.sub(" ", plain)
    known = {_digits(number) for line in lines for number in line.numbers} | {_digits(n) for n in emergency}
    found = {digits for match in _NUMBER.finditer(plain) if len(digits := _digits(match.group())) > 2}
    dialled = {_digits(match.group()) for match in rules.dial.finditer(plain)}
    return not found | dialled <= known


def _digits(number: str) -> str:
    return "".join(c for c in number if c.isdigit())
