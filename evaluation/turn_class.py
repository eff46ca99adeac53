"""Evaluate what kind of turn messages are taken for, by the use case that the workflow runs."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from evaluation.lines import Line, text_problem
from evaluation.metrics import Rate, Times, calibration, rounded
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.domain.intent.rules import INTENTS, TURN_CLASS
from silent_infinity.usecases.detect_intent import DetectIntent, IntentRequest

CLASSES: Final = ("TC3", "TC4", "TC5")
LONGEST_NAME: Final = 60
MOST_GROUPS: Final = 200
OTHER: Final = "other"
UNSTATED: Final = "not stated"
LABELS: Final = {"turn_class": "true_turn_class", "intent": "true_intent"}
"""Where a line's own labels go in its prediction, for the predicted ones take their names. Whoever evaluates
predictions again has the labels there.
"""

_MILLISECONDS: Final = 1000.0

Timer = Callable[[], float]
"""Seconds from any fixed point, never going back."""


def problem(line: Line) -> str | None:
    """Say what is wrong with a line, without quoting it."""
    for name in ("turn_class", LABELS["turn_class"]):
        if line.get(name) not in (None, *CLASSES):  # TC6 is the crisis screen's: docs/evaluation.md
            return f'the field "{name}" is none of {", ".join(CLASSES)}'
    for name in ("intent", LABELS["intent"]):
        if line.get(name) not in (None, *INTENTS):
            return f'the field "{name}" is none of the intents that there are'
    if not isinstance(line.get("category", ""), str | None):
        return 'the field "category" is not a string'
    return text_problem(line)


@dataclass(slots=True)
class Matrix:
    """How often what was true was taken for what. `names` may be true, and be predicted."""

    names: tuple[str, ...]
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, true: str, predicted: str) -> None:
        """Note one message."""
        self.counts[true, predicted] = self.counts.get((true, predicted), 0) + 1

    @property
    def lines(self) -> int:
        """How many messages there were."""
        return sum(self.counts.values())

    def hits(self) -> int:
        """Return how many messages were taken for what they were."""
        return sum(count for (true, predicted), count in self.counts.items() if true == predicted)

    def of_name(self, name: str) -> dict[str, Any]:
        """Return precision, recall and F1 of one name, with their counts."""
        hits = self.counts.get((name, name), 0)
        true = sum(count for (each, _), count in self.counts.items() if each == name)
        predicted = sum(count for (_, each), count in self.counts.items() if each == name)
        f1 = 2 * hits / (true + predicted) if true + predicted else None
        return {
            "name": name,
            "n": true,
            "precision": Rate(hits, predicted).to_json(),
            "recall": Rate(hits, true).to_json(),
            "f1": rounded(f1),
        }

    def macro_f1(self) -> float | None:
        """Return the mean of the F1 of every name that is true of a message; None where there is none."""
        there = [row["f1"] for row in map(self.of_name, self.names) if row["n"]]
        return rounded(sum(there) / len(there)) if there else None

    def table(self) -> list[list[int]]:
        """Return the counts, a row for each truth."""
        return [[self.counts.get((true, each), 0) for each in self.names] for true in self.names]


@dataclass(slots=True)
class TurnClassEvaluation:
    """One run over lines `{"text", "turn_class"?, "intent"?, "category"?}`, each the first of its session."""

    detect: DetectIntent = field(default_factory=lambda: DetectIntent(clock=SystemClock()))
    timer: Timer = time.perf_counter
    lines: int = 0
    classes: Matrix = field(default_factory=lambda: Matrix(CLASSES))
    intents: Matrix = field(default_factory=lambda: Matrix(INTENTS))
    paths: dict[str, int] = field(default_factory=dict)
    wrong_paths: dict[str, int] = field(default_factory=dict)
    predicted: dict[str, int] = field(default_factory=dict)
    confidences: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    categories: dict[str, list[int]] = field(default_factory=dict)
    times: Times = field(default_factory=Times)

    def __post_init__(self) -> None:
        # The weights are read with the first message: that is a cold start's time and no message's.
        self.detect(IntentRequest("a warm cup before we begin"))

    def add(self, line: Line, source: str = "") -> Line:
        """Judge a checked line; returns it with `turn_class`, `intent`, `confidence` and `path`.

        Labels of its own are kept as `true_turn_class` and `true_intent`.
        """
        start = self.timer()
        found = self.detect(IntentRequest(line["text"])).intent
        self.times.add((self.timer() - start) * _MILLISECONDS)
        self.lines += 1
        self.paths[found.path] = self.paths.get(found.path, 0) + 1
        self.predicted[found.turn_class] = self.predicted.get(found.turn_class, 0) + 1
        labels = _labels(line)
        true = labels.get("turn_class") or TURN_CLASS.get(labels.get("intent") or "")
        if true is not None:
            self._note(line, true, found.turn_class, found.confidence)
            if found.path == "template" and true != found.turn_class:
                self.wrong_paths["template"] = self.wrong_paths.get("template", 0) + 1
        if labels.get("intent") is not None:
            self.intents.add(labels["intent"], found.intent)
        kept = {name: value for name, value in line.items() if name not in LABELS}
        return {
            **kept,
            **{LABELS[name]: value for name, value in labels.items()},
            "turn_class": found.turn_class,
            "intent": found.intent,
            "confidence": found.confidence,
            "path": found.path,
        }

    def summary(self) -> dict[str, Any]:
        """Return every figure. No text of a line is among them."""
        labelled = self.classes.lines
        templates, questions = self.paths.get("template", 0), self.paths.get("clarify", 0)
        return {
            "kind": "turn-class",
            "lines": self.lines,
            "labelled": labelled,
            "figures": {
                "accuracy": Rate(self.classes.hits(), labelled).to_json(),
                "intent_accuracy": Rate(self.intents.hits(), self.intents.lines).to_json(),
                "bypass": Rate(templates + questions, self.lines).to_json(),
                "templates": Rate(templates, self.lines).to_json(),
                "clarify": Rate(questions, self.lines).to_json(),
                "wrong_templates": Rate(self.wrong_paths.get("template", 0), templates).to_json(),
            },
            "macro_f1": self.classes.macro_f1(),
            "intent_macro_f1": self.intents.macro_f1(),
            "classes": list(CLASSES),
            "confusion": self.classes.table(),
            "per_class": [self.classes.of_name(name) for name in CLASSES],
            "per_intent": [self.intents.of_name(name) for name in INTENTS],
            "predicted": {name: self.predicted.get(name, 0) for name in CLASSES},
            "calibration": calibration(self.confidences, self.right),
            "by_category": _worst_first(self.categories),
            "time_ms": {"total": self.times.to_json()},
        }

    def _note(self, line: Line, true: str, predicted: str, confidence: float) -> None:
        self.classes.add(true, predicted)
        self.confidences.append(confidence)
        self.right.append(true == predicted)
        name = line.get("category") or UNSTATED
        # Long or endless labels share one, for they may be texts.
        if len(name) > LONGEST_NAME or (name not in self.categories and len(self.categories) >= MOST_GROUPS):
            name = OTHER
        counts = self.categories.setdefault(name, [0, 0])
        counts[0] += true != predicted
        counts[1] += 1


def _labels(line: Line) -> Line:
    """Return the labels of a line by what they are of; of a line that was predicted before, the true ones."""
    predicted = "path" in line and "confidence" in line
    names = LABELS.values() if predicted else LABELS
    return {label: line[name] for label, name in zip(LABELS, names, strict=True) if name in line}


def evaluate(lines: Iterable[Line]) -> tuple[list[Line], dict[str, Any]]:
    """Return the predictions of checked lines, in their order, and the summary."""
    evaluation = TurnClassEvaluation()
    return [evaluation.add(line) for line in lines], evaluation.summary()


def _worst_first(groups: dict[str, list[int]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"name": name, "n": of, "wrong": Rate(wrong, of).to_json()} for name, (wrong, of) in groups.items()
    ]
    # By what is surely wrong: one miss of one message is less to go on than ten of fifty.
    rows.sort(key=lambda row: (-row["wrong"]["low"], -row["wrong"]["value"], row["name"]))
    return rows
