"""Train the learned part of the injection guard: `python -m training.injection.train`.

Reads the sheets of `corpus/`, and those of the crisis screen as further ordinary messages; writes
`data/injection.bin`. The strength of regularisation and the thresholds come from five-fold cross-validation
over the hand-written messages: what is made from a message stays in the message's fold. The held-out set of
`tests/vectors/safety/` is never read. The same corpus gives the same bytes.
"""

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from silent_infinity.domain.guards.injection import MODEL_FILE, features_of, pattern_id, with_decoded
from silent_infinity.domain.learned.features import FeatureSpec
from silent_infinity.domain.learned.linear import LinearModel, quantised, write
from training.injection import variety
from training.sheets import read_sheets

CORPUS = Path(__file__).parent / "corpus"
SCREEN = Path(__file__).parents[1] / "screen" / "corpus"
TARGET = Path(__file__).parents[2] / "functions/layer/python/silent_infinity/data" / MODEL_FILE

SPEC = FeatureSpec(bits=18, words=(1, 2, 3), characters=(3, 4, 5))
SEED = 20261121
FOLDS = 5
SCREEN_WEIGHT = 0.15
"""There are many messages to the screen, and they are all of one kind."""
STRENGTHS = (3.0, 10.0, 30.0)
FALSE_ALARMS = 0.025
"""Of the hand-written messages that are no attacks; half of those were written to look like one."""
FALSE_ALARMS_IN_DISTRESS = 0.001
POSITIVE = "1"


@dataclass(frozen=True)
class Example:
    """A message to learn from. `weight` says how much it counts against the others."""

    text: str
    attack: bool
    fold: int
    weight: float = 1.0
    written: bool = True
    of_screen: bool = False


def load(screen_sheets: Path) -> list[Example]:
    """Return the hand-written messages, each in the fold that its text decides."""
    found = {message.text: message.label == POSITIVE for message in read_sheets(CORPUS)}
    examples = [Example(text, attack, _fold_of(text)) for text, attack in found.items()]
    screen = [part for message in read_sheets(screen_sheets) for part in message.text.split(" => ")]
    examples.extend(
        Example(text, False, _fold_of(text), SCREEN_WEIGHT, of_screen=True)
        for text in dict.fromkeys(screen)
        if text not in found
    )
    return examples


def _fold_of(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % FOLDS


def varied(written: list[Example]) -> list[Example]:
    """Return what is made from the hand-written messages, fold by fold."""
    made: list[Example] = []
    for place in range(FOLDS):
        random = Random(SEED + place)
        attacks = [example.text for example in written if example.attack and example.fold == place]
        others = [
            example.text
            for example in written
            if not example.attack and not example.of_screen and example.fold == place
        ]
        short = [text for text in attacks if len(text) < 300]
        carriers = [text for text in others if len(text) < 300]
        positive = (
            *variety.composed(random, 240),
            *variety.embedded(random, carriers, short, 2 * len(short)),
            *variety.rewritten(random, attacks, len(attacks)),
        )
        negative = (
            *variety.embedded(random, carriers, carriers, len(carriers)),
            *variety.rewritten(random, others, len(others)),
        )
        made.extend(Example(text, True, place, 0.5, written=False) for text in positive)
        made.extend(Example(text, False, place, 0.5, written=False) for text in negative)
    return made


def matrix(texts: list[str]) -> csr_matrix:
    """Return the features of `texts`, a row each, scaled as the inference scales them."""
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for row, text in enumerate(texts):
        for buckets in features_of(with_decoded(text), SPEC).kinds:
            rows.extend([row] * len(buckets))
            columns.extend(buckets)
            values.extend([len(buckets) ** -0.5] * len(buckets) if buckets else [])
    return csr_matrix((values, (rows, columns)), shape=(len(texts), 1 << SPEC.bits))


def fitted(x: csr_matrix, y: np.ndarray, weights: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Return the weights and the bias of a logistic regression, both labels counting the same in total."""
    model = LogisticRegression(C=strength, class_weight="balanced", solver="liblinear", random_state=SEED)
    model.fit(x, y, sample_weight=weights)
    return model.coef_[0], float(model.intercept_[0])


def out_of_fold(x: csr_matrix, examples: list[Example], strength: float) -> np.ndarray:
    """Return a margin for each example from a model that has seen neither it nor anything made from it."""
    folds = np.array([example.fold for example in examples])
    y = np.array([example.attack for example in examples])
    weights = np.array([example.weight for example in examples])
    margins = np.zeros(len(examples))
    for place in range(FOLDS):
        learn, judge = folds != place, folds == place
        coefficients, bias = fitted(x[learn], y[learn], weights[learn], strength)
        margins[judge] = x[judge] @ coefficients + bias
    return margins


def threshold_at(margins: np.ndarray, share: float) -> float:
    """Return the margin that at most `share` of `margins` reach."""
    ordered = np.sort(margins)[::-1]
    return float(ordered[int(share * len(ordered))]) + 1e-6


def main() -> None:
    """Train, say what cross-validation found, and write the model."""
    parser = argparse.ArgumentParser(description="Train the learned part of the injection guard.")
    parser.add_argument("--errors", metavar="FILE", type=Path, help="write the misjudged messages, by margin")
    parser.add_argument("--screen", metavar="DIR", type=Path, default=SCREEN)
    arguments = parser.parse_args()
    written = load(arguments.screen)
    examples = [*written, *varied(written)]
    x = matrix([example.text for example in examples])
    y = np.array([example.attack for example in examples])
    weights = np.array([example.weight for example in examples])
    by_hand = np.array([example.written and not example.of_screen for example in examples])
    of_screen = np.array([example.of_screen for example in examples])
    results: list[tuple[float, float, float, np.ndarray]] = []
    for strength in STRENGTHS:
        margins = out_of_fold(x, examples, strength)
        limit = threshold_at(margins[by_hand & ~y], FALSE_ALARMS)
        recall = float((margins[by_hand & y] >= limit).mean())
        area = float(roc_auc_score(y[by_hand], margins[by_hand]))
        alarms = float((margins[of_screen] >= limit).mean()) if of_screen.any() else 0.0
        at_two = float((margins[by_hand & y] >= threshold_at(margins[by_hand & ~y], 0.02)).mean())
        print(
            f"C {strength:6.1f}  area {area:.4f}  recall {recall:.3f} at {FALSE_ALARMS:.1%} false alarms, "
            f"{at_two:.3f} at 2 %; messages to the screen flagged {alarms:.3%}"
        )
        results.append((recall, strength, limit, margins))
    _, strength, limit, margins = max(results, key=lambda result: result[0])
    patterns = np.array([bool(pattern_id(e.text)) if e.written else False for e in examples])
    either = patterns | (margins >= limit)
    print(
        f"with the patterns: recall {either[by_hand & y].mean():.3f}, false alarms "
        f"{either[by_hand & ~y].mean():.3f}, of messages to the screen {either[of_screen].mean():.4f}"
    )
    strict = max(threshold_at(margins[(by_hand | of_screen) & ~y], FALSE_ALARMS_IN_DISTRESS), limit)
    if arguments.errors:
        wrong = [
            {"margin": round(float(m), 2), "attack": e.attack, "text": e.text}
            for m, e in zip(margins, examples, strict=True)
            if e.written and (m >= limit) != e.attack
        ]
        wrong.sort(key=lambda entry: (entry["attack"], entry["margin"]))
        arguments.errors.write_text("".join(json.dumps(e, ensure_ascii=False) + "\n" for e in wrong))
    coefficients, bias = fitted(x, y, weights, strength)
    whole, scale = quantised(coefficients.tolist())
    notes = {
        "attacks": int((by_hand & y).sum()),
        "others": int((by_hand & ~y).sum()),
        "strength": strength,
        "threshold": round(limit, 4),
        "threshold_in_distress": round(strict, 4),
    }
    data = write(LinearModel(SPEC, ("attack",), (whole,), (scale,), (round(bias, 6),), notes))
    TARGET.write_bytes(data)
    print(json.dumps(notes), f"{len(data)} bytes")


if __name__ == "__main__":
    main()
