"""What the large model says of many messages, in a file: the small one can be trained again without it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from training.turn_class import teacher, variety
from training.turn_class.dataset import Example, unlabelled

EPOCHS: Final = 3
MADE: Final = 63_000
CALM: Final = 8_000
"""Unlabelled messages: the sheets of the screen are many and mostly of one kind."""
SEED: Final = 20261121


@dataclass(frozen=True, slots=True)
class Judged:
    """Messages without a label of their own, and how likely the large model finds each intent of each."""

    texts: tuple[str, ...]
    likely: np.ndarray

    def save(self, path: Path) -> None:
        """Write it to `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, texts=np.array(self.texts, dtype=object), likely=self.likely)

    @classmethod
    def read(cls, path: Path) -> "Judged":
        """Return what `save` has written."""
        with np.load(path, allow_pickle=True) as found:
            return cls(tuple(found["texts"]), found["likely"])


def judge(examples: Sequence[Example], say: Callable[[str], None]) -> tuple[teacher.Teacher, Judged]:
    """Return the large model, trained on the examples, and what it makes of messages like them."""
    model = teacher.train(examples, EPOCHS, say)
    chance = random.Random(SEED)
    calm = unlabelled()
    texts = chance.sample(calm, min(CALM, len(calm)))
    texts += variety.more([example.text for example in examples] * 3 + texts, MADE, chance)
    say(f"the large model judges {len(texts)} messages")
    return model, Judged(tuple(texts), teacher.judged(model, texts))
