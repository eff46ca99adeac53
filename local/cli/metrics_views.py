"""Figures of variants in a terminal: tables with a line of blocks for the days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local.cli.admin_views import fitted, paragraph
from local.cli.metrics_board import ONE_LOOK, Board, Group, Measure, Track, beside, same_days, verdict
from local.cli.terminal import bold, plain
from silent_infinity.domain.comparison import MetricComparison
from silent_infinity.domain.lake.figures_shown import NONE, change, points, shown

BLOCKS = "▁▂▃▄▅▆▇█"
GAP = "·"
MOST_CELLS = 28


def sparkline(values: Sequence[float | None]) -> str:
    """A line of blocks, the lowest value at the bottom; a point where there is none. Long lines are halved
    until they fit, each block the mean of its days.
    """
    while len(values) > MOST_CELLS:
        values = [_mean(values[place : place + 2]) for place in range(0, len(values), 2)]
    known = [value for value in values if value is not None]
    if not known:
        return GAP * len(values)
    low, spread = min(known), max(known) - min(known)
    return "".join(GAP if value is None else _block(value, low, spread) for value in values)


def _block(value: float, low: float, spread: float) -> str:
    # Where nothing moves, the line runs in the middle: at the bottom it would look like nought.
    place = (value - low) / spread if spread else 0.5
    return BLOCKS[min(int(place * len(BLOCKS)), len(BLOCKS) - 1)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def tables(found: Board) -> str:
    """All groups, one table for each variant."""
    parts = [bold(f"{found.environment}: {found.first} to {found.last} (UTC), {len(found.days)} days")]
    compared = False
    for group in found.groups:
        parts.append(f"{bold(group.category)}  {group.title}, per {group.unit}")
        production = group.production
        for track in group.tracks:
            against = same_days(production, track) if production and production is not track else None
            compared = compared or against is not None
            parts.append(_table(found, group, track, against))
    if compared:
        parts.append(paragraph(ONE_LOOK))
    return "\n\n".join(parts)


def _table(found: Board, group: Group, track: Track, production: Track | None) -> str:
    head = ["metric", "days", "n", "last day", "all days"]
    rows = [[*head, *(["production", "difference", ""] if production else [])]]
    compared = beside(track, production) if production else {}
    for measure in group.measures:
        value, n = measure.of(track.days)
        if not n:
            continue
        by_day = track.by_day(measure, found.days)
        row = [
            measure.name,
            sparkline(by_day),
            f"{n:,}",
            shown(by_day[-1], measure.unit),
            shown(value, measure.unit),
        ]
        if production:
            other, _ = measure.of(production.days)
            row += [
                shown(other, measure.unit),
                difference(measure, value, other),
                verdict(measure, compared.get(measure.metric)),
            ]
        rows.append(row)
    return f"  {bold(plain(track.reference))}  {track.says}\n{fitted(rows, right=set(range(2, 7)))}"


def difference(measure: Measure, value: float | None, other: float | None) -> str:
    """How far a figure is from production's: shares in points, others in percent of production's."""
    if value is None or other is None:
        return NONE
    return points(value - other) if measure.unit == "share" else change(value, other)


def as_json(found: Board) -> dict[str, Any]:
    """The same as a document."""
    return {
        "environment": found.environment,
        "from": found.first.isoformat(),
        "to": found.last.isoformat(),
        "variants": [
            {
                "category": track.category,
                "variant_id": track.variant_id,
                "production": track.production,
                "metrics": [
                    _measured(found, group, track, measure)
                    for measure in group.measures
                    if measure.of(track.days)[1]
                ],
            }
            for group in found.groups
            for track in group.tracks
        ],
    }


def _measured(found: Board, group: Group, track: Track, measure: Measure) -> dict[str, Any]:
    value, n = measure.of(track.days)
    production = group.production
    compared: MetricComparison | None = None
    if production and production is not track and not measure.quantile:
        compared = beside(track, same_days(production, track)).get(measure.metric)
    return {
        "metric": measure.name,
        "unit": measure.unit,
        "n": n,
        "value": value,
        "days": track.by_day(measure, found.days),
        "difference": compared
        and {"value": compared.difference, "low": compared.low, "high": compared.high, "p": compared.p},
    }
