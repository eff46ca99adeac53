"""The semantic stage of the crisis screen: a fine-tuned sentence encoder, with what other stages found.

It sees meaning where rules and n-grams see words, so it decides most of what neither of them has met. Its
probability is put together with that of the linear model by a logistic regression whose weights are data.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from silent_infinity import data
from silent_infinity.domain.crisis.learned import (
    LEARNED,
    Classes,
    Thresholds,
    canonical,
    in_context,
    mixed_risk,
    reads,
    risk,
    softmax,
    verdict,
)
from silent_infinity.domain.crisis.verdict import RISK_LEVEL, ScreenCase, Verdict

if TYPE_CHECKING:
    from silent_infinity.adapters.encoder.model import Encoder
    from silent_infinity.adapters.encoder.wordpiece import WordPiece

SEMANTIC: Final = "semantic"
WEIGHTS: Final = "encoder.npz"
# Tokens of a text that are read at once, and how many of them the next piece of a longer text reads again.
WINDOW: Final = 200
OVERLAP: Final = 40


class SemanticStage:
    """Reads with the encoder of a weights file, which is loaded when the first message comes."""

    def __init__(self, weights: Path, *, temperature: float | None = None) -> None:
        """Take the place of the weights file; `temperature` stands in for the one of the data.

        Raises:
            KeyError: `data/screen.json` lacks what this stage needs.
        """
        self._path = weights
        source: Mapping[str, Any] = data.load("screen.json")
        self._limits = Thresholds.of(source["thresholds"][SEMANTIC])
        self._mixture: Mapping[str, float] = source["mixture"]
        self._temperature = temperature or float(source["encoder_temperature"])

    @cached_property
    def _parts(self) -> "tuple[Encoder, WordPiece]":
        # NumPy costs a tenth of a second: a function that never screens must not pay for it.
        from silent_infinity.adapters.encoder.model import Encoder
        from silent_infinity.adapters.encoder.wordpiece import WordPiece

        encoder = Encoder.load(self._path)
        return encoder, WordPiece(encoder.pieces)

    def __call__(self, case: ScreenCase) -> Verdict | None:
        """Return what encoder and linear model together say, or None of a message that is not English.

        Raises:
            OSError: there is no weights file.
            ModuleNotFoundError: NumPy is not installed.
        """
        own = canonical(case.message)
        if not reads(own) or not own:
            return None
        linear = case.found.get(LEARNED)
        other = max((each.level for name, each in case.found.items() if name != LEARNED), default=0)
        classes = in_context(
            case, own, lambda text: self._mixed(self.classes(text), linear, other), self._limits
        )
        return verdict(classes, self._limits, SEMANTIC)

    def classes(self, text: str) -> Classes:
        """Return the encoder's classes for canonical text; of a long one, those of its riskiest piece."""
        return max((softmax(margins, self._temperature) for margins in self._read(text)), key=risk)

    def margins(self, text: str) -> Sequence[float]:
        """Return what the classes are made of, before any temperature."""
        return max(self._read(text), key=lambda margins: risk(softmax(margins)))

    def _read(self, text: str) -> Iterator[Sequence[float]]:
        encoder, pieces = self._parts
        for part in windows(pieces(text)):
            found: list[float] = encoder.logits([pieces.start, *part, pieces.end]).tolist()
            yield found

    def _mixed(self, classes: Classes, linear: Verdict | None, rules_level: int) -> Classes:
        """Return the classes with the risk moved to where encoder, linear model and rules together put it."""
        before = risk(classes)
        if linear is None or linear.score is None:
            return classes
        after = mixed_risk(self._mixture, before, linear.score, rules_level)
        calm, risky = (1 - after) / max(1 - before, 1e-9), after / max(before, 1e-9)
        return tuple(value * (risky if place >= RISK_LEVEL else calm) for place, value in enumerate(classes))


def windows(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield overlapping pieces of at most `WINDOW` ids, all of about the same length."""
    if len(ids) <= WINDOW:
        yield ids
        return
    pieces = -(-(len(ids) - OVERLAP) // (WINDOW - OVERLAP))
    step = (len(ids) - OVERLAP) / pieces
    for place in range(pieces):
        left = round(place * step)
        yield ids[left : round((place + 1) * step) + OVERLAP]
