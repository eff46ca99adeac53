"""Figures of variants as one HTML page: no script, nothing fetched, for the light, the dark and paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from html import escape
from pathlib import Path

from local.cli.metrics_board import ONE_LOOK, Board, Group, Measure, Track, beside, same_days, verdict
from local.cli.metrics_views import difference
from silent_infinity.data import read_bytes
from silent_infinity.domain.comparison import ENOUGH_UNITS
from silent_infinity.domain.lake.figures_shown import NONE, day, points, shown
from silent_infinity.domain.lake.report_html import Cell, contents, notice, section, table
from silent_infinity.domain.svg import WIDTH, line, svg, text

HEIGHT, LEFT, RIGHT, TOP, FOOT = 158, 78, 10, 10, 30
COLOURS = 8
MOST_LABELS = 6
LEAST_SPAN = 0.2  # of the highest value

STYLE = Path(__file__).with_name("metrics_page.css")


def page(found: Board, *, made_at: datetime) -> str:
    """The page of a board."""
    title = f"Figures, {found.environment}"
    style = read_bytes("report.css").decode() + read_bytes("weekly_report.css").decode()
    style += STYLE.read_text(encoding="utf-8")
    sections = "".join(_section(found, group) for group in found.groups)
    names = {group.category: group.title for group in found.groups}
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}: Silent Infinity</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n<header>\n<h1>{escape(title)}</h1>\n"
        f'<dl class="facts"><div><dt>Days (UTC)</dt><dd>{day(found.first)} to {day(found.last)}</dd></div>'
        f"<div><dt>Made</dt><dd>{made_at:%Y-%m-%d %H:%M} UTC</dd></div></dl>\n</header>\n"
        f"{contents(names)}{sections}"
        "<footer><p>Units are sessions or people, never turns; a unit counts once a day. Crisis turns are in"
        " no figure but crisis_flag. Quantiles are right to 2 %.</p></footer>\n</main>\n</body>\n</html>\n"
    )


def _section(found: Board, group: Group) -> str:
    intro = f"{group.category}, per {group.unit}."
    if group.production:
        intro += f" {_references(group)} beside {group.production.variant_id}, which is production."
    pictures = "".join(_figure(found, group, measure) for measure in group.measures)
    parts = [_key(group), f'<div class="pictures">{pictures}</div>']
    if group.production:
        parts += [_comparison(group, track, same_days(group.production, track)) for track in group.tracks[1:]]
        parts.append(notice(ONE_LOOK))
    return section(group.category, group.title, intro, parts)


def _references(group: Group) -> str:
    others = [track.variant_id for track in group.tracks if track is not group.production]
    return ", ".join(others)


def _key(group: Group) -> str:
    if len(group.tracks) == 1:
        return ""
    rows = "".join(
        f'<li><svg viewBox="0 0 26 10" aria-hidden="true">'
        f'<line x1="1" y1="5" x2="25" y2="5" class="track{_kind(track)}" {_stroke(number)}/></svg>'
        f"<span>{escape(track.variant_id)} <small>{escape(track.says)}</small></span></li>"
        for number, track in enumerate(group.tracks)
    )
    return f'<ul class="key">{rows}</ul>'


def _kind(track: Track) -> str:
    return " production" if track.production else ""


def _stroke(number: int) -> str:
    return f'style="stroke: var(--c{number % COLOURS})"'


def _figure(found: Board, group: Group, measure: Measure) -> str:
    small = f"<small>{escape(measure.title)}</small>" if measure.title else ""
    latest = "; ".join(
        f"{track.variant_id if len(group.tracks) > 1 else 'all days'}: "
        f"{shown(measure.of(track.days)[0], measure.unit)} of {measure.of(track.days)[1]:,}"
        for track in group.tracks
        if measure.of(track.days)[1]
    )
    return (
        f'<figure><h3 class="sub">{escape(measure.name)}{small}</h3>'
        f"{curves(measure, found.days, group.tracks)}<figcaption>{escape(latest)}</figcaption></figure>"
    )


def curves(measure: Measure, days: Sequence[date], tracks: Sequence[Track]) -> str:
    """A line for each variant over the days; days without figures are gaps."""
    values = [track.by_day(measure, days) for track in tracks]
    known = [value for each in values for value in each if value is not None]
    low, high = _scale(known, measure)
    across = (WIDTH - LEFT - RIGHT) / max(1, len(days) - 1)

    def x(place: int) -> float:
        return round(LEFT + (place * across if len(days) > 1 else (WIDTH - LEFT - RIGHT) / 2), 1)

    def y(value: float) -> float:
        return round(HEIGHT - FOOT - (value - low) / (high - low) * (HEIGHT - FOOT - TOP), 1)

    parts = []
    for value in (low, (low + high) / 2, high):
        parts.append(line(LEFT, y(value), WIDTH - RIGHT, y(value), "grid"))
        parts.append(text(LEFT - 6, y(value) + 4, shown(value, measure.unit), "tick", "end"))
    step = max(1, -(-len(days) // MOST_LABELS))
    parts += [
        text(x(place), HEIGHT - 6, f"{days[place].day} {days[place]:%b}", "tick", "middle")
        for place in range(0, len(days), step)
    ]
    for number, (track, each) in enumerate(zip(tracks, values, strict=True)):
        parts += [
            _stretch([(x(place), y(value)) for place, value in run], track, number) for run in _runs(each)
        ]
        parts += [
            f'<circle cx="{x(place)}" cy="{y(value)}" r="6" fill="transparent"><title>'
            f"{escape(track.variant_id)}, {days[place]}: {shown(value, measure.unit)}</title></circle>"
            for place, value in enumerate(each)
            if value is not None
        ]
    said = (
        f"{shown(min(known), measure.unit)} to {shown(max(known), measure.unit)}" if known else "no figures"
    )
    return svg(HEIGHT, measure.name, said, parts)


def _stretch(places: Sequence[tuple[float, float]], track: Track, number: int) -> str:
    """A line through days that follow each other; a single day is a dot."""
    if len(places) == 1:
        ((x, y),) = places
        return f'<circle cx="{x}" cy="{y}" r="2.5" style="fill: var(--c{number % COLOURS})"/>'
    path = " ".join(f"{x},{y}" for x, y in places)
    return f'<polyline points="{path}" class="track{_kind(track)}" {_stroke(number)}/>'


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((place, value))
    return [run for run in runs if run]


def _scale(known: Sequence[float], measure: Measure) -> tuple[float, float]:
    """Leave room above and below, within what the figure can be."""
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    # A figure that hardly moves is a line that hardly moves: the bins of quantiles are 4 % wide.
    wanted = max((high - low) * 1.3, LEAST_SPAN * abs(high)) or (0.01 if measure.unit == "share" else 1.0)
    room = (wanted - (high - low)) / 2
    least = low - room if low < 0 else max(0.0, low - room)
    return least, min(high + room, 1.0) if measure.unit == "share" else high + room


def _comparison(group: Group, track: Track, production: Track) -> str:
    compared = beside(track, production)
    rows: list[list[str | Cell]] = []
    for measure in group.measures:
        value, n = measure.of(track.days)
        other, of_other = measure.of(production.days)
        found = None if measure.quantile else compared.get(measure.metric)
        said = verdict(measure, found)
        few = min(n, of_other) < ENOUGH_UNITS
        rows.append(
            [
                measure.name,
                f"{n:,}",
                f"{of_other:,}",
                shown(value, measure.unit),
                shown(other, measure.unit),
                Cell(difference(measure, value, other), said),
                _interval(measure, other, found.low, found.high) if found else NONE,
                f"{said}, few units" if said and few else said or "",
            ]
        )
    head = (
        "Metric",
        "n",
        "n of production",
        track.variant_id,
        production.variant_id,
        "Difference",
        "95 % interval",
        "",
    )
    caption = f"{track.reference} beside production, all days together"
    return f'<div class="figures"><h3 class="sub">{escape(caption)}</h3>{table(caption, head, rows)}</div>'


def _interval(measure: Measure, other: float | None, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return NONE
    if measure.unit == "share":
        return f"{points(low).removesuffix(' pt')} to {points(high)}"
    return f"{low / other:+.1%} to {high / other:+.1%}" if other else NONE
