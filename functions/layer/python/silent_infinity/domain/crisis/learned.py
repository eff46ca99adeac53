"""Stage b of the crisis screen: what a model that was trained on messages says of one.

A model gives a probability to each of six classes: the five levels of the rubric, and "another person is at
risk", which is level 2 with other help lines first. Which probability is enough is data (`data/screen.json`).
The models read English; of a message in another language they say nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import exp, log
from typing import Any, Final

from silent_infinity import data
from silent_infinity.domain.crisis.lexicon import lexicon
from silent_infinity.domain.crisis.verdict import RISK_LEVEL, ScreenCase, Verdict
from silent_infinity.domain.english import words
from silent_infinity.domain.learned.features import features
from silent_infinity.domain.learned.linear import LinearModel, read

CLASSES: Final = ("0", "1", "2", "3", "4", "other")
RULES: Final = "rules"
LEARNED: Final = "learned"
_OTHER: Final = CLASSES.index("other")
_MODEL: Final = "crisis_screen.bin"

_CERTAIN: Final = 1e-6
# Texts of one turn, which every learned stage reads.
_REMEMBERED: Final = 4
# Of the messages before this one: how many, and how many of their last words, are read together with it.
_JOINED_MESSAGES: Final = 2
_JOINED_WORDS: Final = 40
# From which share of English function words on a longer message is taken for English.
_ENGLISH_SHARE: Final = 0.2
_SHORT: Final = 3
# Function words of English that are words of Spanish, French, German or Portuguese too.
_SHARED: Final = frozenset(
    {"a", "am", "an", "as", "do", "has", "he", "in", "me", "no", "on", "so", "was", "will"}
)

Classes = Sequence[float]
"""Probabilities in the order of `CLASSES`; they add up to 1."""

Score = Callable[[str], Classes]
"""Scores canonical text."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Which probabilities are enough.

    `flag`: of a level of 2 or more. `serious`, `imminent`: the share of 3 and more, and of 4, in that
    probability. `distress`: of level 1 against 0. `step`: by how much, in log-odds, two messages must be
    riskier together than either is alone to count as one disclosure.
    """

    flag: float
    serious: float
    imminent: float
    distress: float
    step: float

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> "Thresholds":
        """Read the thresholds of one stage from its part of `data/screen.json`."""
        return cls(**{name: float(source[name]) for name in cls.__slots__})


@cache
def thresholds(stage: str) -> Thresholds:
    """Return the thresholds that ship for `stage`."""
    return Thresholds.of(data.load("screen.json")["thresholds"][stage])


def risk(classes: Classes) -> float:
    """Return the probability of a level of 2 or more."""
    return sum(classes[RISK_LEVEL:])


def learned_stage(case: ScreenCase) -> Verdict | None:
    """Return what the linear model says of the message, or None of one that is not English."""
    own = canonical(case.message)
    if not reads(own):
        return None
    signs = rule_signs(case.found.get(RULES))
    model = _linear()
    limits = thresholds(LEARNED)
    classes = in_context(case, own, lambda text: linear_classes(model, text, signs), limits)
    return verdict(classes, limits, LEARNED)


@lru_cache(_REMEMBERED)
def canonical(message: str) -> str:
    """Return the form of a message that the models are trained on."""
    return lexicon().normalise(message).text


def reads(text: str) -> bool:
    """Whether canonical text is English enough for the models, or too short to tell."""
    found = text.replace(" .", "").replace(" ,", "").split()
    if not text.isascii():
        ascii_words = sum(word.isascii() for word in found)
        if 2 * ascii_words < len(found):
            return False
    if len(found) <= _SHORT:
        return True
    known = _english_words()
    english = [word for word in found if word in known]
    return len(english) >= _ENGLISH_SHARE * len(found) and not _SHARED.issuperset(english)


def in_context(case: ScreenCase, own: str, score: Score, limits: Thresholds) -> Classes:
    """Return the classes of the message, or of it and the messages before it where only both together tell.

    What an earlier message said by itself does not count again: together the two must be riskier than either
    by `limits.step`. In log-odds, so that the step is the same from a doubt to a suspicion as from there on.
    """
    alone = score(own)
    if not case.history or risk(alone) >= limits.flag or len(own.split()) > _JOINED_WORDS:
        return alone
    before = " . ".join(
        " ".join(canonical(message).split()[-_JOINED_WORDS:]).strip(" .")
        for message in case.history[-_JOINED_MESSAGES:]
    ).strip(" .")
    if not before:
        return alone
    earlier = risk(score(before))
    if earlier >= limits.flag:
        return alone
    joined = score(f"{before} . {own}")
    raised = log_odds(risk(joined)) - log_odds(max(earlier, risk(alone)))
    return joined if raised >= limits.step else alone


def verdict(classes: Classes, limits: Thresholds, stage: str) -> Verdict:
    """Return the level that the probabilities amount to."""
    probability = risk(classes)
    if probability < limits.flag:
        level = int(classes[1] >= limits.distress * (classes[0] + classes[1]))
        return Verdict(level, score=probability)
    three, four = classes[3], classes[4]
    if four >= limits.imminent * probability:
        level = 4
    elif three + four >= limits.serious * probability:
        level = 3
    else:
        level = RISK_LEVEL
    about_other = classes[_OTHER] > 0.5 * probability
    if about_other:
        level = RISK_LEVEL
    return Verdict(level, (f"{stage}.{level}",), about_other=about_other, score=probability)


def rule_signs(found: Verdict | None) -> tuple[str, ...]:
    """Return what the rules found, as features of the linear model."""
    if found is None:
        return ()
    return (f"rules:{found.level}", *(("rules:other",) if found.about_other else ()), *found.rule_ids)


def linear_classes(model: LinearModel, text: str, signs: Sequence[str]) -> tuple[float, ...]:
    """Return the linear model's probabilities for canonical text, at the temperature that calibrates it."""
    return softmax(model.margins(features(text, model.spec, signs)), float(model.notes["temperature"]))


def softmax(margins: Sequence[float], temperature: float = 1.0) -> tuple[float, ...]:
    """Return probabilities from margins; a higher temperature makes them less sure."""
    largest = max(margins)
    raised = [exp((margin - largest) / temperature) for margin in margins]
    total = sum(raised)
    return tuple(value / total for value in raised)


def mixed_risk(weights: Mapping[str, float], encoder: float, linear: float, rules_level: int) -> float:
    """Return one probability of risk from those of encoder and linear model and the level of the rules.

    A logistic regression: `weights` are those of `mixture` in `data/screen.json`.
    """
    margin = (
        weights["bias"]
        + weights["encoder"] * log_odds(encoder)
        + weights["linear"] * log_odds(linear)
        + weights["rules_risk"] * (rules_level >= RISK_LEVEL)
        + weights["rules_distress"] * (rules_level == 1)
    )
    return 1 / (1 + exp(-margin))


def log_odds(probability: float) -> float:
    """Return log(p / (1 - p)), kept finite."""
    bounded = min(max(probability, _CERTAIN), 1 - _CERTAIN)
    return log(bounded / (1 - bounded))


@cache
def _english_words() -> frozenset[str]:
    return words("function_words") | words("stopwords")


@cache
def _linear() -> LinearModel:
    return read(data.read_bytes(_MODEL))
