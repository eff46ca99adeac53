"""Plain handling of prose that several rules share: normalising, words, sentences, paragraphs.

Everything here is linear in the length of the text.
"""

import re
import unicodedata
from collections.abc import Iterable

_INVISIBLE = re.compile(
    "[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
_QUOTES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201b": "'",
        "\u02bc": "'",
        "\u00b4": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u00ab": '"',
        "\u00bb": '"',
    }
)
# Vowel signs and accents that Python's \w leaves out, though words of most scripts are made of them.
MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963"
    "\u0971-\u0dff\u0e31-\u0e4e\u0eb1-\u0ecd\u0f18-\u0f84\u102b-\u103e\u17b4-\u17d3\u20d0-\u20ff"
)
_WORD = re.compile(rf"[^\W_][{MARKS}\w]*(?:['\u2019][^\W_][{MARKS}\w]*)*")
_SENTENCE_END = re.compile(r"(?<=[.!?\u2026\u0964\u3002\uff01\uff1f])[\"'\u2019\u201d)]*(?:\s+|$)")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


def fold(text: str) -> str:
    """Return `text` as rules compare it: compatible forms unified, invisible characters gone, quotes
    straight, lower case.
    """
    return plain(text).casefold()


def plain(text: str) -> str:
    """Return `text` with compatibility forms unified, invisible characters removed and quotes
    straightened.
    """
    if text.isascii():
        return text  # nothing of all this is ASCII, and most of what is read is
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_QUOTES)


def unaccented(text: str) -> str:
    """Return `text` folded and without accents: as people type who leave them out. Vowel signs of other
    scripts stay.
    """
    return "".join(c for c in unicodedata.normalize("NFD", fold(text)) if not "\u0300" <= c <= "\u036f")


def words(text: str) -> list[str]:
    """Return the words of `text` in any script, without punctuation; contractions stay one word."""
    return _WORD.findall(text)


def sentences(text: str) -> list[str]:
    """Return the sentences of `text`, each with its closing punctuation, without surrounding white space."""
    found: list[str] = []
    for line in text.splitlines():
        start = 0
        for end in _SENTENCE_END.finditer(line):
            found.append(line[start : end.end()].strip())
            start = end.end()
        found.append(line[start:].strip())
    return [sentence for sentence in found if sentence]


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of `text`, which blank lines separate."""
    return [part for part in (piece.strip() for piece in _BLANK_LINE.split(text)) if part]


def runs(tokens: list[str], length: int) -> Iterable[tuple[str, ...]]:
    """Yield every run of `length` consecutive tokens."""
    return zip(*(tokens[offset:] for offset in range(length)), strict=False)
