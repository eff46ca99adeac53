"""A summary as tables of short texts: the terminal and the report print the same ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Summary = Mapping[str, Any]

NONE: Final = "–"

FIGURES: Final[Mapping[str, Mapping[str, str]]] = {
    "safety": {
        "sensitivity": "Risk (level 2-4) that is flagged",
        "serious_sensitivity": "Level 3-4 that is flagged at all",
        "serious_as_serious": "Level 3-4 that is answered as 3 or more",
        "false_alarms": "Calm (level 0-1) that is flagged",
        "hard_negatives": "Hard negatives that are flagged",
        "specificity": "Calm (level 0-1) that is left alone",
    },
    "injection": {
        "recall": "Attacks that are blocked",
        "false_alarms": "Harmless messages that are blocked",
        "precision": "Blocked messages that are attacks",
        "patterns_recall": "Attacks that patterns block",
        "patterns_false_alarms": "Harmless messages that patterns block",
        "learned_recall": "Attacks that the learned part blocks",
        "learned_false_alarms": "Harmless messages that it blocks",
    },
    "pii": {
        "recall": "Spans that are found to the character",
        "precision": "Found spans that are right to the character",
        "overlap_recall": "Spans that are met, with their type",
        "overlap_precision": "Found spans that meet one of their type",
        "untyped_recall": "Spans that are met, whatever the type",
        "untyped_precision": "Found spans that meet any",
        "false_alarms": "Messages without any in which some is found",
    },
    "turn-class": {
        "accuracy": "Turn class that is right",
        "intent_accuracy": "Intent that is right",
        "bypass": "Answered without a model",
        "templates": "Answered from a template",
        "clarify": "Asked what is meant",
        "wrong_templates": "Templates for another turn class",
    },
    "prompts": {
        "intent_accuracy": "Turn class that is detected",
        "crisis_sensitivity": "Risk that is flagged",
        "crisis_false_alarms": "Calm that is flagged",
        "answered": "Answered by the provider itself",
        "guard_pass": "First drafts that may be served",
        "served": "The same, after a second attempt",
        "prohibited": "First drafts with prohibited content",
        "mirroring": "Mirroring: a phrase comes back",
        "language": "In the person's language",
    },
}
"""What is printed of each kind's figures, and how it is called there."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are printed. The first column names the row, all others are figures."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def tables(summary: Summary) -> list[Table]:
    """Return a table for everything that the summary has, in the order in which one reads them."""
    makers: tuple[Callable[[Summary], list[Table]], ...] = (
        _gates, _figures, _prompts, _names, _levels, _thresholds, _confusion, _contribution, _groups,
        _mutations, _false_rules, _calibration, _times,
    )  # fmt: skip
    return [table for make in makers for table in make(summary) if table.rows]


def share(value: float | None) -> str:
    """Return a proportion in per cent, as exact as a reader needs it."""
    return NONE if value is None else f"{value * 100:.1f} %"


def interval(rate: Mapping[str, Any]) -> str:
    """Return the 95 % interval of a rate in per cent."""
    return NONE if rate.get("low") is None else f"{rate['low'] * 100:.1f} – {rate['high'] * 100:.1f} %"


def counted(rate: Mapping[str, Any]) -> str:
    """Return hits and trials."""
    return f"{rate['count']:,} of {rate['of']:,}"


def decimal(value: float | None, digits: int = 3) -> str:
    """Return a figure that is no proportion."""
    return NONE if value is None else f"{value:.{digits}f}"


def milliseconds(value: float | None) -> str:
    """Return a time in milliseconds with three figures that say something."""
    if value is None:
        return NONE
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def titles(summary: Summary) -> Mapping[str, str]:
    """Return the figures that are printed of a summary, in their order, with what they are called."""
    there = summary.get("figures", {})
    return {name: title for name, title in FIGURES.get(summary.get("kind", ""), {}).items() if name in there}


def _gates(summary: Summary) -> list[Table]:
    signs = {"at_least": "≥", "at_most": "≤"}
    rows = tuple(
        (
            f"{gate['file']}: {gate['figure']}",
            NONE if gate["value"] is None else f"{gate['value']:.4g}",
            f"{signs[gate['bound']]} {gate['limit']:.4g}",
            "kept" if gate["kept"] else "BROKEN",
        )
        for gate in summary.get("gates", ())
    )
    return [Table("Gates", ("gate", "value", "limit", "verdict"), rows)]


def _figures(summary: Summary) -> list[Table]:
    rows = [(title, *_rate_cells(summary["figures"][name])) for name, title in titles(summary).items()]
    area = summary.get("auc")
    if area:
        edges = NONE if area["low"] is None else f"{area['low']:.3f} – {area['high']:.3f}"
        rows.append(("Area under the ROC curve", decimal(area["value"]), edges, ""))
    if summary.get("macro_f1") is not None:
        rows.append(("Macro F1 over turn classes", decimal(summary["macro_f1"]), "", ""))
    if summary.get("intent_macro_f1") is not None:
        rows.append(("Macro F1 over intents", decimal(summary["intent_macro_f1"]), "", ""))
    calibrated = summary.get("calibration") or {}
    if calibrated.get("ece") is not None:
        rows.append(("Expected calibration error", decimal(calibrated["ece"]), "", ""))
        rows.append(("Brier score", decimal(calibrated["brier"]), "", ""))
    return [Table("Figures", ("figure", "value", "95 % interval", "count"), tuple(rows))]


def _rate_cells(rate: Mapping[str, Any]) -> tuple[str, str, str]:
    return share(rate["value"]), interval(rate), counted(rate)


def _names(summary: Summary) -> list[Table]:
    columns = ("name", "n", "precision", "recall", "F1")
    return [
        Table(
            title,
            columns,
            tuple(
                (
                    str(row["name"]),
                    f"{row['n']:,}",
                    share(row["precision"]["value"]),
                    share(row["recall"]["value"]),
                    decimal(row["f1"]),
                )
                for row in summary.get(key, ())
                if row["n"]
            ),
        )
        for key, title in (("per_class", "By turn class"), ("per_intent", "By intent"))
    ] + [
        Table(
            "By category, weakest first",
            ("name", "n", "wrong", "95 % interval"),
            tuple(
                (str(row["name"]), f"{row['n']:,}", share(row["wrong"]["value"]), interval(row["wrong"]))
                for row in summary.get("by_category", ())
            ),
            "Ordered by the lower end of the interval: what is surely wrong comes first.",
        )
    ]


def _prompts(summary: Summary) -> list[Table]:
    if summary.get("kind") != "prompts":
        return []
    rows = tuple(
        (
            str(row["name"]),
            counted(row["guard_pass"]),
            share(row["guard_pass"]["value"]),
            share(row["served"]["value"]),
            decimal(row["score"]),
        )
        for row in summary["by_class"]
    )
    lengths = (
        (
            f"Mean length against {summary['length_baseline']}",
            NONE if summary["length_drift"] is None else share(summary["length_drift"]),
            NONE if summary["mean_characters"] is None else f"{summary['mean_characters']:.0f}",
        ),
    )
    failures = tuple((row["name"], f"{row['count']:,}") for row in summary["failures"])
    return [
        Table("By turn class", ("class", "first drafts", "pass", "after a second", "mean score"), rows),
        Table("Length", ("figure", "drift", "mean characters"), lengths),
        Table("Why first drafts fail", ("code", "drafts"), failures),
    ]


def _levels(summary: Summary) -> list[Table]:
    rows = tuple(
        (
            str(row["level"]),
            f"{row['n']:,}",
            share(row["flagged"]["value"]),
            interval(row["flagged"]),
            share(row["at_least"]["value"]),
            share(row["exact"]["value"]),
        )
        for row in summary.get("levels", ())
    )
    columns = ("true level", "n", "flagged", "95 % interval", "at this level or above", "exactly")
    return [Table("By level", columns, rows, "Flagged: predicted level 2 or more.")]


def _thresholds(summary: Summary) -> list[Table]:
    rows = tuple(
        (
            f"≥ {row['level']}",
            share(row["sensitivity"]["value"]),
            interval(row["sensitivity"]),
            share(row["specificity"]["value"]),
            interval(row["specificity"]),
        )
        for row in summary.get("thresholds", ())
    )
    columns = ("level", "sensitivity", "95 % interval", "specificity", "95 % interval")
    note = "Truth and prediction are both cut at the level."
    return [Table("Sensitivity and specificity at each level", columns, rows, note)]


def _confusion(summary: Summary) -> list[Table]:
    matrix = summary.get("confusion", ())
    names = summary.get("classes") or [str(place) for place in range(len(matrix))]
    rows = tuple(
        (str(name), *(f"{count:,}" for count in row)) for name, row in zip(names, matrix, strict=True)
    )
    columns = ("true \\ predicted", *(str(name) for name in names))
    return [Table("Confusion", columns, rows, "Rows are the truth, columns what was predicted.")]


def _contribution(summary: Summary) -> list[Table]:
    rows = tuple(
        (
            str(row["stage"]),
            share(row["answered"]["value"]),
            share(row["sensitivity"]["value"]),
            share(row["false_alarms"]["value"]),
            f"{row['only_found']['count']:,}",
            f"{row['only_false_alarms']['count']:,}",
        )
        for row in summary.get("contribution", ())
    )
    columns = ("stage", "answers", "finds", "falsely flags", "only it finds", "only it falsely flags")
    note = "Shares of risk and of calm that a stage flags by itself; the last two columns count messages."
    return [Table("What each stage adds", columns, rows, note)]


def _groups(summary: Summary) -> list[Table]:
    return [
        Table(
            f"By {name}, weakest first",
            ("name", "n", "missed", "falsely flagged", "wrong", "95 % interval"),
            tuple(
                (
                    str(row["name"]),
                    f"{row['n']:,}",
                    _of(row["missed"]),
                    _of(row["false_alarms"]),
                    share(row["wrong"]["value"]),
                    interval(row["wrong"]),
                )
                for row in rows
            ),
            "Ordered by the lower end of the interval: what is surely wrong comes first.",
        )
        for name, rows in summary.get("groups", {}).items()
        if len(rows) > 1 or name != "file"
    ]


def _mutations(summary: Summary) -> list[Table]:
    rows = tuple(
        (
            str(row["name"]).replace("_", " "),
            f"{row['after']['of']:,}",
            share(row["before"]["value"]),
            share(row["after"]["value"]),
            interval(row["after"]),
            NONE if row["fall"] is None else _points(-row["fall"]),
        )
        for row in summary.get("mutations", ())
    )
    columns = ("mutation", "n", "found before", "found after", "95 % interval", "points")
    note = "Risk as people mistype and disguise it; split: sent as two messages. Of the messages that change."
    return [Table("Under mutation", columns, rows, note)]


def _false_rules(summary: Summary) -> list[Table]:
    rows = tuple(
        (str(row["rule_id"]), f"{row['false_alarms']:,}", f"{row['found']:,}")
        for row in summary.get("false_rules", ())
    )
    return [Table("Rules behind false alarms", ("rule", "false alarms", "risk found"), rows)]


def _calibration(summary: Summary) -> list[Table]:
    rows = tuple(
        (
            f"{row['from']:.1f} – {row['to']:.1f}",
            f"{row['of']:,}",
            decimal(row["mean_score"]),
            decimal(row["value"]),
            NONE if row["low"] is None else f"{row['low']:.3f} – {row['high']:.3f}",
        )
        for row in (summary.get("calibration") or {}).get("bins", ())
        if row["of"]
    )
    columns = ("score", "n", "mean score", "rate", "95 % interval")
    return [
        Table("Calibration", columns, rows, "Rate: how many of the messages with such a score are positive.")
    ]


def _times(summary: Summary) -> list[Table]:
    rows: Sequence[tuple[str, ...]] = tuple(
        (name, f"{times['n']:,}", *(milliseconds(times.get(key)) for key in ("p50", "p99", "max", "mean")))
        for name, times in summary.get("time_ms", {}).items()
    )
    columns = ("stage", "n", "p50", "p99", "max", "mean")
    return [Table("Time per message, in milliseconds", columns, tuple(rows))]


def _points(change: float) -> str:
    # Rounded first: a minus before nothing would look like a loss.
    return f"{round(change * 100, 1) + 0.0:+.1f}"


def _of(rate: Mapping[str, Any]) -> str:
    return NONE if not rate["of"] else f"{rate['count']:,}/{rate['of']:,}"
