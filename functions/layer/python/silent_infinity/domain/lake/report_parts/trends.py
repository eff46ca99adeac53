"""Every metric of the service, eight weeks day by day."""

from html import escape
from typing import Final

from silent_infinity.domain.comparison import MetricComparison, compare
from silent_infinity.domain.lake import plots
from silent_infinity.domain.lake.figures_shown import NONE, better, change, points_between, shown
from silent_infinity.domain.lake.metrics import SUM, Metric, metrics
from silent_infinity.domain.lake.report import TREND_WEEKS, Report
from silent_infinity.domain.lake.report_html import section

SURE: Final = 0.01
"""Changes from week to week are coloured below this p. With some twenty metrics one in five reports has a
coloured one by chance alone."""


def trends(found: Report, title: str) -> str:
    """Return the section about how the service's figures went."""
    counts = {name: arrived.turns for name, arrived in found.arrivals.items()}
    cards = [
        _trend(
            "Turns a day",
            f"{found.counts.turns:,}",
            change(found.counts.turns, found.counts_before.turns),
            "",
            plots.trend(
                "Turns a day",
                [(one, counts.get(one)) for one in found.trend_days],
                lambda value: f"{value:,.0f}",
            ),
        )
    ]
    cards += [_metric_trend(found, metric) for metric in metrics() if found.metrics.get(metric.name)]
    intro = (
        f"The last {TREND_WEEKS} weeks day by day, over sessions; the week itself lies on a darker ground. A "
        f"figure beside a title is that of the week. A change is coloured if its p is below {SURE}: with so "
        "many figures, one in five reports has a coloured change by chance. A session that goes on past "
        "midnight counts twice."
    )
    return section("trends", title, intro, [f'<div class="trends">{"".join(cards)}</div>'])


def _metric_trend(found: Report, metric: Metric) -> str:
    days = found.metrics[metric.name]
    title = f"{metric.title}, a session" if metric.value == SUM else metric.title
    picture = plots.trend(
        title,
        [(one, days[one].average if one in days else None) for one in found.trend_days],
        lambda value: shown(value, metric.unit),
    )
    now, before = (found.of_week(metric.name, week) for week in (found.week, found.week.earlier(1)))
    if now is None or now.average is None:
        return _trend(title, "not known yet", "", "", picture)
    value = before.average if before else None
    moved = points_between(now.average, value) if metric.unit == "share" else change(now.average, value)
    [compared] = compare({metric.name: before} if before else {}, {metric.name: now})
    return _trend(title, shown(now.average, metric.unit), moved, _kind(compared, metric), picture)


def _kind(compared: MetricComparison, metric: Metric) -> str:
    """Return whether a change is good or bad, if it is one and either is."""
    if compared.p is None or compared.p >= SURE or compared.difference is None:
        return ""
    good = better(compared.difference, metric)
    return "" if good is None else "good" if good else "bad"


def _trend(title: str, value: str, moved: str, kind: str, picture: str) -> str:
    words = f'<span class="change {kind}">{escape(moved)}</span>' if moved and moved != NONE else ""
    return (
        f'<figure><h3><span>{escape(title)}</span><span class="now">{escape(value)} {words}</span></h3>'
        f"{picture}</figure>"
    )
