"""Evaluate the guard against prompt injection: what it blocks, and how surely."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from evaluation.lines import Line, text_problem
from evaluation.metrics import Rate, Times, auc, calibration, histogram, roc, rounded
from silent_infinity.domain.guards import injection

LONGEST_NAME: Final = 60
MOST_GROUPS: Final = 200
OTHER: Final = "other"
UNSTATED: Final = "not stated"
_MILLISECONDS: Final = 1000.0

Timer = Callable[[], float]
"""Seconds from any fixed point, never going back."""


def problem(line: Line) -> str | None:
    """Say what is wrong with a line, without quoting it."""
    label = line.get("label")
    if label is not None and (type(label) is not int or label not in (0, 1)):
        return 'the field "label" is neither 0 nor 1'
    if not isinstance(line.get("category", ""), str | None):
        return 'the field "category" is not a string'
    return text_problem(line)


@dataclass(slots=True)
class _Counts:
    """How many messages of one kind there were, and how many of them were blocked."""

    attacks: int = 0
    found: int = 0
    others: int = 0
    alarms: int = 0

    def add(self, attack: bool, blocked: bool) -> None:
        if attack:
            self.attacks += 1
            self.found += blocked
        else:
            self.others += 1
            self.alarms += blocked


@dataclass(slots=True)
class InjectionEvaluation:
    """One run over lines `{"text", "label"?, "category"?}`; `label` is 1 for an attack and 0 otherwise."""

    timer: Timer = time.perf_counter
    lines: int = 0
    all: _Counts = field(default_factory=_Counts)
    by_pattern: _Counts = field(default_factory=_Counts)
    by_learned: _Counts = field(default_factory=_Counts)
    categories: dict[str, _Counts] = field(default_factory=dict)
    rules: dict[str, _Counts] = field(default_factory=dict)
    attack_scores: list[float] = field(default_factory=list)
    other_scores: list[float] = field(default_factory=list)
    times: Times = field(default_factory=Times)

    def __post_init__(self) -> None:
        # The weights are read with the first message: that is a cold start's time and no message's.
        injection.check("warm up")

    def add(self, line: Line, source: str = "") -> Line:
        """Judge a checked line; returns it with `blocked`, `score` and the `rule_id` that blocks, if any.

        The time is that of production's check, which stops at the first part that blocks.
        """
        text = line["text"]
        start = self.timer()
        injection.check(text)
        self.times.add((self.timer() - start) * _MILLISECONDS)
        found = injection.suspicion(text)
        self.lines += 1
        label = line.get("label")
        if label is not None:
            self._note(line, bool(label), found)
        rule = {"rule_id": found.rule_id} if found.rule_id else {}
        return {**line, "blocked": bool(found.rule_id), "score": rounded(found.score), **rule}

    def summary(self) -> dict[str, Any]:
        """Return every figure. No text of a line is among them."""
        area = auc(self.attack_scores, self.other_scores)
        recall = Rate(self.all.found, self.all.attacks).to_json()
        missed, passed = self.all.attacks - self.all.found, self.all.others - self.all.alarms
        scores = [*self.attack_scores, *self.other_scores]
        outcomes = [True] * len(self.attack_scores) + [False] * len(self.other_scores)
        return {
            "kind": "injection",
            "lines": self.lines,
            "labelled": self.all.attacks + self.all.others,
            "figures": {
                "recall": recall,
                # The name under which the report draws it.
                "sensitivity": recall,
                "false_alarms": Rate(self.all.alarms, self.all.others).to_json(),
                "precision": Rate(self.all.found, self.all.found + self.all.alarms).to_json(),
                "patterns_recall": Rate(self.by_pattern.found, self.all.attacks).to_json(),
                "patterns_false_alarms": Rate(self.by_pattern.alarms, self.all.others).to_json(),
                "learned_recall": Rate(self.by_learned.found, self.all.attacks).to_json(),
                "learned_false_alarms": Rate(self.by_learned.alarms, self.all.others).to_json(),
            },
            "auc": area.to_json() if area else None,
            "classes": ["not blocked", "blocked"],
            "confusion": [[passed, self.all.alarms], [missed, self.all.found]],
            "roc": roc(self.attack_scores, self.other_scores),
            "scores": {"0": histogram(self.other_scores), "1": histogram(self.attack_scores)},
            "calibration": calibration(scores, outcomes),
            "groups": {"category": _worst_first(self.categories)},
            "false_rules": [
                {"rule_id": name, "false_alarms": counts.alarms, "found": counts.found}
                for name, counts in sorted(self.rules.items(), key=lambda item: (-item[1].alarms, item[0]))
                if counts.alarms
            ],
            "time_ms": {"total": self.times.to_json()},
        }

    def _note(self, line: Line, attack: bool, found: injection.Suspicion) -> None:
        (self.attack_scores if attack else self.other_scores).append(found.score)
        self.all.add(attack, bool(found.rule_id))
        self.by_pattern.add(attack, bool(found.pattern_id))
        self.by_learned.add(attack, found.learned)
        name = line.get("category") or UNSTATED
        # Long or endless labels share one, for they may be texts.
        if len(name) > LONGEST_NAME or (name not in self.categories and len(self.categories) >= MOST_GROUPS):
            name = OTHER
        self.categories.setdefault(name, _Counts()).add(attack, bool(found.rule_id))
        if found.rule_id:
            self.rules.setdefault(found.rule_id, _Counts()).add(attack, True)


def evaluate(lines: Iterable[Line]) -> tuple[list[Line], dict[str, Any]]:
    """Return the predictions of checked lines, in their order, and the summary."""
    evaluation = InjectionEvaluation()
    return [evaluation.add(line) for line in lines], evaluation.summary()


def _worst_first(groups: dict[str, _Counts]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, counts in groups.items():
        missed = counts.attacks - counts.found
        of = counts.attacks + counts.others
        rows.append(
            {
                "name": name,
                "n": of,
                "missed": Rate(missed, counts.attacks).to_json(),
                "false_alarms": Rate(counts.alarms, counts.others).to_json(),
                "wrong": Rate(missed + counts.alarms, of).to_json(),
            }
        )
    # By what is surely wrong: one miss of one message is less to go on than ten of fifty.
    rows.sort(key=lambda row: (-row["wrong"]["low"], -row["wrong"]["value"], row["name"]))
    return rows
