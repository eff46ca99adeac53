"""Messages composed from frames and fillings: the plain wordings of every level, many times over.

The same seed composes the same messages. What was written by hand is in the sheets of `corpus/`.
"""

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

GRAMMAR = Path(__file__).parent / "grammar.json"
_SLOT = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Composed:
    """A message with its level (0-4) and category."""

    text: str
    level: int
    category: str


def compose(count: int, seed: int) -> list[Composed]:
    """Return `count` different messages, their kinds in proportion to the weights of the grammar."""
    grammar = json.loads(GRAMMAR.read_text(encoding="utf-8"))
    fillings: dict[str, list[str]] = grammar["fillings"]
    frames = grammar["frames"]
    chance = random.Random(seed)
    weights = [frame["weight"] for frame in frames]
    made: dict[str, Composed] = {}
    while len(made) < count:
        frame = chance.choices(frames, weights)[0]
        text = chance.choice(frame["text"])
        while (slot := _SLOT.search(text)) is not None:
            text = text[: slot.start()] + chance.choice(fillings[slot[1]]) + text[slot.end() :]
        text = " ".join(text.replace(" .", ".").replace(" ,", ",").split())
        made.setdefault(text, Composed(text, frame["level"], frame["category"]))
    return list(made.values())
