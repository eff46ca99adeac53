"""What the turn classification learns from: the sheets of `corpus/`, and messages of other sheets."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from silent_infinity.domain.intent.rules import INTENTS, TURN_CLASS
from training.sheets import SheetError, read_sheet

CORPUS: Final = Path(__file__).parent / "corpus"
SCREEN: Final = Path(__file__).parents[1] / "screen" / "corpus"
INJECTION: Final = Path(__file__).parents[1] / "injection" / "corpus"
FOLDS: Final = 6
CALM: Final = frozenset({"0", "1"})


@dataclass(frozen=True, slots=True)
class Example:
    """A message with its intent. `fold` depends on the text alone, so that it stays when sheets grow."""

    text: str
    intent: str
    source: str
    fold: int

    @property
    def turn_class(self) -> str:
        """The turn class of the intent."""
        return TURN_CLASS[self.intent]


def load(folder: Path = CORPUS) -> list[Example]:
    """Return the messages of every sheet in `folder`; of those that differ in case only, the first.

    Raises:
        SheetError: a heading names an intent that there is not, or another turn class than its own.
    """
    found: dict[str, Example] = {}
    for path in sorted(folder.glob("*.txt")):
        for message in read_sheet(path):
            if TURN_CLASS.get(message.category) != message.label:
                raise SheetError(f"{path.name}: there is no `## {message.label} {message.category}`")
            key = message.text.casefold()
            found.setdefault(key, Example(message.text, message.category, path.stem, fold_of(key)))
    return list(found.values())


def unlabelled() -> list[str]:
    """Return messages without an intent: calm ones to the crisis screen, harmless ones to the guard."""
    texts = [
        part
        for folder in (SCREEN, INJECTION)
        for path in sorted(folder.glob("*.txt"))
        for message in read_sheet(path)
        if message.label in CALM and (folder == SCREEN or message.label == "0")
        for part in message.text.split(" => ")
    ]
    return [text for text in dict.fromkeys(texts) if text.isprintable() and len(text) < 600]


def fold_of(text: str) -> int:
    """Return the fold of a text, from 0 to `FOLDS` - 1."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % FOLDS


def index_of(intent: str) -> int:
    """Return the place of `intent` among all."""
    return INTENTS.index(intent)
