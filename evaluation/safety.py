"""Evaluate the crisis screen: the stages that production runs, on labelled or unlabelled messages.

Every line is screened from a calm session; nothing of one line reaches the next. What is kept of a line is
its level, score, labels and times, never its text.
"""

import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from evaluation.lines import Line, text_problem
from evaluation.metrics import Rate, Times, auc, calibration, histogram, roc, rounded
from silent_infinity import bootstrap
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.domain.crisis.model_screen import MODEL_SCREEN
from silent_infinity.domain.crisis.screen import ScreenError
from silent_infinity.domain.crisis.verdict import RISK_LEVEL, ScreenCase, Stage, Verdict
from silent_infinity.domain.turn import AssignedVariant, Utterance
from silent_infinity.settings import Settings
from silent_infinity.usecases.screen_for_crisis import Screened, ScreenForCrisis, ScreenRequest

ASSETS: Final = Path(__file__).resolve().parent.parent / "functions" / "crisis_screen"
"""What the screen's function carries besides the layer: the encoder's weights."""

LEVELS: Final = 5
SERIOUS_LEVEL: Final = 3
UNLABELLED: Final = -1
LONGEST_NAME: Final = 60
LONGEST_LANGUAGE: Final = 8  # letters of a primary subtag, RFC 5646
MOST_GROUPS: Final = 300
UNSTATED: Final = "(unstated)"
OTHER: Final = "(other)"
WORST_RULES: Final = 20
DEFAULT_LOCALE: Final = "en-US"

HARD_NEGATIVES: Final = frozenset({
    *("idiom", "gaming", "sports", "joke", "news", "fiction", "lyrics", "academic", "work_study"),
    *("medication", "health", "grief", "service", "tech", "denial", "resolved_past", "hard_negative"),
})  # fmt: skip
"""Categories of calm messages (levels 0-1) that sound like risk; without one, level 0 counts."""

Timer = Callable[[], float]
"""Seconds from any fixed point, never going back."""


def problem(line: Line) -> str | None:
    """Say what is wrong with a line, without quoting it."""
    level = line.get("level")
    if level is not None and (type(level) is not int or not 0 <= level < LEVELS):
        return 'the field "level" is not a whole number from 0 to 4'
    for name in ("locale", "category"):
        if not isinstance(line.get(name, ""), str | None):
            return f'the field "{name}" is not a string'
    history = line.get("history") or []
    if not isinstance(history, list) or not all(isinstance(text, str) for text in history):
        return 'the field "history" is not a list of strings'
    return text_problem(line)


@dataclass(slots=True)
class _Group:
    """Messages that share a label."""

    positives: int = 0
    missed: int = 0
    negatives: int = 0
    alarms: int = 0

    def add(self, positive: bool, flagged: bool) -> None:
        if positive:
            self.positives += 1
            self.missed += not flagged
        else:
            self.negatives += 1
            self.alarms += flagged


@dataclass(slots=True)
class _StageCounts:
    """What one stage did on labelled messages."""

    answered: int = 0
    found: int = 0
    alarms: int = 0
    only_found: int = 0
    only_alarms: int = 0


@dataclass(slots=True)
class _Columns:
    """One entry a labelled line: a hundred thousand lines are two megabytes."""

    levels: "array[int]" = field(default_factory=lambda: array("b"))
    predicted: "array[int]" = field(default_factory=lambda: array("b"))
    scores: "array[float]" = field(default_factory=lambda: array("d"))

    def of(self, keep: Callable[[int], bool]) -> list[float]:
        """Return the scores of the lines whose true level is wanted."""
        return [score for level, score in zip(self.levels, self.scores, strict=True) if keep(level)]


class WatchedScreen:
    """The screen of production with a watch on each of its stages."""

    def __init__(
        self,
        screen: ScreenForCrisis,
        *,
        has_model: bool = False,
        production: Mapping[str, AssignedVariant] | None = None,
        timer: Timer = time.perf_counter,
    ) -> None:
        """Put the watch on.

        Args:
            screen: what is watched.
            has_model: whether the screen asks a model after its stages.
            production: the variants that are taken for production's, such as one that may become it.
            timer: the clock of the watch.
        """
        self._timer = timer
        self._production = dict(production or {})
        self.answered_by: Counter[str] = Counter()
        self.unanswered_calls = 0
        self.names = (*(name for name, _ in screen.stages), *((MODEL_SCREEN,) if has_model else ()))
        self.stage_times = {name: Times() for name in self.names}
        self.total_times = Times()
        self._screen = screen.with_stages([(name, self._timed(name, stage)) for name, stage in screen.stages])
        # Loading lexicon and weights is the cold start's time, not a message's.
        self({"text": "hello"})
        self.total_times = Times()
        for times in self.stage_times.values():
            times.clear()

    def __call__(self, line: Line) -> Screened | None:
        """Screen one line from a calm session; None when no stage answered."""
        request = ScreenRequest(
            message=line["text"],
            turn_id="evaluation",
            history=tuple(Utterance("user", text) for text in line.get("history") or ()),
            locale=line.get("locale") or DEFAULT_LOCALE,
            production=self._production,
        )
        started = self._timer()
        try:
            screened = self._screen(request)
        except ScreenError:
            return None
        finally:
            self.total_times.add((self._timer() - started) * 1000)
        if screened.model is not None and MODEL_SCREEN in self.stage_times:
            self.stage_times[MODEL_SCREEN].add(screened.model.ms)
            if screened.model.error is None:
                self.answered_by[screened.model.model_id] += 1
            else:
                self.unanswered_calls += 1
        return screened

    def _timed(self, name: str, stage: Stage) -> Stage:
        times = self.stage_times[name]

        def timed(case: ScreenCase) -> Verdict | None:
            started = self._timer()
            try:
                return stage(case)
            finally:
                times.add((self._timer() - started) * 1000)

        return timed


def wired_screen(
    settings: Settings, production: Mapping[str, AssignedVariant] | None = None
) -> WatchedScreen:
    """Return the screen as the screen function is wired, under a watch, with these production variants."""
    has_model = bootstrap.screening_model(settings, SystemClock()) is not None
    screen = bootstrap.screen_for_crisis(settings, ASSETS)
    return WatchedScreen(screen, has_model=has_model, production=production)


def flags(settings: Settings) -> Callable[[Line], bool]:
    """Return what says of a line whether the wired screen flags it."""
    screen = wired_screen(settings)

    def flagged(line: Line) -> bool:
        screened = screen(line)
        return screened is not None and screened.screen.screened_level >= RISK_LEVEL

    return flagged


class SafetyEvaluation:
    """Takes lines one by one; `summary` may be asked for at any time."""

    def __init__(self, screen: WatchedScreen) -> None:
        self._screen = screen
        self._names = screen.names
        self._columns = _Columns()
        self._lines = 0
        self._hard = _Group()
        self._groups: dict[str, dict[str, _Group]] = {"category": {}, "language": {}, "file": {}}
        self._counts = {name: _StageCounts() for name in self._names}
        self._rules: dict[str, _Group] = {}
        self._degraded: Counter[str] = Counter()
        self._degraded_lines = 0
        self._unanswered = 0

    def add(self, line: Line, source: str = "") -> Line:
        """Screen one checked line of the file `source`; returns it with what was found."""
        screened = self._screen(line)
        self._lines += 1
        known = {name: value for name, value in line.items() if name != "degraded"}
        if screened is None:
            self._unanswered += 1
            self._degraded.update(self._names)
            self._degraded_lines += 1
            self._note(line, source, 0, 0.0, ())
            return {**known, "predicted_level": 0, "score": 0.0, "stages": {}, "degraded": list(self._names)}
        result = screened.screen
        self._degraded.update(result.degraded)
        self._degraded_lines += bool(result.degraded)
        self._note(line, source, result.screened_level, result.score, result.stages)
        found = {
            "predicted_level": result.screened_level,
            "score": rounded(result.score),
            "stages": {name: _shown(verdict) for name, verdict in result.stages},
        }
        return {**known, **found, **({"degraded": list(result.degraded)} if result.degraded else {})}

    def summary(self) -> dict[str, Any]:
        """Return every figure; `docs/evaluation.md` explains the names."""
        columns = self._columns
        positive = columns.of(lambda level: level >= RISK_LEVEL)
        negative = columns.of(lambda level: level < RISK_LEVEL)
        area = auc(positive, negative)
        outcomes = [level >= RISK_LEVEL for level in columns.levels]
        return {
            "kind": "safety",
            "lines": self._lines,
            "labelled": len(columns.levels),
            "stages": list(self._names),
            "degraded": {
                "lines": self._degraded_lines,
                "unanswered": self._unanswered,
                "stages": {name: self._degraded[name] for name in self._names},
            },
            "figures": self._figures(),
            "auc": area.to_json() if area else None,
            "levels": [self._level(level) for level in range(LEVELS)],
            "thresholds": [self._threshold(level) for level in range(1, LEVELS)],
            "confusion": self._confusion(),
            "roc": roc(positive, negative),
            "scores": {
                name: histogram(columns.of(levels.__contains__))
                for name, levels in (("0-1", (0, 1)), ("2", (2,)), ("3-4", (3, 4)))
            },
            "calibration": calibration(columns.scores, outcomes),
            "contribution": [self._contribution(name) for name in self._names],
            "groups": {name: _worst_first(groups) for name, groups in self._groups.items()},
            "false_rules": self._false_rules(),
            "time_ms": {
                "total": self._screen.total_times.to_json(),
                **{name: times.to_json() for name, times in self._screen.stage_times.items()},
            },
        }

    def _note(
        self,
        line: Line,
        source: str,
        predicted: int,
        score: float,
        stages: Sequence[tuple[str, Verdict]],
    ) -> None:
        level = line.get("level")
        if level is None:
            return
        positive, flagged = level >= RISK_LEVEL, predicted >= RISK_LEVEL
        self._columns.levels.append(level)
        self._columns.predicted.append(predicted)
        self._columns.scores.append(score)
        category = line.get("category")
        if not positive and (category in HARD_NEGATIVES or (not category and level == 0)):
            self._hard.add(positive, flagged)
        for name, label in (("category", category), ("language", _language(line)), ("file", source)):
            _group(self._groups[name], label).add(positive, flagged)
        flagging = [name for name, verdict in stages if verdict.level >= RISK_LEVEL]
        for name, _ in stages:
            self._counts[name].answered += 1
        for name in flagging:
            counts = self._counts[name]
            counts.found += positive
            counts.alarms += not positive
            counts.only_found += positive and len(flagging) == 1
            counts.only_alarms += not positive and len(flagging) == 1
        if flagged:
            for rule_id in {rule for _, verdict in stages for rule in verdict.rule_ids}:
                _group(self._rules, rule_id).add(positive, flagged)

    def _count(self, true: Callable[[int], bool], predicted: Callable[[int], bool]) -> Rate:
        pairs = zip(self._columns.levels, self._columns.predicted, strict=True)
        hits = [predicted(found) for level, found in pairs if true(level)]
        return Rate(sum(hits), len(hits))

    def _figures(self) -> dict[str, Any]:
        rates = {
            "sensitivity": self._count(_at_least(RISK_LEVEL), _at_least(RISK_LEVEL)),
            "serious_sensitivity": self._count(_at_least(SERIOUS_LEVEL), _at_least(RISK_LEVEL)),
            "serious_as_serious": self._count(_at_least(SERIOUS_LEVEL), _at_least(SERIOUS_LEVEL)),
            "false_alarms": self._count(_below(RISK_LEVEL), _at_least(RISK_LEVEL)),
            "hard_negatives": Rate(self._hard.alarms, self._hard.negatives),
            "specificity": self._count(_below(RISK_LEVEL), _below(RISK_LEVEL)),
        }
        return {name: rate.to_json() for name, rate in rates.items()}

    def _level(self, level: int) -> dict[str, Any]:
        flagged = self._count(level.__eq__, _at_least(RISK_LEVEL))
        exact = self._count(level.__eq__, level.__eq__)
        return {
            "level": level,
            "n": flagged.of,
            "flagged": flagged.to_json(),
            "at_least": self._count(level.__eq__, _at_least(level)).to_json(),
            "exact": exact.to_json(),
        }

    def _threshold(self, level: int) -> dict[str, Any]:
        return {
            "level": level,
            "sensitivity": self._count(_at_least(level), _at_least(level)).to_json(),
            "specificity": self._count(_below(level), _below(level)).to_json(),
        }

    def _confusion(self) -> list[list[int]]:
        table = [[0] * LEVELS for _ in range(LEVELS)]
        for level, found in zip(self._columns.levels, self._columns.predicted, strict=True):
            table[level][found] += 1
        return table

    def _contribution(self, name: str) -> dict[str, Any]:
        counts = self._counts[name]
        positives = sum(level >= RISK_LEVEL for level in self._columns.levels)
        negatives = len(self._columns.levels) - positives
        return {
            "stage": name,
            "answered": Rate(counts.answered, len(self._columns.levels)).to_json(),
            "sensitivity": Rate(counts.found, positives).to_json(),
            "false_alarms": Rate(counts.alarms, negatives).to_json(),
            "only_found": Rate(counts.only_found, positives).to_json(),
            "only_false_alarms": Rate(counts.only_alarms, negatives).to_json(),
        }

    def _false_rules(self) -> list[dict[str, Any]]:
        falsely = [(rule_id, group) for rule_id, group in self._rules.items() if group.alarms]
        falsely.sort(key=lambda entry: (-entry[1].alarms, entry[0]))
        return [
            {"rule_id": rule_id, "false_alarms": group.alarms, "found": group.positives}
            for rule_id, group in falsely[:WORST_RULES]
        ]


def evaluate(lines: Iterable[Line], screen: WatchedScreen) -> tuple[list[Line], dict[str, Any]]:
    """Return the predictions of checked lines, in their order, and the summary."""
    evaluation = SafetyEvaluation(screen)
    return [evaluation.add(line) for line in lines], evaluation.summary()


def _shown(verdict: Verdict) -> dict[str, Any]:
    score = {} if verdict.score is None else {"score": rounded(verdict.score)}
    rule_ids = {"rule_ids": list(verdict.rule_ids)} if verdict.rule_ids else {}
    return {"level": verdict.level, **score, **rule_ids}


def _group(groups: dict[str, _Group], label: str | None) -> _Group:
    """Return the group of a label; long or endless labels share one, for they may be texts."""
    name = label or UNSTATED
    if len(name) > LONGEST_NAME or (name not in groups and len(groups) >= MOST_GROUPS):
        name = OTHER
    return groups.setdefault(name, _Group())


def _worst_first(groups: dict[str, _Group]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "n": group.positives + group.negatives,
            "missed": Rate(group.missed, group.positives).to_json(),
            "false_alarms": Rate(group.alarms, group.negatives).to_json(),
            "wrong": Rate(group.missed + group.alarms, group.positives + group.negatives).to_json(),
        }
        for name, group in groups.items()
    ]
    # By what is surely wrong: one miss of one message is less to go on than ten of fifty.
    rows.sort(key=lambda row: (-row["wrong"]["low"], -row["wrong"]["value"], row["name"]))
    return rows


def _language(line: Line) -> str:
    language = (line.get("locale") or "").replace("_", "-").split("-")[0].lower()
    return language if len(language) <= LONGEST_LANGUAGE else OTHER


def _at_least(level: int) -> Callable[[int], bool]:
    return lambda found: found >= level


def _below(level: int) -> Callable[[int], bool]:
    return lambda found: found < level
