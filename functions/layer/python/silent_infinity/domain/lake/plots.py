"""Pictures of the lake's figures, as inline SVG.

The figures themselves stand in tables beside them; a picture's description names what it shows.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from silent_infinity.domain.svg import WIDTH, bar, line, svg, text

WIDE: Final = 2 * WIDTH
"""Units across of a picture that stands alone."""

_ROW: Final = 26
_NAMES: Final = 150
_FIGURES: Final = 74
_MOST_SHOWN: Final = 0.5
"""Differences beyond this share of production are cut off, with an arrow head."""

Show = Callable[[float], str]
"""A figure as text."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A relative difference and its interval. `good` says whether it is for the better; None: neither."""

    name: str
    low: float
    middle: float
    high: float
    good: bool | None


def trend(title: str, points: Sequence[tuple[date, float | None]], show: Show, marked: int = 7) -> str:
    """Return a line over days, the last `marked` of them on a ground of their own; days without figures are
    gaps.
    """
    height, left, right, top, foot = 130, 62, 8, 8, 20
    known = [value for _, value in points if value is not None]
    if not known:
        return svg(height, title, "no figures", [text(WIDTH / 2, height / 2, "no figures", "tick", "middle")])
    low, high = _range(known)
    across = (WIDTH - left - right) / max(1, len(points) - 1)

    def x(place: float) -> float:
        return round(left + place * across, 1)

    def y(value: float) -> float:
        return round(height - foot - (value - low) / (high - low) * (height - foot - top), 1)

    first_marked = len(points) - marked
    parts = [bar(x(first_marked - 0.5), top, (marked - 0.5) * across, height - foot - top, "marked")]
    for value in (low, (low + high) / 2, high):
        parts.append(line(left, y(value), WIDTH - right, y(value), "grid"))
        parts.append(text(left - 6, y(value) + 4, show(value), "tick", "end"))
    for run in _runs(points):
        if len(run) == 1:
            parts.append(f'<circle cx="{x(run[0][0])}" cy="{y(run[0][1])}" r="2" class="point"/>')
        path = " ".join(f"{x(place)},{y(value)}" for place, value in run)
        parts.append(f'<polyline points="{path}" class="curve"/>')
    parts += [
        text(x(place), height - 5, f"{points[place][0]:%-d %b}", "tick", "middle" if place else "start")
        for place in range(0, len(points), 14)
    ]
    return svg(height, title, f"from {show(min(known))} to {show(max(known))}", parts)


def stacked_days(
    title: str,
    days: Sequence[date],
    values: Mapping[date, Mapping[str, float]],
    names: Sequence[str],
    show: Show,
) -> str:
    """Return a bar for each day, made of the parts that `names` lists, the first at the bottom."""
    height, left, right, top, foot = 240, 58, 10, 34, 24
    totals = [math.fsum(values.get(day, {}).values()) for day in days]
    high = _nice(max(totals, default=0))
    across = (WIDE - left - right) / max(1, len(days))

    def y(value: float) -> float:
        return round(height - foot - value / high * (height - foot - top), 1)

    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(line(left, y(share * high), WIDE - right, y(share * high), "grid"))
        parts.append(text(left - 8, y(share * high) + 4, show(share * high), "tick", "end"))
    for place, day in enumerate(days):
        base = 0.0
        for number, name in enumerate(names):
            value = values.get(day, {}).get(name, 0)
            if value > 0:
                tip = f"{day:%a %-d %b}, {name}: {show(value)}"
                parts.append(
                    bar(
                        left + place * across + 1,
                        y(base + value),
                        across - 2,
                        y(base) - y(base + value),
                        f"part{number % 8}",
                        tip,
                    )
                )
                base += value
        if day.weekday() == 0:
            parts.append(text(round(left + place * across, 1), height - 7, f"{day:%-d %b}", "tick"))
    for number, name in enumerate(names):
        parts.append(bar(left + number * 96, 6, 11, 11, f"part{number % 8}"))
        parts.append(text(left + number * 96 + 17, 16, name, "label"))
    described = f"{show(math.fsum(totals))} in {len(days)} days, at most {show(max(totals, default=0))} a day"
    return svg(height, title, described, parts, WIDE)


def dumbbells(title: str, rows: Sequence[tuple[str, float, float]]) -> str:
    """Return one row for each name with its share before (hollow) and now (filled)."""
    height = len(rows) * _ROW + 44
    high = _nice(max((max(before, now) for _, before, now in rows), default=0))

    def x(share: float) -> float:
        return round(_NAMES + share / high * (WIDTH - _NAMES - _FIGURES), 1)

    parts = []
    for share in (0, 0.5, 1):
        parts.append(line(x(share * high), 24, x(share * high), height - 20, "grid"))
        parts.append(text(x(share * high), height - 6, f"{share * high:.0%}", "tick", "middle"))
    parts += [
        '<circle cx="6" cy="10" r="4.5" class="hollow"/>',
        text(16, 14, "baseline", "label"),
        '<circle cx="86" cy="10" r="4.5" class="dot"/>',
        text(96, 14, "this week", "label"),
    ]
    for place, (name, before, now) in enumerate(rows):
        y = 38 + place * _ROW
        change = f"{(now - before) * 100:+.1f} pt"
        parts += [
            text(0, y + 4, name, "label"),
            line(x(before), y, x(now), y, "move"),
            f'<circle cx="{x(before)}" cy="{y}" r="4.5" class="hollow"/>',
            f'<circle cx="{x(now)}" cy="{y}" r="4.5" class="dot">'
            f"<title>{before:.1%} to {now:.1%}</title></circle>",
            text(WIDTH, y + 4, change, "tick", "end"),
        ]
    described = ", ".join(f"{name} {before:.1%} to {now:.1%}" for name, before, now in rows[:5])
    return svg(height, title, described, parts)


def forest(title: str, rows: Sequence[Interval]) -> str:
    """Return the relative differences with their intervals, around a line at none."""
    height = len(rows) * _ROW + 30
    widest = max((max(abs(row.low), abs(row.high)) for row in rows), default=0)
    limit = min(_nice(max(widest, 0.01)), _MOST_SHOWN)
    names = 2 * _NAMES

    def x(share: float) -> float:
        cut = max(-limit, min(limit, share))
        return round(names + (cut + limit) / (2 * limit) * (WIDE - names - _FIGURES), 1)

    parts = []
    for share in (-limit, -limit / 2, 0, limit / 2, limit):
        parts.append(line(x(share), 4, x(share), height - 22, "chance" if share == 0 else "grid"))
        if share in {-limit, 0, limit}:
            parts.append(text(x(share), height - 7, f"{share:+.0%}" if share else "0", "tick", "middle"))
    for place, row in enumerate(rows):
        y = 16 + place * _ROW
        kind = {True: "better", False: "worse", None: "neither"}[row.good]
        parts += [text(0, y + 4, row.name, "label"), line(x(row.low), y, x(row.high), y, f"span {kind}")]
        parts += [_head(x(edge), y, edge) for edge in (row.low, row.high) if abs(edge) > limit]
        if abs(row.middle) <= limit:
            tip = f"{row.name}: {row.middle:+.1%}, from {row.low:+.1%} to {row.high:+.1%}"
            mark = f'<circle cx="{x(row.middle)}" cy="{y}" r="4.5" class="{kind}">'
            parts.append(f"{mark}<title>{escape(tip)}</title></circle>")
        parts.append(text(WIDE, y + 4, f"{row.middle:+.1%}", "tick", "end"))
    described = "; ".join(f"{row.name} {row.middle:+.1%}" for row in rows[:6])
    return svg(height, title, described, parts, WIDE)


def _head(x: float, y: float, edge: float) -> str:
    out = 6 if edge > 0 else -6
    return f'<polygon points="{x},{y - 4} {x + out},{y} {x},{y + 4}" class="head"/>'


def _range(known: Sequence[float]) -> tuple[float, float]:
    """Leave room above and below; figures that never go below zero are not shown below it."""
    low, high = min(known), max(known)
    room = (high - low) * 0.15 or abs(high) * 0.1 or 1.0
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def _runs(points: Sequence[tuple[date, float | None]]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for place, (_, value) in enumerate(points):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((place, value))
    return [run for run in runs if run]


def _nice(value: float) -> float:
    """Return the least of 1, 2, 2.5, 4, 5 and 10 times a power of ten that is not below the value."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 4, 5, 10) if step * power >= value * (1 - 1e-12))
