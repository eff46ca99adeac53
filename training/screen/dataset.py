"""What the learned stages are trained on: the sheets, and messages composed from the grammar."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from silent_infinity.domain.crisis.learned import CLASSES, canonical
from training.screen.compose import compose
from training.sheets import read_sheet

CORPUS = Path(__file__).parent / "corpus"
VECTORS = Path(__file__).parents[2] / "tests" / "vectors"
SPENT = ("crisis_golden_en.json", "crisis_heldout_en.json")
"""The rules' own test messages, good for learning since other sets are the exam."""

CALIBRATION = tuple(sorted((Path(__file__).parent / "calibration").glob("*.jsonl")))
GOLDEN = tuple(VECTORS / "safety" / name for name in ("golden_chat.jsonl", "golden_styles.jsonl"))
JUDGED = (*CALIBRATION, *GOLDEN)

LATER = (
    *("o_doubles", "p_doubles", "q_doubles", "r_doubles"),
    *("s_doubles", "t_doubles", "u_doubles", "v_chat"),
)
"""Sheets of doubles: two messages that share image and words, one calm and one not. They come last, when the
plain distinctions are learned."""

TALK = ("w_talk", "x_talk", "y_talk")
"""Sheets of messages as they stand in the middle of conversations, with what was said before."""

EVERYDAY = Path(__file__).parents[1] / "turn_class" / "corpus"
"""Sheets of the turn classes: what people write to such a service when nothing is wrong: calm, all of it."""

TELLING = frozenset({"sharing", "venting"})
"""Intents of messages that tell of something hard more often than not."""

HELD_OUT = 5
"""Of so many everyday messages one is kept for calibration, chosen by its hash."""

COMPOSED = 2500
"""How many messages are composed. They are a fifth of all: enough to teach plain wordings, too few to drown
the hand-written ones."""

EARLIER = " => "
"""Stands in a line between a person's earlier message and the one to be screened."""


@dataclass(frozen=True, slots=True)
class Example:
    """A message to learn from.

    `parts` are the person's messages in canonical form, the last of which is screened; `raw` are the same as
    written; `label` is a place in `CLASSES`; `source` names the sheet.
    """

    parts: tuple[str, ...]
    raw: tuple[str, ...]
    label: int
    category: str
    source: str

    @property
    def text(self) -> str:
        """The whole in canonical form, as the stages join it."""
        return " . ".join(part.strip(" .") for part in self.parts if part.strip(" ."))


def examples(seed: int) -> list[Example]:
    """Return every example once, sheets first, in a fixed order.

    None of them is in a set that models are judged or calibrated by.
    """
    judged = {example.text for path in JUDGED for example in read_cases(path)}
    seen: dict[str, Example] = {}
    for example in _all(seed):
        if example.text not in judged:
            seen.setdefault(example.text, example)
    return list(seen.values())


def everyday(*, held_out: bool) -> list[Example]:
    """Return the everyday messages to learn from, or those to calibrate on; `source` is `everyday`.

    Every third one comes after another of its sheet, as messages of a conversation do.
    """
    judged = {example.text for path in JUDGED for example in read_cases(path)}
    learned: dict[str, Example] = {}
    kept: dict[str, Example] = {}
    for path in sorted(EVERYDAY.glob("*.txt")):
        before = ""
        for message in read_sheet(path):
            draw = int.from_bytes(hashlib.sha256(message.text.encode()).digest()[:4], "big")
            parts = [before, message.text] if before and draw % 3 == 0 else [message.text]
            before = message.text
            level = 1 if message.category in TELLING else 0
            example = example_of(parts, level, message.category, "everyday")
            if example.text.strip(" ,.") and example.text not in judged:
                (kept if draw // 3 % HELD_OUT == 0 else learned).setdefault(example.text, example)
    if held_out:
        return [example for text, example in kept.items() if text not in learned]
    return list(learned.values())


def read_cases(path: Path) -> list[Example]:
    """Return the messages of a file of JSON lines with `text`, `level`, `category` and perhaps `history`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines if line.strip()]
    return [
        example_of([*case.get("history", ()), case["text"]], case["level"], case["category"], path.stem)
        for case in cases
    ]


def label_of(level: int, category: str) -> int:
    """Return the class of a level of the rubric; another person's risk has its own."""
    return CLASSES.index("other") if category == "other_at_risk" else level


def level_of(label: int) -> int:
    """Return the level of the rubric that a class belongs to."""
    return 2 if CLASSES[label] == "other" else label


def _all(seed: int) -> Iterator[Example]:
    for path in sorted(CORPUS.glob("*.txt")):
        for message in read_sheet(path):
            yield example_of(message.text.split(EARLIER), int(message.label), message.category, path.stem)
    for name in SPENT:
        for case in json.loads((VECTORS / name).read_text(encoding="utf-8")):
            yield example_of([case["text"]], case["level"], case["category"], name)
    for composed in compose(COMPOSED, seed):
        yield example_of([composed.text], composed.level, composed.category, "composed")


def example_of(parts: Sequence[str], level: int, category: str, source: str) -> Example:
    """Return the example of a person's messages, the last of which has the level and the category."""
    raw = tuple(part.strip() for part in parts)
    return Example(tuple(map(canonical, raw)), raw, label_of(level, category), category, source)
