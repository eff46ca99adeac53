"""`python -m training.turn_class`: make `data/intent.bin`. `./run train-turn-class` calls it.

Two parts. `large` trains the large model and has it judge some ten thousand messages (kept in `.local/`);
`small` trains what ships, on those and on the sheets. One fold of the sheets is held out: neither model sees
it until the temperature is set and the figures are printed; then the small model is trained once more with
it.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from silent_infinity.domain.intent.learned import MODEL_FILE
from silent_infinity.domain.intent.rules import INTENTS, TURN_CLASS
from silent_infinity.domain.learned.linear import write
from training.turn_class import student
from training.turn_class.dataset import Example, index_of, load
from training.turn_class.judging import Judged

ROOT: Final = Path(__file__).resolve().parents[2]
TARGET: Final = ROOT / "functions/layer/python/silent_infinity/data" / MODEL_FILE
CLUSTERS: Final = TARGET.with_name("intent_clusters.json")
JUDGED: Final = ROOT / ".local" / "training" / "turn_class.npz"
HELD_OUT: Final = 0
PARTS: Final = ("large", "small")
OWN_WEIGHT: Final = 2.0
"""How much a message counts that a person has labelled; one that the large model judges counts 1."""
SMOOTHED: Final = 0.06
TEMPERATURES: Final = np.geomspace(0.4, 3.0, 60)
CLASSES: Final = ("TC3", "TC4", "TC5")
CLASS_OF: Final = np.array([CLASSES.index(TURN_CLASS[intent]) for intent in INTENTS])


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the named parts, both by default."""
    parser = argparse.ArgumentParser(prog="./run train-turn-class", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    parser.add_argument(
        "--errors", metavar="FILE", type=Path, help="write the held-out messages it misjudges"
    )
    options = parser.parse_args(arguments)
    wanted = options.parts or PARTS
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {text}", flush=True)

    examples = load()
    learn = [example for example in examples if example.fold != HELD_OUT]
    if "large" in wanted:
        from training.turn_class import teacher
        from training.turn_class.clusters import write_clusters
        from training.turn_class.judging import judge

        model, judged = judge(learn, say)
        judged.save(JUDGED)
        write_clusters(model, [example.text for example in learn], CLUSTERS, say)
        held = [example for example in examples if example.fold == HELD_OUT]
        margins = np.log(teacher.judged(model, [example.text for example in held]) + 1e-9)
        _report(margins, np.array([index_of(example.intent) for example in held]), say)
    if "small" in wanted:
        _small(examples, say, options.errors)


def _small(examples: Sequence[Example], say: Callable[[str], None], errors: Path | None) -> None:
    judged = Judged.read(JUDGED)
    say(f"features of {len(examples)} sheets' messages and of {len(judged.texts)} others")
    own = [student.row(example.text) for example in examples]
    others = ([student.row(text) for text in judged.texts], judged.likely)
    held = np.array([example.fold == HELD_OUT for example in examples])
    labels = np.array([index_of(example.intent) for example in examples])
    first = _fitted(own, labels, ~held, others, say)
    margins = student.margins(first, [row for row, out in zip(own, held, strict=True) if out])
    heat = temperature(margins, labels[held])
    _report(margins / heat, labels[held], say)
    if errors:
        _write_errors(errors, [e for e in examples if e.fold == HELD_OUT], margins / heat)
    final = _fitted(own, labels, np.ones(len(own), bool), others, say)
    content = write(student.shipped(final, heat))
    TARGET.write_bytes(content)
    say(f"{TARGET.name}: {len(content)} bytes, temperature {heat:.3f}")


def _fitted(
    own: Sequence[student.Row],
    labels: np.ndarray,
    chosen: np.ndarray,
    others: tuple[Sequence[student.Row], np.ndarray],
    say: Callable[[str], None],
) -> student.Student:
    certain = np.eye(len(INTENTS))[labels] * (1 - SMOOTHED) + SMOOTHED / len(INTENTS)
    rows = [row for row, wanted in zip(own, chosen, strict=True) if wanted] + list(others[0])
    targets = np.concatenate([certain[chosen], others[1]])
    weights = np.concatenate([np.full(int(chosen.sum()), OWN_WEIGHT), np.ones(len(others[0]))])
    return student.train(student.often(rows), targets, weights, say)


def shares(margins: np.ndarray) -> np.ndarray:
    """Return how likely each turn class is: (texts, classes)."""
    grown = np.exp(margins - margins.max(1, keepdims=True))
    grown /= grown.sum(1, keepdims=True)
    return np.stack([grown[:, place == CLASS_OF].sum(1) for place in range(len(CLASSES))], 1)


def temperature(margins: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature with which the turn classes' shares are likeliest."""
    truth = CLASS_OF[labels]

    def loss(heat: float) -> float:
        return float(-np.log(shares(margins / heat)[np.arange(len(truth)), truth] + 1e-9).mean())

    return float(min(TEMPERATURES, key=loss))


def _report(margins: np.ndarray, labels: np.ndarray, say: Callable[[str], None]) -> None:
    found, truth = shares(margins), CLASS_OF[labels]
    best = found.argmax(1)
    confident = found.max(1)
    say(
        f"held out: {len(truth)} messages, turn class {accuracy_score(truth, best):.4f}, macro F1 "
        f"{f1_score(truth, best, average='macro'):.4f}, intent {(margins.argmax(1) == labels).mean():.4f}"
    )
    for low, high in ((0.3, 0.45), (0.45, 0.55), (0.55, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.01)):
        there = (confident >= low) & (confident < high)
        if there.any():
            say(
                f"  confidence {low:.2f}-{high:.2f}: {there.sum()}, right {(best == truth)[there].mean():.3f}"
            )


def _write_errors(path: Path, examples: Sequence[Example], margins: np.ndarray) -> None:
    found = shares(margins)
    lines = [
        f"{share.max():.2f} {CLASSES[share.argmax()]} for {example.intent}: {example.text}\n"
        for example, share in zip(examples, found, strict=True)
        if CLASSES[share.argmax()] != example.turn_class
    ]
    path.write_text("".join(sorted(lines, reverse=True)), encoding="utf-8")


if __name__ == "__main__":
    main()
