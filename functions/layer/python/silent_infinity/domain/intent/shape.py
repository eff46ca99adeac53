"""What a message is like beside its words: how it is built, how it opens and closes, what it names.

These are the signs of the learned model. They carry from one topic to another: "how do I deal with my
<person>" has the shape of "how do I deal with my <feeling>". Every word that holds a sentence together stands
for itself; of the others only their kind is kept: what they name, or how they end.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from silent_infinity.domain.intent.words import clusters, entity_words, plain_words, spoken_words

_BETWEEN_SENTENCES: Final = re.compile(r"(?<=[.!?\u2026])[\"')\]]*\s+|\n+")
_MARK: Final = re.compile(r"[?!.\u2026,]+")
_ENDINGS: Final = ("ing", "ed", "ly", "est", "er", "s")
_LENGTHS: Final = (1, 2, 3, 4, 6, 8, 11, 15, 20, 30, 45, 70)
_LONGEST: Final = 4
_SHORTER: Final = 3
_OPENING: Final = 4
_MOST_WORDS: Final = 160
"""What comes later changes nothing: the shape of a long message is that of its beginning and its end."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as its skeleton, and whether it closes with a question mark.

    `meant` is the skeleton with every word that has one in its cluster's name: words that mean much the same.
    """

    bones: tuple[str, ...]
    asks: bool
    meant: tuple[str, ...] = ()


def signs(text: str) -> list[str]:
    """Return the names of what holds of `text`, which the caller has folded. Some may come twice."""
    sentences = _sentences(text)
    if not sentences:
        return ["empty"]
    size = sum(len(sentence.bones) for sentence in sentences)
    found = [f"n{sum(size > edge for edge in _LENGTHS)}", f"s{min(len(sentences), 5)}"]
    asking = [sentence.asks for sentence in sentences]
    found += [f"q{min(sum(asking), 3)}"]
    if asking[-1]:
        found.append("q$")
    if any(asking[:-1]):
        found.append("q^")
    if "!" in text:
        found.append("!")
    if not any(mark in text for mark in ".,!?"):
        found.append("bare")
    for place, sentence in enumerate(sentences):
        found += _ngrams(sentence)
        found += sentence.meant
        found += _ngrams(Sentence(sentence.meant, sentence.asks), _SHORTER)
        if place == 0:
            found += _opening("F", sentence)
        if place == len(sentences) - 1:
            found += _opening("L", sentence)
            found += _closing("E", sentence)
            if place:
                found += [f"l {gram}" for gram in _ngrams(sentence, _SHORTER)]
        if sentence.asks:
            found += _opening("Q", sentence)
            found += [f"q {gram}" for gram in _ngrams(sentence, _SHORTER)]
    return found


def _sentences(text: str) -> list[Sentence]:
    left = _MOST_WORDS
    found = []
    parts = [part for part in _BETWEEN_SENTENCES.split(text) if part.strip()]
    for part in parts:
        bones, meant = _bones(part)
        if not bones and not _MARK.search(part):
            continue
        found.append(Sentence(tuple(bones[:left]), "?" in part[-4:], tuple(meant[:left])))
        left = max(left - len(bones), 12)
    return found


def _bones(part: str) -> tuple[list[str], list[str]]:
    spoken = spoken_words(part)
    keep, named, known = plain_words("skeleton"), entity_words(), clusters()
    bones: list[str] = []
    words = [word.replace("'", "") for word in spoken]
    meant = [word if word in keep else known.get(word) or _kind(word) for word in words]
    index = 0
    while index < len(spoken):
        word = words[index]
        if word in keep:
            bones.append(word)
            index += 1
            continue
        entity = named.at(spoken, index)
        if entity is not None:
            bones.append(f"<{entity[0]}>")
            index += entity[1]
            continue
        bones.append(_kind(word))
        index += 1
    return bones, meant


def _kind(word: str) -> str:
    if word[0].isdigit():
        return "<0>"
    if len(word) > 4:
        for ending in _ENDINGS:
            if word.endswith(ending):
                return f"-{ending}"
    return "-" if len(word) > 3 else "-short"


def _ngrams(sentence: Sentence, longest: int = _LONGEST) -> list[str]:
    bones: Sequence[str] = ("^", *sentence.bones, "?" if sentence.asks else "$")
    return [
        " ".join(bones[start : start + length])
        for length in range(2, longest + 1)
        for start in range(len(bones) - length + 1)
    ]


def _opening(name: str, sentence: Sentence) -> list[str]:
    mark = "?" if sentence.asks else ""
    return [
        f"{name}{mark} {' '.join(sentence.bones[:size])}"
        for size in range(1, min(_OPENING, len(sentence.bones)) + 1)
    ]


def _closing(name: str, sentence: Sentence) -> list[str]:
    return [
        f"{name} {' '.join(sentence.bones[-size:])}" for size in range(1, min(3, len(sentence.bones)) + 1)
    ]
