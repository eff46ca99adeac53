"""Plots as inline SVG: no library, no script, colours by class for one style sheet in light, dark and print.

Every plot is a picture with a title and a description for those who cannot see it; the figures themselves
stand in the report's tables.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from silent_infinity.domain.svg import WIDTH, bar, line, svg, text

LEFT: Final = 52
RIGHT: Final = 16
TOP: Final = 14
FOOT: Final = 46
LABELS: Final = 92
WORDS: Final = 152
"""Widths of the columns of names and of figures, where rows have some."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A plotting area; `x` and `y` take values from 0 to 1."""

    height: int
    left: int = LEFT
    right: int = RIGHT

    def x(self, value: float) -> float:
        """Return the place of a value from the left."""
        return round(self.left + value * (WIDTH - self.left - self.right), 1)

    def y(self, value: float) -> float:
        """Return the place of a value from the top; values grow upwards."""
        return round(self.height - FOOT - value * (self.height - FOOT - TOP), 1)


def _square(frame: Frame, across: str, up: str) -> list[str]:
    """Grid and labels of an area from 0 to 1 both ways."""
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(line(frame.x(0), frame.y(tick), frame.x(1), frame.y(tick), "grid"))
        parts.append(line(frame.x(tick), frame.y(0), frame.x(tick), frame.y(1), "grid"))
        parts.append(text(frame.x(0) - 7, frame.y(tick) + 4, f"{tick:g}", "tick", "end"))
        parts.append(text(frame.x(tick), frame.y(0) + 17, f"{tick:g}", "tick", "middle"))
    parts.append(text(frame.x(0.5), frame.height - 6, across, "axis", "middle"))
    middle = frame.y(0.5)
    parts.append(
        f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle" class="axis">'
        f"{escape(up)}</text>"
    )
    return parts


def roc_curve(
    points: Sequence[Sequence[float]], area: Mapping[str, Any], works_at: tuple[float, float]
) -> str:
    """Return the curve of scores, and the point at which the verdict works."""
    frame = Frame(400)
    path = " ".join(f"{frame.x(alarms)},{frame.y(found)}" for alarms, found, *_ in points)
    x, y = frame.x(works_at[0]), frame.y(works_at[1])
    name = f"verdict: {works_at[1] * 100:.1f} % found, {works_at[0] * 100:.1f} % falsely"
    parts = [
        *_square(frame, "false alarm rate", "sensitivity"),
        line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), "chance"),
        f'<polygon points="{path} {frame.x(1)},{frame.y(0)} {frame.x(0)},{frame.y(0)}" class="under"/>',
        f'<polyline points="{path}" class="curve"/>',
        f'<circle cx="{x}" cy="{y}" r="5.5" class="works"><title>{escape(name)}</title></circle>',
        text(frame.x(0.97), frame.y(0.16), f"area {area['value']:.3f}", "strong", "end"),
        f'<circle cx="{frame.x(0.97) - 4}" cy="{frame.y(0.075) - 4}" r="5.5" class="works"/>',
        text(frame.x(0.97) - 16, frame.y(0.075), "where the verdict works", "label", "end"),
    ]
    description = f"area {area['value']:.3f}; {name}"
    return svg(frame.height, "ROC curve", description, parts)


def score_histogram(classes: Mapping[str, Sequence[int]]) -> str:
    """Return the distribution of scores, one row for each class, each on its own scale."""
    row, gap = 92, 18
    height = len(classes) * (row + gap) + FOOT
    frame = Frame(height, LABELS)
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(line(frame.x(tick), TOP, frame.x(tick), frame.y(0), "grid"))
        parts.append(text(frame.x(tick), frame.y(0) + 17, f"{tick:g}", "tick", "middle"))
    described = []
    for place, (name, counts) in enumerate(classes.items()):
        total = sum(counts)
        base = TOP + (place + 1) * (row + gap) - gap
        parts.append(text(0, base - row / 2 - 4, name, "strong"))
        parts.append(text(0, base - row / 2 + 13, f"n {total:,}", "tick"))
        width = frame.x(1 / len(counts)) - frame.x(0)
        for number, count in enumerate(counts):
            if count:
                tall = max(1.5, row * count / max(counts))
                edges = f"{number / len(counts):.2f} – {(number + 1) / len(counts):.2f}"
                tip = f"{name}, score {edges}: {count:,} ({count / total * 100:.1f} %)"
                x = frame.x(number / len(counts)) + 1
                parts.append(bar(x, base - tall, width - 2, tall, f"class{place}", tip))
        parts.append(line(frame.x(0), base, frame.x(1), base, "edge"))
        described.append(f"{name}: {total} messages")
    parts.append(text(frame.x(0.5), height - 6, "score", "axis", "middle"))
    return svg(height, "Scores by true class", "; ".join(described), parts)


def reliability(bins: Sequence[Mapping[str, Any]], total: int) -> str:
    """Return rate against mean score, with intervals; dots grow with the messages behind them."""
    frame = Frame(400)
    parts = [
        *_square(frame, "mean score", "rate"),
        line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), "chance"),
    ]
    filled = [row for row in bins if row["of"]]
    for row in filled:
        x = frame.x(row["mean_score"])
        parts.append(line(x, frame.y(row["low"]), x, frame.y(row["high"]), "whisker"))
    for row in filled:
        x = frame.x(row["mean_score"])
        size = round(3 + 9 * math.sqrt(row["of"] / total), 1)
        tip = f"score {row['mean_score']:.2f}: {row['value'] * 100:.1f} % of {row['of']:,}"
        parts.append(
            f'<circle cx="{x}" cy="{frame.y(row["value"])}" r="{size}" class="dot">'
            f"<title>{escape(tip)}</title></circle>"
        )
    described = "; ".join(f"score {row['mean_score']:.2f}, rate {row['value']:.2f}" for row in filled)
    return svg(frame.height, "Calibration", described, parts)


def heat_map(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Return the confusion table; the shade is a cell's share of its row."""
    size, left, top = (WIDTH - LABELS - RIGHT) / len(names), LABELS, 44
    height = round(top + size * 0.72 * len(names) + 8)
    parts = [
        text(left + size * len(names) / 2, 13, "predicted", "axis", "middle"),
        text(0, 34, "true", "axis"),
    ]
    for place, name in enumerate(names):
        parts.append(text(round(left + size * (place + 0.5), 1), 34, name, "strong", "middle"))
    for number, row in enumerate(matrix):
        y = top + number * size * 0.72
        of = sum(row)
        parts.append(text(0, round(y + size * 0.36 - 2, 1), names[number], "strong"))
        parts.append(text(0, round(y + size * 0.36 + 13, 1), f"n {of:,}", "tick"))
        for place, count in enumerate(row):
            share = count / of if of else 0
            kind = "right" if place == number else "wrong"
            tip = f"true {names[number]}, predicted {names[place]}: {count:,} ({share * 100:.1f} %)"
            x = left + place * size
            shade = f' style="fill-opacity:{0.08 + 0.92 * share:.2f}"' if count else ""
            parts.append(
                bar(x + 1, y + 1, size - 2, size * 0.72 - 2, f"cell {kind if count else ''}", tip, shade)
            )
            middle_x, middle_y = round(x + size / 2, 1), round(y + size * 0.36, 1)
            tone = "on" if share > 0.7 else "off" if count else "nothing"
            parts.append(text(middle_x, middle_y + 1, f"{count:,}", f"count {tone}", "middle"))
            if count:
                parts.append(text(middle_x, middle_y + 16, f"{share * 100:.0f} %", f"share {tone}", "middle"))
    described = "; ".join(
        f"true {name}: {', '.join(f'{count} as {names[place]}' for place, count in enumerate(row) if count)}"
        for name, row in zip(names, matrix, strict=True)
    )
    return svg(height, "Confusion", described, parts)


def contribution_bars(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return for each stage what it finds and falsely flags; the strong part is what no other stage flags."""
    tall, gap, block = 17, 5, 62
    height = TOP + len(rows) * block + FOOT
    # The figures get a column of their own: on the bars they would be dark on dark.
    frame = Frame(height, LABELS + 12, WORDS)
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(line(frame.x(tick), TOP - 6, frame.x(tick), frame.y(0), "grid"))
        if tick * 2 == int(tick * 2):
            parts.append(text(frame.x(tick), frame.y(0) + 17, f"{tick * 100:g} %", "tick", "middle"))
    described = []
    for place, row in enumerate(rows):
        y = TOP + place * block + 4
        parts.append(text(0, y + tall + gap / 2 + 4, str(row["stage"]), "strong"))
        for offset, key, only, kind in (
            (0, "sensitivity", "only_found", "found"),
            (tall + gap, "false_alarms", "only_false_alarms", "alarm"),
        ):
            value, alone = row[key]["value"] or 0.0, row[only]["value"] or 0.0
            tip = f"{row['stage']}, {kind}: {value * 100:.1f} %, only it: {alone * 100:.1f} %"
            start = frame.x(0)
            parts.append(bar(start, y + offset, frame.x(value) - start, tall, f"{kind} pale", tip))
            parts.append(bar(start, y + offset, frame.x(alone) - start, tall, kind, tip))
            words = f"{value * 100:.1f} %" + (f", only it {alone * 100:.1f} %" if alone else "")
            parts.append(text(frame.x(1) + 8, y + offset + 13, words, "label"))
            described.append(tip)
    parts.append(
        text(WIDTH / 2, height - 6, "share of risk found, and of calm falsely flagged", "axis", "middle")
    )
    return svg(height, "What each stage adds", "; ".join(described), parts)


def time_boxes(times: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the spread of each stage's time: box p25-p75, line to p99, dot at the slowest; logarithmic."""
    shown = {name: row for name, row in times.items() if row["n"]}
    least = math.floor(math.log10(max(1e-3, min(row["min"] for row in shown.values()))))
    most = math.ceil(math.log10(max(0.01, *(row["max"] for row in shown.values()))))
    block = 46
    height = TOP + len(shown) * block + FOOT
    frame = Frame(height, LABELS + 12)

    def x(milliseconds: float) -> float:
        place = (math.log10(max(milliseconds, 10.0**least)) - least) / max(1, most - least)
        return frame.x(min(1.0, place))

    parts = []
    for power in range(least, most + 1):
        at = 10.0**power
        parts.append(line(x(at), TOP - 6, x(at), frame.y(0), "grid"))
        parts.append(text(x(at), frame.y(0) + 17, f"{at:g}", "tick", "middle"))
    described = []
    for place, (name, row) in enumerate(shown.items()):
        y = TOP + place * block + 4
        middle = y + 11
        tip = ", ".join(f"{key} {row[key]:.3g} ms" for key in ("p50", "p99", "max"))
        parts.append(text(0, middle + 4, name, "strong"))
        parts.append(line(x(row["min"]), middle, x(row["p99"]), middle, "whisker"))
        parts.append(line(x(row["p99"]), middle - 7, x(row["p99"]), middle + 7, "whisker"))
        parts.append(
            bar(x(row["p25"]), y, max(2, x(row["p75"]) - x(row["p25"])), 22, "box", f"{name}: {tip}")
        )
        parts.append(line(x(row["p50"]), y, x(row["p50"]), y + 22, "median"))
        parts.append(
            f'<circle cx="{x(row["max"])}" cy="{middle}" r="3.5" class="most"><title>{tip}</title></circle>'
        )
        described.append(f"{name}: {tip}")
    parts.append(
        text(
            frame.x(0.5),
            height - 6,
            "milliseconds (box: middle half; bar: p99; dot: slowest)",
            "axis",
            "middle",
        )
    )
    return svg(height, "Time per message", "; ".join(described), parts)


def interval_strip(rate: Mapping[str, Any]) -> str:
    """Return a thin scale from 0 to 1 with the interval and the value on it."""
    if rate.get("value") is None:
        return ""
    low = rate["low"] if rate["low"] is not None else rate["value"]
    high = rate["high"] if rate["high"] is not None else rate["value"]
    left, wide = f"{low * 100:.1f}", f"{max(0.6, (high - low) * 100):.1f}"
    mark = f"{min(99.0, max(0.0, rate['value'] * 100 - 0.5)):.1f}"
    return (
        '<svg viewBox="0 0 100 8" class="strip" aria-hidden="true" preserveAspectRatio="none">'
        '<rect x="0" y="3" width="100" height="2" class="rail"/>'
        f'<rect x="{left}" y="1.5" width="{wide}" height="5" class="span"/>'
        f'<rect x="{mark}" y="0" width="1" height="8" class="mark"/></svg>'
    )
