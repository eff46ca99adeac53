"""The learned part: how likely each intent is, from the n-grams and the shape of a message.

A linear model adds the features up to a few numbers, and a small network of one hidden layer tells the
intents from those. `data/intent.bin` has the weights of both, and `./run train-turn-class` makes it. It is
read with the first message that the exact rules do not explain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp
from operator import mul
from typing import Final

from silent_infinity import data
from silent_infinity.domain.intent.rules import TURN_CLASS, cue_signs
from silent_infinity.domain.intent.shape import signs
from silent_infinity.domain.learned.features import Features, FeatureSpec, features
from silent_infinity.domain.learned.fold import fold
from silent_infinity.domain.learned.linear import LinearModel, read

MODEL_FILE: Final = "intent.bin"
MOST_CHARACTERS: Final = 1200
"""Of a longer message its beginning and its end are read, half of this each."""

_APOSTROPHES: Final = str.maketrans("", "", "'")


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """How likely each intent is (they sum to 1), the likeliest first by name of `intent`."""

    intents: Mapping[str, float]

    @property
    def classes(self) -> dict[str, float]:
        """How likely each turn class is: that of its intents together."""
        found: dict[str, float] = {}
        for intent, share in self.intents.items():
            found[TURN_CLASS[intent]] = found.get(TURN_CLASS[intent], 0.0) + share
        return found

    @property
    def turn_class(self) -> str:
        """The likeliest turn class. What reply fits is decided first; which intent, within it."""
        classes = self.classes
        return max(classes, key=classes.__getitem__)

    def best(self, turn_class: str) -> str:
        """Return the likeliest intent of `turn_class`."""
        own = [intent for intent in self.intents if TURN_CLASS[intent] == turn_class]
        return max(own, key=self.intents.__getitem__)


def features_of(message: str, spec: FeatureSpec) -> Features:
    """Return what the model reads of `message`: training and inference both come through here."""
    text = fold(middle_out(message))
    return features(text.translate(_APOSTROPHES), spec, (*signs(text), *cue_signs(text)))


def middle_out(message: str) -> str:
    """Return `message`, of a very long one its beginning and its end."""
    if len(message) <= MOST_CHARACTERS:
        return message
    half = MOST_CHARACTERS // 2
    return f"{message[:half]}\n{message[-half:]}"


def likelihoods(message: str) -> Likelihoods:
    """Return how likely each intent of `message` is, calibrated on messages that training held out."""
    model = _model()
    return Likelihoods(softmax(intent_margins(model, message), model.notes["temperature"]))


def intent_margins(model: LinearModel, message: str) -> dict[str, float]:
    """Return a number for each intent: the higher, the more speaks for it."""
    notes = model.notes
    sums = model.margins(features_of(message, model.spec))
    hidden = [max(0.0, value) for value in _layer(notes["hidden"], notes["hidden_bias"], sums)]
    return dict(zip(notes["intents"], _layer(notes["head"], notes["head_bias"], hidden), strict=True))


def _layer(rows: Sequence[Sequence[float]], biases: Sequence[float], inputs: Sequence[float]) -> list[float]:
    return [bias + sum(map(mul, row, inputs)) for row, bias in zip(rows, biases, strict=True)]


def softmax(margins: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Return `margins` as shares that sum to 1, evened out by `temperature` (above 0)."""
    top = max(margins.values())
    grown = {name: exp((margin - top) / temperature) for name, margin in margins.items()}
    total = sum(grown.values())
    return {name: value / total for name, value in grown.items()}


@cache
def _model() -> LinearModel:
    return read(data.read_bytes(MODEL_FILE))
