"""The weekly report as one HTML page.

It has no script and fetches nothing; it reads on screens of any width, in the dark and on paper.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Final

from silent_infinity.data import load, read_bytes
from silent_infinity.domain.comparison import (
    ENOUGH_UNITS,
    LOOKED_AT_EVERY_NIGHT,
    NOTES,
    MetricComparison,
    compare,
)
from silent_infinity.domain.lake import attribution, drift, failures, plots
from silent_infinity.domain.lake.figures_shown import NONE, change, day, part, points, share, shown, usd
from silent_infinity.domain.lake.metrics import HIGHER, LOWER, SUM, Metric, by_name, metrics
from silent_infinity.domain.lake.report import TREND_WEEKS, Experiment, Report
from silent_infinity.domain.lake.report_html import (
    ALARM,
    FINE,
    PLAIN,
    Cell,
    card,
    contents,
    figure,
    notice,
    section,
    table,
)

SURE: Final = 0.01
"""Changes from week to week are coloured below this p. With some twenty metrics one in five reports has a
coloured one by chance alone."""

_QUANTILES: Final = (0.5, 0.9, 0.95, 0.99)
_MOST_LINES: Final = 12
_HOTTEST: Final = 0.6
"""How much colour the largest share of a row gets: text stays readable on it."""

_SECTIONS: Final = {
    "trends": "Trends",
    "experiments": "Experiments",
    "safety": "Safety",
    "costs": "What it cost",
    "intents": "What people came with",
    "failures": "What went wrong",
    "latency": "How long it took",
    "record": "What the record holds",
}


def page(found: Report, *, environment: str, made_at: datetime) -> str:
    """Return the page of a week."""
    first, last = found.week.days[0], found.week.days[-1]
    title = f"Week {found.week.name}"
    style = read_bytes("report.css").decode() + read_bytes("weekly_report.css").decode()
    parts = {
        "trends": _trends(found),
        "experiments": _experiments(found),
        "safety": _safety(found),
        "costs": _costs(found),
        "intents": _intents(found),
        "failures": _failures(found),
        "latency": _latency(found),
        "record": _record(found),
    }
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}: Silent Infinity, {escape(environment)}</title>\n<style>\n{style}</style>\n"
        f"</head>\n<body>\n<main>\n<header>\n<h1>{escape(title)}</h1>\n"
        f'<dl class="facts"><div><dt>Days (UTC)</dt><dd>{day(first)} to {day(last)}</dd></div>'
        f"<div><dt>Environment</dt><dd>{escape(environment)}</dd></div>"
        f"<div><dt>Made</dt><dd>{made_at:%Y-%m-%d %H:%M} UTC</dd></div></dl>\n</header>\n"
        f"{_notices(found)}{_tiles(found)}{contents(_SECTIONS)}{''.join(parts.values())}"
        "<footer><p>Made of the lake's gold tables and of counts over silver. No message, name or pseudonym "
        "is in this report. Changes are beside the week before.</p></footer>\n</main>\n</body>\n</html>\n"
    )


def _notices(found: Report) -> str:
    parts = []
    if found.missing:
        days = ", ".join(f"{missing:%A}" for missing in found.missing)
        parts.append(notice(f"Without figures: {days}. The week's counts lack these days.", ALARM))
    if found.drift.verdict == drift.MAJOR:
        parts.append(notice("Intents have drifted. See “What people came with”.", ALARM))
    return "".join(parts)


def _tiles(found: Report) -> str:
    now, before = found.counts, found.counts_before
    cost, cost_before = attribution.total(found.spent), attribution.total(found.spent_before)
    latency = [_quantile(found, back, "latency_total_ms", 0.95) for back in (0, 1)]
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
        ("Satisfied, of those who rated", share(satisfied), _points(satisfied, satisfied_before)),
        (
            "Sessions with a crisis turn",
            part(now.crisis_sessions, now.sessions),
            _points(_part(now.crisis_sessions, now.sessions), _part(before.crisis_sessions, before.sessions)),
        ),
    ]
    inner = "".join(
        f'<div class="tile"><h3>{escape(name)}</h3><p class="value">{escape(value)}</p>'
        f"<p>{escape(moved)}</p></div>"
        for name, value, moved in tiles
    )
    return f'<section class="tiles" aria-label="Main figures">{inner}</section>\n'


# --- trends ---


def _trends(found: Report) -> str:
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
    return section("trends", _SECTIONS["trends"], intro, [f'<div class="trends">{"".join(cards)}</div>'])


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
    moved = _points(now.average, value) if metric.unit == "share" else change(now.average, value)
    [compared] = compare({metric.name: before} if before else {}, {metric.name: now})
    return _trend(title, shown(now.average, metric.unit), moved, _kind(compared, metric), picture)


def _kind(compared: MetricComparison, metric: Metric) -> str:
    """Return whether a change is good or bad, if it is one and either is."""
    if compared.p is None or compared.p >= SURE or compared.difference is None:
        return ""
    good = _good(compared.difference, metric)
    return "" if good is None else "good" if good else "bad"


def _good(difference: float, metric: Metric | None) -> bool | None:
    if metric is None or not difference or metric.direction not in {LOWER, HIGHER}:
        return None
    return (difference > 0) == (metric.direction == HIGHER)


def _trend(title: str, value: str, moved: str, kind: str, picture: str) -> str:
    words = f'<span class="change {kind}">{escape(moved)}</span>' if moved and moved != NONE else ""
    return (
        f'<figure><h3><span>{escape(title)}</span><span class="now">{escape(value)} {words}</span></h3>'
        f"{picture}</figure>"
    )


# --- experiments ---


def _experiments(found: Report) -> str:
    parts = [_experiment(one) for one in found.experiments] or [notice("No arm ran in this week.")]
    return section("experiments", _SECTIONS["experiments"], LOOKED_AT_EVERY_NIGHT, parts)


def _experiment(found: Experiment) -> str:
    title = f"{found.category}: {found.arm} beside production"
    known = by_name()
    rows = [
        interval
        for compared in found.comparisons
        if (interval := _interval(compared, known.get(compared.metric)))
    ]
    note = (
        f"{found.since.isoformat()} to {found.as_of.isoformat()}: {found.units:,} units met the arm, "
        f"{found.units_of_production:,} production."
    )
    if found.mixed_units:
        note += f" {found.mixed_units:,} of the arm's units had both."
    if min(found.units, found.units_of_production) < ENOUGH_UNITS:
        note += f" Fewer than {ENOUGH_UNITS} on a side: differences say little yet."
    picture = (
        figure(
            title,
            plots.forest(title, rows),
            "Relative to production, with 95 % intervals. Green is for the better, red for the worse, where "
            "the interval leaves out 0. " + note,
            wide=True,
        )
        if rows
        else card(title, notice("No metric can be compared yet."), note)
    )
    head = ("metric", "production", "n", "arm", "n", "difference", "95 % interval", "p")
    listed = [_compared(compared, known.get(compared.metric)) for compared in found.comparisons]
    words = sorted({compared.note for compared in found.comparisons if compared.note})
    listing = card("The same in figures", table(title, head, listed), " ".join(NOTES[word] for word in words))
    return picture + listing


def _interval(compared: MetricComparison, metric: Metric | None) -> plots.Interval | None:
    base = compared.a.value
    if not base or compared.difference is None or compared.low is None or compared.high is None:
        return None
    apart = compared.low > 0 or compared.high < 0
    scale = abs(base)
    return plots.Interval(
        name=metric.title if metric else compared.metric,
        low=compared.low / scale,
        middle=compared.difference / scale,
        high=compared.high / scale,
        good=_good(compared.difference, metric) if apart else None,
    )


def _compared(compared: MetricComparison, metric: Metric | None) -> list[str | Cell]:
    unit = metric.unit if metric else ""
    between = (
        NONE
        if compared.low is None or compared.high is None
        else f"{_moved(compared.low, unit)} to {_moved(compared.high, unit)}"
    )
    return [
        metric.title if metric else compared.metric,
        shown(compared.a.value, unit),
        f"{compared.a.n:,}",
        shown(compared.b.value, unit),
        f"{compared.b.n:,}",
        _moved(compared.difference, unit),
        between,
        NONE if compared.p is None else "<0.0001" if compared.p < 0.0001 else f"{compared.p:.4f}",
    ]


def _moved(difference: float | None, unit: str) -> str:
    if difference is None:
        return NONE
    if unit == "share":
        return points(difference)
    return f"{'+' if difference > 0 else ''}{shown(difference, unit)}"


# --- safety ---


def _safety(found: Report) -> str:
    now, before = found.counts, found.counts_before
    rows: list[Sequence[str | Cell]] = [
        _counted(
            "Crisis turns (level 2 and above)", now.crisis_turns, before.crisis_turns, now.turns, before.turns
        ),
        _counted(
            "Sessions with one", now.crisis_sessions, before.crisis_sessions, now.sessions, before.sessions
        ),
        _counted(
            "Crisis turns that showed help lines",
            now.crisis_referrals,
            before.crisis_referrals,
            now.crisis_turns,
            before.crisis_turns,
        ),
        _counted(
            "Crisis turns answered by a fallback",
            now.crisis_fallbacks,
            before.crisis_fallbacks,
            now.crisis_turns,
            before.crisis_turns,
        ),
        _counted("Turns that nobody screened", now.unscreened, before.unscreened, now.turns, before.turns),
        _counted("Turns answered by a fallback", now.fallbacks, before.fallbacks, now.turns, before.turns),
    ]
    head = ("", "this week", "share", "before", "share", "change")
    note = (
        notice(
            f"{now.unscreened:,} turns were answered without a screen: an outage of the crisis screen.",
            ALARM,
        )
        if now.unscreened
        else notice("Every turn of the week was screened.", FINE)
        if now.turns
        else ""
    )
    intro = "Crisis turns are left out of every comparison of quality; here they are counted."
    return section("safety", _SECTIONS["safety"], intro, [note, card("Counts", table("Safety", head, rows))])


def _counted(name: str, now: int, before: int, whole: int, whole_before: int) -> list[str | Cell]:
    return [
        name,
        f"{now:,}",
        part(now, whole),
        f"{before:,}",
        part(before, whole_before),
        _points(_part(now, whole), _part(before, whole_before)),
    ]


# --- costs ---


def _costs(found: Report) -> str:
    whole, whole_before = attribution.total(found.spent), attribution.total(found.spent_before)
    classes = sorted({name for day in found.costs.values() for name in day})
    read = attribution.cache_read_share(found.spent)
    parts = [
        figure(
            "Cost by day and class of call",
            plots.stacked_days("Cost by day and class", found.trend_days, found.costs, classes, usd),
            ", ".join(f"{name} {_class(name)}" for name in classes),
            wide=True,
        )
    ]
    cards = [
        card(
            f"By {name}",
            table(
                f"Cost by {name}",
                (name, "calls", "cost", "share", "", "before", "change"),
                [*_cost_lines(attribution.attributed(found.spent, found.spent_before, by), whole)],
            ),
        )
        for name, by in attribution.DIMENSIONS.items()
    ]
    moved = attribution.movers(found.spent, found.spent_before, _MOST_LINES)
    cards.append(
        card(
            "What moved most",
            table(
                "Largest changes",
                ("class · model · variant", "cost", "before", "change"),
                [(line.name, usd(line.usd), usd(line.usd_before), _signed(line.change)) for line in moved],
            ),
        )
    )
    intro = (
        f"{usd(whole)} in this week, {usd(whole_before)} in the one before, screen included. Each call has "
        "one class, one model and one variant, so that each table adds up to the whole. "
        f"{share(read)} of all input tokens came from a cache."
    )
    return section("costs", _SECTIONS["costs"], intro, [*parts, f'<div class="pair">{"".join(cards)}</div>'])


def _cost_lines(lines: Sequence[attribution.Line], whole: float) -> Iterator[Sequence[str | Cell]]:
    for line in lines[:_MOST_LINES]:
        yield _cost_line(line, whole)
    others = lines[_MOST_LINES:]
    if others:
        rest = attribution.Line(
            f"{len(others)} others",
            sum(line.calls for line in others),
            sum(line.usd for line in others),
            sum(line.usd_before for line in others),
        )
        yield _cost_line(rest, whole)


def _cost_line(line: attribution.Line, whole: float) -> Sequence[str | Cell]:
    of_whole = line.usd / whole if whole else 0
    return (
        line.name,
        f"{line.calls:,}",
        usd(line.usd),
        share(of_whole),
        Cell(bar=of_whole),
        usd(line.usd_before),
        change(line.usd, line.usd_before),
    )


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{usd(value)}"


def _class(name: str) -> str:
    known = load("turn_classes.json")["classes"].get(name)
    return f"({known['description']})" if known else ""


# --- intents ---


def _intents(found: Report) -> str:
    drifted = found.drift
    first, last = found.baseline
    words = {
        drift.STABLE: ("Intents are as they were.", FINE),
        drift.MODERATE: ("Intents have moved a little: worth a look, no alarm.", PLAIN),
        drift.MAJOR: ("Intents have drifted.", ALARM),
        drift.TOO_FEW: ("There are too few turns to say whether intents have drifted.", PLAIN),
    }
    verdict, kind = words[drifted.verdict]
    rows = [(intent.name, intent.share_before, intent.share_now) for intent in drifted.intents]
    listed = [
        (
            intent.name,
            f"{intent.before:,}",
            share(intent.share_before),
            f"{intent.now:,}",
            share(intent.share_now),
            points(intent.share_now - intent.share_before),
            f"{intent.part:.4f}",
        )
        for intent in drifted.intents
    ]
    head = ("intent", "baseline", "share", "this week", "share", "change", "index")
    limits = drift.rules()["psi"]
    intro = (
        f"Against the baseline of {day(first)} to {day(last)}. The index is moderate from"
        f" {limits['moderate']} on and an alarm from {limits['major']} on, unless chance explains it. The p"
        " value takes turns for independent, which those of one session are not: it is too small."
    )
    parts = [
        notice(f"{verdict} {drift.summary(drifted)}", kind),
        '<div class="pair">',
        figure("Shares of the intents", plots.dumbbells("Shares of the intents", rows)) if rows else "",
        card("In figures, what moved most first", table("Intents", head, listed)),
        "</div>",
    ]
    return section("intents", _SECTIONS["intents"], intro, parts)


# --- failures ---


def _failures(found: Report) -> str:
    turns = sum(found.turns_of_intent.values())
    listed = failures.failures(found.failed, found.failed_before, turns, found.turns_before)
    rows = [
        (
            _failure(one.name),
            f"{one.turns:,}",
            share(one.share),
            share(one.share_before),
            points(one.change),
            Cell(" · ".join(one.most_in.values()), "text"),
            Cell(one.example, code=True),
        )
        for one in listed
    ]
    head = ("what", "turns", "share of all", "before", "change", "most are in", "one of them (turn id)")
    intro = (
        f"Bad turns among {turns:,}. A turn may have several failures. An operator finds the event of a turn "
        "id in the table of turn events, as long as it is kept."
    )
    parts = [card("Failures", table("Failures", head, rows))]
    grids = (
        ("Share of each class's turns", failures.by_class(found.failed, found.turns_of_class)),
        ("Share of each intent's turns", failures.by_intent(found.failed, found.turns_of_intent)),
    )
    parts += [card(title, _grid(title, grid)) for title, grid in grids if grid.rows]
    return section("failures", _SECTIONS["failures"], intro, parts)


def _grid(title: str, grid: failures.Grid) -> str:
    return table(title, ("", *grid.columns), (_shares(*row) for row in grid.rows))


def _shares(name: str, shares: Sequence[float | None]) -> list[str | Cell]:
    most = max((one or 0 for one in shares), default=0) or 1
    return [
        _failure(name),
        *(Cell(share(one) if one else "", heat=_HOTTEST * (one or 0) / most) for one in shares),
    ]


def _failure(name: str) -> str:
    titles = {known["name"]: known["title"] for known in load("failure_categories.json")["failures"]}
    return str(titles.get(name, name))


# --- latency ---


def _latency(found: Report) -> str:
    head = ("week", *(f"{quantile:.0%}" for quantile in _QUANTILES), "turns")
    cards = []
    for name in ("latency_total_ms", "latency_first_token_ms"):
        metric = by_name()[name]
        rows = []
        for back in range(TREND_WEEKS):
            week = found.week.earlier(back)
            histogram = found.latency.get(week.days[0], {}).get(name)
            if histogram and histogram.count:
                shares = (shown(histogram.quantile(quantile), "ms") for quantile in _QUANTILES)
                rows.append((week.name, *shares, f"{histogram.count:,}"))
        cards.append(card(metric.title, table(metric.title, head, rows)))
    intro = (
        "Quantiles over turns, of merged histograms: at most 2 % of themselves off. Crisis turns are not in."
    )
    return section("latency", _SECTIONS["latency"], intro, ['<div class="pair">', *cards, "</div>"])


def _quantile(found: Report, back: int, metric: str, quantile: float) -> float | None:
    histogram = found.latency.get(found.week.earlier(back).days[0], {}).get(metric)
    return histogram.quantile(quantile) if histogram else None


# --- the record itself ---


def _record(found: Report) -> str:
    rows: list[Sequence[str]] = []
    for one in found.week.days:
        arrived = found.arrivals.get(one)
        rows.append(
            (f"{one:%A %-d %B}", *("nothing yet", *[""] * 4))
            if arrived is None
            else (
                f"{one:%A %-d %B}",
                f"{arrived.received:,}",
                f"{arrived.turns:,}",
                f"{arrived.duplicates:,}",
                f"{arrived.late:,}",
                f"{arrived.invalid:,}",
            )
        )
    head = ("day", "rows that arrived", "turns", "repeated", "more than a day late", "left out as invalid")
    intro = (
        "What arrived in the lake of the turns of each day. Repeated rows and late ones are no loss; invalid "
        "ones are."
    )
    return section("record", _SECTIONS["record"], intro, [card("Arrivals", table("Arrivals", head, rows))])


def _part(count: int, whole: int) -> float | None:
    return count / whole if whole else None


def _points(now: float | None, before: float | None) -> str:
    return NONE if now is None or before is None else points(now - before)
