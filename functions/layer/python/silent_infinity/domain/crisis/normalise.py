"""Bring a message into the one form that the lexicon is written for.

Canonical text is lower-case words separated by single spaces, contractions expanded ("i do not"),
intensifiers dropped, sentence ends as " . " and lesser pauses as " , ". What people do to slip past a word
list (look-alike letters, zero-width characters, s.p.a.c.i.n.g, digits for letters, stretched letters, stars,
missing spaces) is undone, and so are slips of the finger, but only towards words that the language's lists
know, so that ordinary text stays as it is. Every step is one pass over the text.

The first steps (`fold`) are the same for every language; the rest needs the word lists of one.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import inf
from typing import Any, Final

from silent_infinity.domain.look_alikes import LOOK_ALIKES

_ZERO_WIDTH: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e007f]"
)
# Accents of Latin, Greek and Cyrillic letters, and the dot that tells Devanagari loan sounds apart.
_COMBINING: Final = re.compile("[\u0300-\u036f\u093c\u20d0-\u20ff]")
# Signs that are part of a word where they stand (vowels of the Indic and Thai scripts, points of Hebrew and
# Arabic) although Python does not count them as letters.
_MARKS: Final = (
    "\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0970-\u0dff\u0e31\u0e34-\u0e4e"
    "\u0eb1\u0eb4-\u0ecd\u0f71-\u0f84\u102b-\u103e\u1056-\u1059\u17b4-\u17d3"
)
_PUNCTUATION: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4`\uff07", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2013\u2014\u2015\u2026\u00b7\u2022", " , "),
        **dict.fromkeys("\u2010\u2011\u2012\u2212", "-"),
        **dict.fromkeys("\u3002\u0964\u0965\uff61\u06d4", "."),
        **dict.fromkeys("\u00a1\u00bf", " "),
        "\u00df": "ss",
        "\u1e9e": "ss",
        "\u00e6": "ae",
        "\u00c6": "ae",
        "\u0153": "oe",
        "\u0152": "oe",
        "\u0901": "\u0902",
    }
)
# Words with a letter of the scripts that look-alikes are taken from; other scripts need no second look.
_LOOK_ALIKE_WORD: Final = re.compile(r"\b[a-z0-9_]*+[\u00c0-\u058f\u1d00-\u1fff\ua700-\ua7ff]\w*")
_ASCII_LETTER: Final = re.compile("[a-z]")
_ASCII_WORD: Final = re.compile("[a-z]{2}")
_LONE_LOOK_ALIKE: Final = re.compile(r"(?<!\w)[^\W\d_\x00-\x7f](?!\w)")
_CONTRACTION: Final = re.compile(r"(?<=[\w!$@])'(ll|re|ve|m|d)(?!\w)")
_CONTRACTED: Final = {"ll": " will", "re": " are", "ve": " have", "m": " am", "d": " would"}
_INNER_APOSTROPHE: Final = re.compile(r"(?<=\w)'(?=\w)")
_SINGLE_QUOTED: Final = re.compile(r"(?<!\w)'(\w[^'\"\n]{0,300})'(?!\w)")
_REPEATED_SIGN: Final = re.compile(r"([^\x00-\x7f])\1{2,}")
_JOINED_BY_SIGN: Final = re.compile(
    r"(?<![a-z0-9])[a-z0-9@$!]([._*~|-])[a-z0-9@$!](?:\1[a-z0-9@$!])+(?![a-z0-9])"
)
_SPELLED_OUT: Final = re.compile(r"(?<![a-z0-9])(?:[a-z0-9@$!][ ._*/|~,'-]{1,3}){2,}[a-z0-9@$!](?![a-z0-9])")
_SPELLING_GAP: Final = re.compile(r" {2,}| [/|] ")
_NOT_A_LETTER: Final = re.compile("[^a-z0-9@$!]+")
_DISGUISED: Final = re.compile(r"[a-z0-9@$!|+*#]+")
# A number with its unit, a sum of money: read as a disguise only among other disguises.
_MEASURE: Final = re.compile(r"[$+]?\d+[a-z]{0,2}\d*!*|[a-z]\d+!*")
_DISGUISES_IN_A_ROW: Final = 2
_LEET: Final = str.maketrans("03457@$|+8", "oeastasltb")
_ONE: Final = re.compile("[1!]")
_ONES: Final = ("i", "l")
_MOST_ONES: Final = 3
_STRETCHED: Final = re.compile(r"([a-z])\1{2,}")
_TOKEN: Final = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}])*|[.!?;\n]|[,:()\[\]{{}}]|\"")
_WORD_BY_WORD: Final = re.compile(r"(?:(?<!\S)[a-z0-9]+ \. ){3,}")
_QUOTE: Final = '"'
_SENTENCE_END: Final = frozenset(".!?;\n")
_PAUSE: Final = frozenset(",:()[]{}")
_LEET_SIGNS: Final = frozenset("0123456789@$!|+*#")
_SHORTEST_REPAIRED: Final = 4
# Run-together words are taken apart up to this length; what is longer is searched for the compact phrases.
_LONGEST_TAKEN_APART: Final = 64
_SHORTEST_TAKEN_APART: Final = 5
_LONGEST_PART: Final = 14
# What a part of one, two and more letters costs, and what the parts may cost by letter: many short parts are
# no sentence but a name.
_COST_OF_I: Final = 1.5
_COST_OF_A: Final = 2.5
_COST_OF_TWO: Final = 1.5
_MOST_COST_PER_LETTER: Final = 0.5
_BESIDE: Final[Mapping[str, frozenset[str]]] = {
    key: frozenset(row[max(0, i - 1) : i + 2])
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for i, key in enumerate(row)
}
_VOWELS: Final = frozenset("aeiouy")


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
    tokens), `compact` (phrases that are recognised when written without spaces), `fuzzy` (words that stars
    may stand in), `emoji` (sign to word). `vocabulary` are the words of the patterns: slips are undone
    towards them. `known` are further words of the language, which disguises and run-together words are also
    undone towards; `real` are words that look like a slip of a known one, or like two known ones, and are
    neither.
    """

    def __init__(
        self,
        words: Mapping[str, Any],
        vocabulary: frozenset[str],
        known: frozenset[str] = frozenset(),
        real: frozenset[str] = frozenset(),
    ) -> None:
        self._expand: Mapping[str, str] = words["expand"]
        self._fillers: frozenset[str] = frozenset(words["fillers"])
        self._fuzzy: Sequence[str] = words["fuzzy"]
        self._emoji: Mapping[str, str] = words["emoji"]
        self._vocabulary = vocabulary | frozenset(self._fuzzy) | frozenset(words["vocabulary"])
        self._parts = known | self._fillers | frozenset(self._expand)
        self._known = self._vocabulary | self._parts
        # The vocabulary has pieces of words too, which nobody means to type.
        self._targets = (self._vocabulary & known) | frozenset(self._fuzzy)
        self._real = real
        self._compact = tuple((phrase.replace(" ", ""), f" {phrase} ") for phrase in words["compact"])

    def __call__(self, message: str) -> Canonical:
        """Return the canonical form of `message`, in time proportional to its length."""
        return self.read(self.fold(message))

    def fold(self, message: str) -> str:
        """Return `message` in lower case, in plain letters, without what is invisible."""
        if message.isascii():
            text = message.lower()
        else:
            text = _REPEATED_SIGN.sub(r"\1\1", _ZERO_WIDTH.sub("", message))
            text = self._sign_runs.sub(self._words_for_signs, text)
            text = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION)
            text = _COMBINING.sub("", unicodedata.normalize("NFKD", text)).lower()
            if not text.isascii():
                text = _LOOK_ALIKE_WORD.sub(_read_as_latin, text)
                if _ASCII_WORD.search(text):
                    text = _LONE_LOOK_ALIKE.sub(lambda found: found.group().translate(LOOK_ALIKES), text)
        if "'" in text:
            text = _CONTRACTION.sub(lambda found: _CONTRACTED[found.group(1)], text)
            text = _SINGLE_QUOTED.sub(r' "\1" ', _INNER_APOSTROPHE.sub("", text))
        return text

    @cached_property
    def _signs(self) -> re.Pattern[str]:
        return re.compile("|".join(sorted(self._emoji, key=len, reverse=True)) or "(?!)")

    @cached_property
    def _sign_runs(self) -> re.Pattern[str]:
        return re.compile(rf"(?:(?:{self._signs.pattern})\s*)+")

    def _words_for_signs(self, run: re.Match[str]) -> str:
        """One sign can be worth a word, and a row of them would make a long text of a short one."""
        words: list[str] = []
        for sign in self._signs.findall(run.group()):
            if words[-2:] != [self._emoji[sign]] * 2:
                words.append(self._emoji[sign])
        return f" {' '.join(words)} "

    def read(self, folded: str) -> Canonical:
        """Return the canonical form of a message that `fold` has been through."""
        text = unspelled(folded)
        if _LEET_SIGNS.intersection(text):
            text = self._undisguised(text)
        text = _STRETCHED.sub(r"\1\1\1", text)
        for compact, phrase in self._compact:
            if compact in text:
                text = text.replace(compact, phrase)
        return self._assemble(text)

    def _undisguised(self, text: str) -> str:
        """Put letters for the digits and signs that stand for them, in words that are then known. What has
        no letter at all ("15", "!") is a disguise only in a message with others."""
        read: dict[str, str] = {}
        disguises = 0
        among_others = False

        def plain(match: re.Match[str]) -> str:
            nonlocal disguises
            token = match.group()
            if token.isalpha():
                return token
            found = read.get(token)
            if found is None:
                doubtful = not among_others and (_MEASURE.fullmatch(token) or not _ASCII_LETTER.search(token))
                found = read[token] = token if doubtful else self._undisguise(token)
            disguises += found != token
            return found

        once = _DISGUISED.sub(plain, text)
        if disguises < _DISGUISES_IN_A_ROW:
            return once
        among_others = True
        read = {token: found for token, found in read.items() if found != token}
        return _DISGUISED.sub(plain, text)

    def _undisguise(self, token: str) -> str:
        for end in dict.fromkeys((len(token), len(token.rstrip("!")))):
            body, rest = token[:end], token[end:]
            for plain in _letters_for(body):
                if plain in self._known or plain == "i":
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
    def _less_one(self) -> dict[str, list[str]]:
        """Every word that slips are undone towards, by its forms with one letter missing (not the first)."""
        forms: dict[str, list[str]] = {}
        for word in sorted(self._targets, key=lambda word: (word not in self._fuzzy, word)):
            if len(word) >= _SHORTEST_REPAIRED and word.isascii():
                for i in range(1, len(word)):
                    forms.setdefault(word[:i] + word[i + 1 :], []).append(word)
        return forms

    def _repaired(self, token: str) -> str | None:
        """Return the word that `token` is one slip of the finger away from (a letter missing, too many,
        swapped with the next, or typed with the key beside it)."""
        forms = self._less_one
        if token in forms:
            return forms[token][0]
        beside: str | None = None
        for i in range(1, len(token)):
            shorter = token[:i] + token[i + 1 :]
            if shorter in self._targets and len(shorter) >= _SHORTEST_REPAIRED and _slipped(token, i):
                return shorter
            for word in forms.get(shorter, ()):
                if len(word) != len(token):
                    continue
                at = next(place for place in range(len(word)) if word[place] != token[place])
                if word[at + 1 :] == token[at + 1 :]:
                    if beside is None and (
                        token[at] in _BESIDE.get(word[at], "")
                        or (token[at] in _VOWELS and word[at] in _VOWELS)
                    ):
                        beside = word
                elif (
                    word[at] == token[at + 1]
                    and word[at + 1] == token[at]
                    and word[at + 2 :] == token[at + 2 :]
                ):
                    return word
        return beside

    def _taken_apart(self, token: str) -> list[str] | None:
        """Return the known words that `token` is when written without spaces, the fewest there are."""
        if not _SHORTEST_TAKEN_APART <= len(token) <= _LONGEST_TAKEN_APART:
            return None
        known = self._parts
        size = len(token)
        # For each length: the least cost of taking it apart, and where the last part begins.
        costs = [inf] * (size + 1)
        begins = [0] * (size + 1)
        costs[0] = 0.0
        for start in range(size):
            reached = costs[start]
            if reached == inf:
                continue
            for end in range(start + 1, min(size, start + _LONGEST_PART) + 1):
                part = token[start:end]
                if len(part) == 1:
                    if part not in ("i", "a"):
                        continue
                    cost = reached + (_COST_OF_I if part == "i" else _COST_OF_A)
                elif part in known:
                    cost = reached + (_COST_OF_TWO if end == start + 2 else 1)
                else:
                    continue
                if cost < costs[end]:
                    costs[end], begins[end] = cost, start
        if costs[size] > size * _MOST_COST_PER_LETTER:
            return None
        parts: list[str] = []
        end = size
        while end:
            parts.append(token[begins[end] : end])
            end = begins[end]
        return parts[::-1]

    def _is_word(self, token: str) -> bool:
        return token in self._known or token in self._real

    def _canonical_word(self, token: str) -> str:
        expanded = self._expand.get(token)
        if expanded is not None:
            return expanded
        if self._is_word(token) or not token.isascii() or not token.isalpha():
            return token
        if _STRETCHED.search(token):
            for squeezed in (_STRETCHED.sub(r"\1\1", token), _STRETCHED.sub(r"\1", token)):
                if squeezed in self._known:
                    return self._expand.get(squeezed, squeezed)
            token = _STRETCHED.sub(r"\1", token)
        return self._mended(token)

    def _mended(self, token: str) -> str:
        """Return what an unknown word was meant to be, or the word."""
        if len(token) < _SHORTEST_REPAIRED - 1 or (token[-1] == "s" and self._is_word(token[:-1])):
            return token
        if token.endswith("in") and f"{token}g" in self._known:
            return f"{token}g"
        repaired = self._repaired(token)
        if repaired is not None:
            return self._expand.get(repaired, repaired)
        parts = self._taken_apart(token) or [token]
        return " ".join(self._expand.get(part, part) for part in parts if part not in self._fillers)

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
        return word.translate(LOOK_ALIKES)
    plain = word.translate(LOOK_ALIKES)
    return plain if plain.isascii() and len(plain) > 1 else word


def unspelled(folded: str) -> str:
    """Return a folded text with words that were s p e l l e d or d.o.t.t.e.d put together."""
    text = _JOINED_BY_SIGN.sub(lambda run: run.group().replace(run.group(1), ""), folded)
    return _SPELLED_OUT.sub(_join_letters, text)


def _join_letters(match: re.Match[str]) -> str:
    words = _SPELLING_GAP.split(match.group())
    return " ".join(_NOT_A_LETTER.sub("", word) for word in words)


def _letters_for(token: str) -> Iterator[str]:
    """Yield what a token with digits and signs for letters may stand for: a one is an i or an l."""
    plain = token.translate(_LEET)
    ones = len(_ONE.findall(plain))
    if not ones:
        yield plain
    elif ones > _MOST_ONES:
        yield from (_ONE.sub(letter, plain) for letter in _ONES)
    else:
        for letters in product(_ONES, repeat=ones):
            rest = iter(letters)
            yield _ONE.sub(lambda _, rest=rest: next(rest), plain)  # type: ignore[misc]


def _slipped(token: str, place: int) -> bool:
    """Whether the letter at `place` is its neighbour again, or a key beside its neighbour's."""
    letter = token[place]
    around = (token[place - 1], token[place + 1] if place + 1 < len(token) else "")
    return any(letter in _BESIDE.get(near, "") for near in around)
