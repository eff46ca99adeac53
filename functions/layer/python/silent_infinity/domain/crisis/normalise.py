"""Bring a message into the one form that the lexicon is written for.

Canonical text is lower-case words separated by single spaces, contractions expanded ("i do not"),
intensifiers dropped, sentence ends as " . " and lesser pauses as " , ". What people do to slip past a word
list (look-alike letters, zero-width characters, s.p.a.c.i.n.g, digits for letters, stretched letters, stars)
is undone, but only towards words that the lexicon knows, so that ordinary text stays as it is. Every step is
one pass over the text.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

_ZERO_WIDTH: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e007f]"
)
_COMBINING: Final = re.compile("[\u0300-\u036f\u20d0-\u20ff]")
_PUNCTUATION: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4`\uff07", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2013\u2014\u2015\u2026\u00b7\u2022", " , "),
        **dict.fromkeys("\u2010\u2011\u2012\u2212", "-"),
        **dict.fromkeys("\u3002\u0964\uff61", "."),
    }
)
# Letters of other scripts that read as Latin ones. Applied to words that are otherwise Latin, so that a
# message written in Cyrillic or Greek is left alone.
_LOOK_ALIKES: Final = str.maketrans(
    "абвгеһікӏмнорѕтухјԁԛԝүɑɡɩαβεικνορτυχωηγаᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢıłøđ",
    "abbrehiklmhopstyxjdqwyagiabeiknoptuxwnyaabcdefghijklmnoprstuvwyzilod",
)
_LOOK_ALIKE_WORD: Final = re.compile(r"\w*[^\W\x00-\x7f]\w*")
_ASCII_LETTER: Final = re.compile("[a-z]")
_CONTRACTION: Final = re.compile(r"(?<=\w)'(ll|re|ve|m|d)(?!\w)")
_CONTRACTED: Final = {"ll": " will", "re": " are", "ve": " have", "m": " am", "d": " would"}
_INNER_APOSTROPHE: Final = re.compile(r"(?<=\w)'(?=\w)")
_SINGLE_QUOTED: Final = re.compile(r"(?<!\w)'(\w[^'\"\n]{0,300})'(?!\w)")
_SPELLED_OUT: Final = re.compile(r"(?<![a-z0-9])(?:[a-z0-9@$!][ ._*/|~,-]{1,3}){2,}[a-z0-9@$!](?![a-z0-9])")
_SPELLING_GAP: Final = re.compile(r" {2,}| [/|] ")
_NOT_A_LETTER: Final = re.compile("[^a-z0-9@$!]+")
_DISGUISED: Final = re.compile(r"[a-z0-9@$!|+*#]*[a-z][a-z0-9@$!|+*#]*")
_LEET: Final = str.maketrans("013457@$!|+8", "oieastasiltb")
_LEET_WITH_L: Final = str.maketrans("013457@$!|+8", "oleastaslltb")
_STRETCHED: Final = re.compile(r"([a-z])\1{2,}")
_TOKEN: Final = re.compile(r"[^\W_]+|[.!?;\n]|[,:()\[\]{}]|\"")
_WORD_BY_WORD: Final = re.compile(r"(?:(?<!\S)[a-z0-9]+ \. ){3,}")
_QUOTE: Final = '"'
_SENTENCE_END: Final = frozenset(".!?;\n")
_PAUSE: Final = frozenset(",:()[]{}")
_LEET_SIGNS: Final = frozenset("0123456789@$!|+*#")


@dataclass(frozen=True, slots=True)
class Canonical:
    """A message in canonical form.

    `text` is as described in the module docstring; `quoted` holds the half-open character ranges of `text`
    that stood in quotation marks.
    """

    text: str
    quoted: tuple[tuple[int, int], ...]


class Normaliser:
    """Normalises messages of one language with the word lists of its lexicon.

    `words` is the lexicon's "words" object: `expand` (token to its canonical words), `fillers` (dropped
    tokens), `compact` (phrases that are recognised when written without spaces), `fuzzy` (long words whose
    common misspellings are recognised), `emoji` (sign to word). `vocabulary` are the words that disguises are
    undone towards.
    """

    def __init__(self, words: Mapping[str, Any], vocabulary: frozenset[str]) -> None:
        self._expand: Mapping[str, str] = words["expand"]
        self._fillers: frozenset[str] = frozenset(words["fillers"])
        self._fuzzy: Sequence[str] = words["fuzzy"]
        self._emoji: Mapping[str, str] = words["emoji"]
        self._vocabulary = vocabulary | frozenset(self._fuzzy) | frozenset(words["vocabulary"])
        self._compact = tuple((phrase.replace(" ", ""), f" {phrase} ") for phrase in words["compact"])

    def __call__(self, message: str) -> Canonical:
        """Return the canonical form of `message`, in time proportional to its length."""
        text = self._letters(message)
        if _LEET_SIGNS.intersection(text):
            text = _DISGUISED.sub(self._undisguise, text)
        text = _SPELLED_OUT.sub(self._join_letters, text)
        text = _STRETCHED.sub(r"\1\1\1", text)
        for compact, phrase in self._compact:
            if compact in text:
                text = text.replace(compact, phrase)
        return self._assemble(text)

    def _letters(self, message: str) -> str:
        if message.isascii():
            text = message.lower()
        else:
            for sign, word in self._emoji.items():
                if sign in message:
                    message = message.replace(sign, f" {word} ")
            text = unicodedata.normalize("NFKC", _ZERO_WIDTH.sub("", message)).translate(_PUNCTUATION)
            text = _COMBINING.sub("", unicodedata.normalize("NFKD", text)).lower()
            text = _LOOK_ALIKE_WORD.sub(_read_as_latin, text)
        if "'" in text:
            text = _CONTRACTION.sub(lambda found: _CONTRACTED[found.group(1)], text)
            text = _SINGLE_QUOTED.sub(r' "\1" ', _INNER_APOSTROPHE.sub("", text))
        return text

    @staticmethod
    def _join_letters(match: re.Match[str]) -> str:
        words = _SPELLING_GAP.split(match.group())
        return " ".join(_NOT_A_LETTER.sub("", word) for word in words)

    def _undisguise(self, match: re.Match[str]) -> str:
        token = match.group()
        if token.isalpha():
            return token
        for end in (len(token), len(token.rstrip("!"))):
            body, rest = token[:end], token[end:]
            for table in (_LEET, _LEET_WITH_L):
                plain = body.translate(table)
                if plain in self._vocabulary:
                    return plain + rest
            if "*" in body or "#" in body:
                found = self._starred(body)
                if found:
                    return found + rest
        return token

    def _starred(self, token: str) -> str | None:
        """Return the known word that a token with stars for letters stands for."""
        for word in self._starrable.get(len(token), ()):
            if all(have in ("*", "#", want) for have, want in zip(token, word, strict=True)):
                return word
        return None

    @cached_property
    def _starrable(self) -> dict[int, list[str]]:
        by_length: dict[int, list[str]] = {}
        for word in (*self._fuzzy, "kill", "die", "dead", "hurt", "cut"):
            by_length.setdefault(len(word), []).append(word)
        return by_length

    @cached_property
    def _misspelled(self) -> dict[str, str]:
        """Every single deletion, transposition and doubling of a long word, mapped to the word."""
        variants: dict[str, str] = {}
        for word in self._fuzzy:
            for i in range(1, len(word)):
                for variant in (
                    word[:i] + word[i + 1 :],
                    word[: i - 1] + word[i] + word[i - 1] + word[i + 1 :],
                    word[:i] + word[i - 1] + word[i:],
                ):
                    if variant not in self._vocabulary:
                        variants.setdefault(variant, word)
        return variants

    def _canonical_word(self, token: str) -> str:
        expanded = self._expand.get(token)
        if expanded is not None:
            return expanded
        if token in self._vocabulary:
            return token
        if _STRETCHED.search(token):
            for squeezed in (_STRETCHED.sub(r"\1\1", token), _STRETCHED.sub(r"\1", token)):
                known = self._expand.get(squeezed)
                if known is not None:
                    return known
                if squeezed in self._vocabulary or squeezed in self._fillers:
                    return squeezed
            token = _STRETCHED.sub(r"\1", token)
        return self._misspelled.get(token, token)

    def _assemble(self, text: str) -> Canonical:
        seen: dict[str, str] = {}
        words: list[str] = []
        quotes: list[int] = []
        length = 0
        for token in _TOKEN.findall(text):
            word = seen.get(token)
            if word is None:
                if token in _SENTENCE_END:
                    word = "."
                elif token in _PAUSE:
                    word = ","
                elif token == _QUOTE:
                    word = _QUOTE
                else:
                    word = self._canonical_word(token)
                    if word in self._fillers:
                        word = ""
                seen[token] = word
            if word == _QUOTE:
                quotes.append(length)
            elif word and not (
                (word in ".," and words and words[-1] in ".,")
                # A word said over and over says nothing more the third time.
                or (len(words) > 1 and word == words[-1] == words[-2])
            ):
                words.append(word)
                length += len(word) + 1
        canonical = " ".join(words)
        if " . " in canonical:
            # One word to a sentence, three times running, is a way of writing and not three sentences. The
            # text keeps its length, so that the quoted ranges stay true.
            canonical = _WORD_BY_WORD.sub(lambda run: run.group().replace(" .", "  "), canonical)
            if "  " in canonical and not quotes:
                canonical = " ".join(canonical.split())
        return Canonical(canonical, tuple(zip(quotes[::2], quotes[1::2], strict=False)))


def _read_as_latin(match: re.Match[str]) -> str:
    word = match.group()
    if _ASCII_LETTER.search(word):
        return word.translate(_LOOK_ALIKES)
    plain = word.translate(_LOOK_ALIKES)
    return plain if plain.isascii() and len(plain) > 1 else word
