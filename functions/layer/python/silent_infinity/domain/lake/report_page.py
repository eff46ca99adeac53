"""The weekly report as one HTML page.

It has no script and fetches nothing; it reads on screens of any width, in the dark and on paper.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from typing import Final

from silent_infinity.data import read_bytes
from silent_infinity.domain.lake import attribution, drift
from silent_infinity.domain.lake.figures_shown import (
    NONE,
    change,
    day,
    part,
    points_between,
    ratio,
    share,
    shown,
    usd,
)
from silent_infinity.domain.lake.report import Report
from silent_infinity.domain.lake.report_html import ALARM, contents, notice
from silent_infinity.domain.lake.report_parts.bad_turns import bad_turns
from silent_infinity.domain.lake.report_parts.costs import costs
from silent_infinity.domain.lake.report_parts.experiments import experiments
from silent_infinity.domain.lake.report_parts.intents import intents
from silent_infinity.domain.lake.report_parts.latency import latency
from silent_infinity.domain.lake.report_parts.record import record
from silent_infinity.domain.lake.report_parts.safety import safety
from silent_infinity.domain.lake.report_parts.trends import trends

_SECTIONS: Final[Mapping[str, tuple[str, Callable[[Report, str], str]]]] = {
    "trends": ("Trends", trends),
    "experiments": ("Experiments", experiments),
    "safety": ("Safety", safety),
    "costs": ("What it cost", costs),
    "intents": ("What people came with", intents),
    "failures": ("What went wrong", bad_turns),
    "latency": ("How long it took", latency),
    "record": ("What the record holds", record),
}
"""Name in links to title and what makes the section, in the order of the page."""


def page(found: Report, *, environment: str, made_at: datetime) -> str:
    """Return the page of a week."""
    first, last = found.week.days[0], found.week.days[-1]
    heading = f"Week {found.week.name}"
    style = read_bytes("report.css").decode() + read_bytes("weekly_report.css").decode()
    links = contents({name: title for name, (title, _) in _SECTIONS.items()})
    parts = "".join(make(found, title) for title, make in _SECTIONS.values())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(heading)}: Silent Infinity, {escape(environment)}</title>\n"
        f"<style>\n{style}</style>\n"
        f"</head>\n<body>\n<main>\n<header>\n<h1>{escape(heading)}</h1>\n"
        f'<dl class="facts"><div><dt>Days (UTC)</dt><dd>{day(first)} to {day(last)}</dd></div>'
        f"<div><dt>Environment</dt><dd>{escape(environment)}</dd></div>"
        f"<div><dt>Made</dt><dd>{made_at:%Y-%m-%d %H:%M} UTC</dd></div></dl>\n</header>\n"
        f"{_notices(found)}{_tiles(found)}{links}{parts}"
        "<footer><p>Made of the lake's gold tables and of counts over silver. No message, name or pseudonym "
        "is in this report. Changes are beside the week before.</p></footer>\n</main>\n</body>\n</html>\n"
    )


def _notices(found: Report) -> str:
    parts = []
    if found.missing:
        days = ", ".join(f"{missing:%A}" for missing in found.missing)
        parts.append(notice(f"Without figures: {days}. The week's counts lack these days.", ALARM))
    if found.missing_before:
        lacking = len(found.missing_before)
        parts.append(notice(f"The week before has no figures for {lacking} of its days: changes mislead."))
    if found.drift.verdict == drift.MAJOR:
        parts.append(notice("Intents have drifted. See “What people came with”.", ALARM))
    return "".join(parts)


def _tiles(found: Report) -> str:
    now, before = found.counts, found.counts_before
    cost, cost_before = attribution.total(found.spent), attribution.total(found.spent_before)
    latency = [
        found.latency_quantile("latency_total_ms", week, 0.95) for week in (found.week, found.week.earlier(1))
    ]
    rated = [found.of_week("satisfaction", week) for week in (found.week, found.week.earlier(1))]
    satisfied, satisfied_before = (sums.average if sums else None for sums in rated)
    tiles = [
        ("Sessions", f"{now.sessions:,}", change(now.sessions, before.sessions)),
        ("People", f"{now.users:,}", change(now.users, before.users)),
        ("Turns", f"{now.turns:,}", change(now.turns, before.turns)),
        ("Cost of the models", usd(cost), change(cost, cost_before)),
        (
            "Cost of a session",
            usd(cost / now.sessions) if now.sessions else NONE,
            change(
                cost / now.sessions if now.sessions else None,
                cost_before / before.sessions if before.sessions else None,
            ),
        ),
        ("Whole reply, 95th percentile", shown(latency[0], "ms"), change(*latency)),
        ("Satisfied, of those who rated", share(satisfied), points_between(satisfied, satisfied_before)),
        (
            "Sessions with a crisis turn",
            part(now.crisis_sessions, now.sessions),
            points_between(
                ratio(now.crisis_sessions, now.sessions), ratio(before.crisis_sessions, before.sessions)
            ),
        ),
    ]
    inner = "".join(
        f'<div class="tile"><h3>{escape(name)}</h3><p class="value">{escape(value)}</p>'
        f"<p>{escape(moved)}</p></div>"
        for name, value, moved in tiles
    )
    return f'<section class="tiles" aria-label="Main figures">{inner}</section>\n'
