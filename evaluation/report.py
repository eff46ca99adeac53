"""A summary as one HTML page: no script, nothing fetched, readable on a phone, in the dark and on paper.

The page is made of the summary alone, which holds no text of a person, so neither does the page.
"""

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from evaluation import plots
from evaluation.tables import NONE, Table, counted, interval, share, tables, titles

Summary = Mapping[str, Any]

STYLE: Final = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
CLASSES: Final = {("injection", "0"): "harmless", ("injection", "1"): "attack"}
"""What the classes of scores are called; those of the screen are levels."""
TILES: Final = (
    *("sensitivity", "serious_sensitivity", "recall", "precision", "overlap_recall"),
    *("false_alarms", "hard_negatives", "accuracy", "intent_accuracy", "bypass", "clarify"),
)


def html(title: str, summary: Summary) -> str:
    """Return the page."""
    heading = escape(f"{title}: evaluation")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{heading}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<header>\n<h1>{heading}</h1>\n{_facts(summary)}</header>\n"
        f"{_tiles(summary)}{_pictures(summary)}{_tables(summary)}"
        "<footer><p>Intervals are 95 % score intervals (Wilson); that of the area is DeLong's, on the logit. "
        "No message is quoted in this report. The figures describe these files and nobody else's messages; "
        "docs/evaluation.md tells what each of them means.</p></footer>\n"
        "</main>\n</body>\n</html>\n"
    )


def _facts(summary: Summary) -> str:
    labelled = summary.get("labelled", summary.get("lines", 0))
    facts = {
        "Messages": f"{summary.get('lines', 0):,}, of them {labelled:,} labelled",
        "Stages": ", ".join(summary.get("stages", ())),
        "Language model": str(summary.get("model", "")),
        "Degraded": _degraded(summary),
        "Made": str(summary.get("made_at", "")).replace("T", " ").replace("+00:00", " UTC"),
    }
    rows = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items() if value
    )
    data = "".join(
        f"<li>{escape(file['name'])}: {file['lines']:,} lines, "
        f'<code title="{file["sha256"]}">sha256 {file["sha256"][:12]}…</code></li>'
        for file in summary.get("data", ())
    )
    return f'<dl class="facts">{rows}<div><dt>Data</dt><dd><ul>{data}</ul></dd></div></dl>\n'


def _degraded(summary: Summary) -> str:
    degraded = summary.get("degraded") or {}
    if not degraded.get("lines"):
        return "none" if degraded else ""
    failed = ", ".join(f"{name} {count:,} times" for name, count in degraded["stages"].items() if count)
    return f"{degraded['lines']:,} messages ({failed}); {degraded['unanswered']:,} without any answer"


def _tiles(summary: Summary) -> str:
    figures, named = summary.get("figures", {}), titles(summary)
    parts = [
        f'<div class="tile"><h3>{escape(named[name])}</h3>'
        f'<p class="value">{share(figures[name]["value"])}</p>{plots.interval_strip(figures[name])}'
        f"<p>{interval(figures[name])}<br>{counted(figures[name])}</p></div>"
        for name in TILES
        if name in named and figures[name]["value"] is not None
    ]
    area = summary.get("auc")
    if area:
        edges = NONE if area["low"] is None else f"{area['low']:.3f} – {area['high']:.3f}"
        parts.append(
            '<div class="tile"><h3>Area under the ROC curve</h3>'
            f'<p class="value">{area["value"]:.3f}</p>{plots.interval_strip(area)}<p>{edges}</p></div>'
        )
    if not parts:
        return "<p>No line has a label: there are times, but no figures.</p>\n"
    return f'<section class="tiles" aria-label="Main figures">{"".join(parts)}</section>\n'


def _pictures(summary: Summary) -> str:
    figures = summary.get("figures", {})
    matrix = summary.get("confusion") or []
    bins = (summary.get("calibration") or {}).get("bins", [])
    binned = sum(row["of"] for row in bins)
    classes = {
        CLASSES.get((summary.get("kind", ""), name), f"level {name}"): counts
        for name, counts in (summary.get("scores") or {}).items()
        if sum(counts)
    }
    pictures = []
    found, alarms = figures.get("sensitivity"), figures.get("false_alarms")
    if summary.get("roc") and found and alarms:
        curve = plots.roc_curve(summary["roc"], summary["auc"], (alarms["value"], found["value"]))
        words = (
            "How sensitivity and false alarms trade when the score alone decides. The verdict may lie off "
            "the curve: stages decide levels by more than their scores."
        )
        pictures.append(_figure("ROC curve", curve, words))
    if classes:
        words = (
            "Each row has its own scale. What is to be found and lies at the left edge is not seen at all."
        )
        pictures.append(_figure("Scores by true class", plots.score_histogram(classes), words))
    if binned:
        words = (
            "On the diagonal a score is a probability. Lines are 95 % intervals; larger dots, more messages."
        )
        pictures.append(_figure("Calibration", plots.reliability(bins, binned), words))
    if any(map(sum, matrix)):
        names = [str(name) for name in summary.get("classes") or range(len(matrix))]
        words = "Shares are of a row. Blue is right; what is orange left of the diagonal was rated too low."
        pictures.append(_figure("Confusion", plots.heat_map(matrix, names), words))
    if binned and summary.get("contribution"):
        words = (
            "Blue: risk that the stage flags by itself; orange: calm that it flags. The strong part is "
            "flagged by no other stage. A stage that is asked only if others found nothing shows too little."
        )
        pictures.append(
            _figure("What each stage adds", plots.contribution_bars(summary["contribution"]), words)
        )
    times = summary.get("time_ms", {})
    if any(row["n"] for row in times.values()):
        words = "Measured warm, on the machine that made this report. The scale is logarithmic."
        pictures.append(_figure("Time per message", plots.time_boxes(times), words))
    return f'<section class="pictures" aria-label="Plots">{"".join(pictures)}</section>\n' if pictures else ""


def _figure(title: str, picture: str, words: str) -> str:
    return f"<figure><h2>{escape(title)}</h2>{picture}<figcaption>{escape(words)}</figcaption></figure>\n"


def _tables(summary: Summary) -> str:
    return "".join(_table(table) for table in tables(summary))


def _table(table: Table) -> str:
    identity = re.sub(r"[^a-z]+", "-", table.title.lower()).strip("-")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.columns)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td{_mark(cell)}>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>\n"
        for row in table.rows
    )
    note = f"<p>{escape(table.note)}</p>" if table.note else ""
    # The box scrolls by itself on narrow screens, so it has to be reachable by keyboard.
    inner = (
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{identity}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>"
    )
    return f'<section class="figures"><h2 id="{identity}">{escape(table.title)}</h2>{inner}{note}</section>\n'


def _mark(cell: str) -> str:
    return ' class="broken"' if cell == "BROKEN" else ""
