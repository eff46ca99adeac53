"""Bring a text into the form that learned models read: what people do to slip past a word list is undone.

Invisible characters, accents, look-alike letters, s p a c i n g, digits for letters and stretched letters all
disappear, so that a disguised word has the features of the plain one. Other scripts stay as they are, their
vowel signs included. Every step is one pass over the text.
"""

import re
import unicodedata
from typing import Final

from silent_infinity.domain.look_alikes import LOOK_ALIKES

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
_COMBINING: Final = re.compile("[\u0300-\u036f\u20d0-\u20ff]")
_PUNCTUATION: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4\uff07", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u3002\u0964\uff61", "."),
    }
)
_FOREIGN_WORD: Final = re.compile(r"\w*[^\W\x00-\x7f]\w*")
_ASCII_LETTER: Final = re.compile("[a-z]")
_SPELLED_OUT: Final = re.compile(r"(?<![^\W_])(?:[^\W_][ ._*|~+/-]{1,3}){3,}[^\W_](?![^\W_])")
_SPELLING_GAP: Final = re.compile(r" {2,}| [/|] ")
_SEPARATORS: Final = re.compile(r"[ ._*|~+/-]+")
_WITH_DIGITS: Final = re.compile(r"[a-z@$!0-9]+")
_LEET_SIGNS: Final = frozenset("013457@$!")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_STRETCHED: Final = re.compile(r"([^\W\d_])\1{2,}")
_SPACES: Final = re.compile(r"[ \t\r\f\v\u00a0]+")


def fold(text: str) -> str:
    """Return `text` in lower case and without disguises, lines kept; runs of spaces become one."""
    text = text.lower() if text.isascii() else _plain_letters(text)
    text = _SPELLED_OUT.sub(_joined, text)
    if _LEET_SIGNS.intersection(text):
        text = _WITH_DIGITS.sub(_undisguised, text)
    return _SPACES.sub(" ", _STRETCHED.sub(r"\1", text)).strip()


def _plain_letters(text: str) -> str:
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).translate(_PUNCTUATION)
    text = _COMBINING.sub("", unicodedata.normalize("NFKD", text)).casefold()
    # Back to composed letters: decomposing took syllables of Korean and some Indic letters apart.
    return _FOREIGN_WORD.sub(_read_as_latin, unicodedata.normalize("NFC", text))


def _read_as_latin(match: re.Match[str]) -> str:
    word = match.group()
    # A word without any Latin letter is a word of its own script, or wholly made of look-alikes.
    plain = word.translate(LOOK_ALIKES)
    if _ASCII_LETTER.search(word):
        return plain
    return plain if plain.isascii() and len(plain) > 3 else word


def _joined(match: re.Match[str]) -> str:
    return " ".join(_SEPARATORS.sub("", word) for word in _SPELLING_GAP.split(match.group()))


def _undisguised(match: re.Match[str]) -> str:
    token = match.group()
    body = token.rstrip("!")
    letters = sum(character.isalpha() for character in body)
    if letters == len(body) or letters < 3 or 2 * letters < len(body):
        return token
    return body.translate(_LEET) + token[len(body) :]
