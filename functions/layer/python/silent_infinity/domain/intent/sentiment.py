"""How a message sounds: a label and a score, from words with a strength each.

A negation turns the strength of what follows and takes half of it away ("not happy" is milder than "sad"), an
intensifier adds to it, and what comes after "but" weighs more than what came before. The sum is squeezed into
-1 to 1. It is a rough reading of English for experiments and prompts; nothing of safety hangs on it.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

from silent_infinity.domain.intent.words import plain_words, sentiment_words, signs, spoken_words

_REACH: Final = 3
"""How many words a negation reaches ahead."""
_NEGATED: Final = -0.5
_INTENSIFIED: Final = 1.3
_SIGN: Final = 2.0
_BEFORE_BUT: Final = 0.5
_HALF_WAY: Final = 12.0
"""Squared strength at which the score is 0.7: three or four clear words."""
_CLEAR: Final = 0.2
_MIXED: Final = 2.0
_MOST_CHARACTERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Sentiment:
    """`label` is positive, negative, mixed or neutral; `score` runs from -1 (bad) to 1 (good)."""

    label: str
    score: float


def sentiment(text: str, sad_signs: frozenset[str] = frozenset()) -> Sentiment:
    """Return how the first 2,000 characters of `text` sound; `sad_signs` are characters that say a sorrow."""
    read = text[:_MOST_CHARACTERS]
    good, bad = _strengths(read)
    good += _SIGN * sum(map(signs("happy_signs").__contains__, read))
    bad += _SIGN * sum(map(sad_signs.__contains__, read))
    total = good - bad
    score = round(total / sqrt(total * total + _HALF_WAY), 2)
    if good >= _MIXED and bad >= _MIXED and min(good, bad) >= 0.5 * max(good, bad):
        return Sentiment("mixed", score)
    if abs(score) < _CLEAR:
        return Sentiment("neutral", score)
    return Sentiment("positive" if score > 0 else "negative", score)


def _strengths(text: str) -> tuple[float, float]:
    """Return how much good and how much bad is said, both above 0."""
    spoken, known = spoken_words(text), sentiment_words()
    negators, intensifiers = plain_words("negators"), plain_words("intensifiers")
    good = bad = 0.0
    negated = 0
    boost = 1.0
    index = 0
    while index < len(spoken):
        word = spoken[index]
        if word == "but":
            good, bad, negated = good * _BEFORE_BUT, bad * _BEFORE_BUT, 0
        found = None if word in negators else known.at(spoken, index)
        if found is None:
            negated = _REACH if word in negators else max(0, negated - 1)
            boost = _INTENSIFIED if word in intensifiers else 1.0
            index += 1
            continue
        strength = float(found[0]) * boost * (_NEGATED if negated else 1.0)
        good, bad = good + max(0.0, strength), bad + max(0.0, -strength)
        negated, boost = max(0, negated - found[1]), 1.0
        index += found[1]
    return good, bad
