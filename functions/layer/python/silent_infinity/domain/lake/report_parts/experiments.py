"""Each arm beside its production."""

from silent_infinity.domain.comparison import ENOUGH_UNITS, LOOKED_AT_EVERY_NIGHT, NOTES, MetricComparison
from silent_infinity.domain.lake import plots
from silent_infinity.domain.lake.figures_shown import NONE, better, points, shown
from silent_infinity.domain.lake.metrics import Metric, by_name
from silent_infinity.domain.lake.report import Experiment, Report
from silent_infinity.domain.lake.report_html import Cell, card, figure, notice, section, table


def experiments(found: Report, title: str) -> str:
    """Return the section about how the arms do."""
    parts = [_experiment(one) for one in found.experiments] or [notice("No arm ran in this week.")]
    return section("experiments", title, LOOKED_AT_EVERY_NIGHT, parts)


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
        good=better(compared.difference, metric) if apart else None,
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
