"""A person's words turned around: "I miss my sister" becomes "you miss your sister".

Used by the composer, which says such phrases back, and by the guards, which look for them in a reply. Only
English is turned; nothing here raises, whatever the text. What may be said back at all is decided by
`echoable`.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from silent_infinity import data
from silent_infinity.domain import english, prose

_TOKEN = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z]+)*|[,-]")
_BREAK = re.compile(r"[.!?;:\n\u2026\u0964\u3002\uff01\uff1f()]+|\s-+\s|--+|\u2014|\u2013")
_STRETCHED = re.compile(r"([A-Za-z])\1{2,}")
_PLAIN = re.compile(r"[A-Za-z0-9' ,-]+")
_YOU_FIRST = re.compile(r"^((?:\w+ )?)your ([a-z-]+) and you (?=\w)")
_AGREE: Final = {"am": "are", "was": "were", "wasn't": "weren't"}
_PREPOSITIONS: Final = frozenset({"between", "than", "like", "for"})
_JOINS: Final = frozenset({"and", "but", "or", "then", "yet"})
_UNKNOWING = re.compile(r"\b(?:idk|dunno|i dunno)\b", re.IGNORECASE)
_SMALL_NUMBER = re.compile(r"\d{1,2}(?:st|nd|rd|th|am|pm)?")
_MAX_WORDS = 24
_REMEMBERED: Final = 32
"""Message, reply and their sentences: each is compared by several rules of one validation."""
_MIN_COMMON = 0.4


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of a message that may be said back: words as written (lower case, spelling mended) and
    turned.
    """

    original: str
    turned: str
    asked: bool

    @property
    def tokens(self) -> list[str]:
        """The words as written."""
        return prose.words(self.original)


@cache
def _lists() -> dict[str, Any]:
    raw = data.load("composer.json")
    return {
        "common": frozenset(" ".join(raw["common_words"]).split()),
        "calendar": frozenset(raw["calendar"].split()),
        "unsafe_words": frozenset(" ".join(raw["unsafe_words"]).split()),
        "unsafe_phrases": re.compile("|".join(raw["unsafe_phrases"])),
        **{name: re.compile(raw["patterns"][name]) for name in ("lead", "tail", "split")},
    }


def turn_around(clause: str) -> str:
    """Return `clause` seen from the other side: first person becomes second, verbs agree. Case is kept low.

    "I was told that I am like my mother" becomes "you were told that you are like your mother".
    """
    swap = english.table("swap")
    speakers, others = english.words("speaker_subjects"), english.words("other_subjects")
    turned: list[str] = []
    subject_is_speaker = False
    previous: list[str] = []
    for token in _TOKEN.findall(clause):
        lower = token.lower()
        if lower in speakers and not (previous and previous[-1] in _PREPOSITIONS):
            subject_is_speaker = True
        elif lower in others:
            subject_is_speaker = False
        if lower in _AGREE and subject_is_speaker and _follows_subject(previous):
            turned.append(_AGREE[lower])
        elif lower == "am" and not previous:
            turned.append("are")
        else:
            turned.append(swap.get(lower, token))
        previous.append(lower)
    return _YOU_FIRST.sub(r"\1you and your \2 ", _join(turned))


def _follows_subject(previous: list[str]) -> bool:
    """Whether the verb that comes next belongs to the speaker: "I (never) was", "I left and was"."""
    for token in reversed(previous):
        if token in english.words("adverbs"):
            continue
        return token in english.words("speaker_subjects") or token in _JOINS
    return False


def _join(tokens: list[str]) -> str:
    return " ".join(tokens).replace(" ,", ",").replace(" - ", "-")


def comparable(text: str) -> list[str]:
    """Return the words of `text` as phrases are compared: folded, spelling mended, contractions opened."""
    return list(_comparable(text))


@lru_cache(_REMEMBERED)
def _comparable(text: str) -> tuple[str, ...]:
    forms = _compared_forms()
    opened: list[str] = []
    for word in prose.words(prose.fold(text)):
        opened.extend(forms.get(word) or (word,))
    return tuple(opened)


@cache
def _compared_forms() -> dict[str, list[str]]:
    spelling, contractions = english.table("spelling"), english.table("contractions")
    mended = {word: word for word in contractions} | spelling
    return {word: contractions.get(form, form).split() for word, form in mended.items()}


def echoable(message: str, limit: int = 40) -> list[Clause]:
    """Return the clauses of `message` that may be said back to the person, in order, at most `limit`.

    Left out: everything that is not plain English prose, and every clause with a secret, personal data, an
    address, abuse, a method, risk language, instructions to the assistant, or a second person (whose meaning
    turns with the speaker).
    """
    found: list[Clause] = []
    text = _UNKNOWING.sub(", I don't know", _STRETCHED.sub(r"\1", prose.plain(message)))
    for piece, asked in _pieces(text):
        clause = (
            _lists()["tail"]
            .sub("", _lists()["lead"].sub("", " ".join(piece.split()).strip(" ,-'")))
            .strip(" ,-'")
        )
        clause = _lower(clause)
        if _may_echo(clause):
            found.append(Clause(clause, turn_around(clause), asked))
            if len(found) >= limit:
                break
    return found


def _pieces(text: str) -> list[tuple[str, bool]]:
    pieces: list[tuple[str, bool]] = []
    start = 0
    for mark in _BREAK.finditer(text):
        pieces.extend(
            _shorten(text[start : mark.start()], asked="?" in mark.group() or "\uff1f" in mark.group())
        )
        start = mark.end()
    pieces.extend(_shorten(text[start:], asked=False))
    return pieces


def _shorten(sentence: str, *, asked: bool) -> list[tuple[str, bool]]:
    parts = _lists()["split"].split(sentence) if not asked and len(sentence.split()) > 7 else [sentence]
    return [(part, asked) for part in parts if part and not part.isspace()]


def _lower(clause: str) -> str:
    """Mend spelling and lower the case of what is not a name: the first word, and shouting."""
    tokens = _TOKEN.findall(clause)
    shouting = sum(token.isupper() for token in tokens if len(token) > 1) > len(tokens) / 2
    lists = _lists()
    mended = []
    for index, token in enumerate(tokens):
        lower = token.lower()
        if lower in english.table("spelling"):
            mended.append(english.table("spelling")[lower])
        elif mended and lower == mended[-1].lower() and lower not in {"that", "had"}:
            continue  # "so so so tired" says no more than "so tired", and trips the reader
        elif lower in lists["calendar"]:
            mended.append(lower.capitalize())
        elif shouting or index == 0 or lower in lists["common"]:
            mended.append(lower)
        else:
            mended.append(token)
    # Anything but plain prose stays as it is, for `_may_echo` to turn down.
    return _join(mended) if _PLAIN.fullmatch(clause) else clause


def _may_echo(clause: str) -> bool:
    if not _PLAIN.fullmatch(clause):
        return False
    folded = clause.lower()
    tokens = prose.words(folded)
    if not 1 <= len(tokens) <= _MAX_WORDS or any(len(token) > 16 for token in tokens):
        return False
    digits = [token for token in tokens if any(character.isdigit() for character in token)]
    if len(digits) > 1 or not all(_SMALL_NUMBER.fullmatch(token) for token in digits):
        return False
    lists = _lists()
    if not lists["unsafe_words"].isdisjoint(tokens) or lists["unsafe_phrases"].search(folded):
        return False
    known = sum(token in lists["common"] or token.isdigit() for token in tokens)
    return known >= max(1, _MIN_COMMON * len(tokens))
