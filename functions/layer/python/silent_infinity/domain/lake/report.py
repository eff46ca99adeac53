"""The weekly trend report: which statements it is made of, and the figures that come of their rows.

All figures are counts and sums of gold, except those of `report_weeks`: a person who came on several days of
a week is one. Nobody's words, name or pseudonym is in any of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from silent_infinity.domain.comparison import MetricComparison, compare
from silent_infinity.domain.lake import statements
from silent_infinity.domain.lake.attribution import Spent
from silent_infinity.domain.lake.drift import Drift, baseline_days, drift
from silent_infinity.domain.lake.failures import Failed
from silent_infinity.domain.lake.histograms import Histogram, added
from silent_infinity.domain.variant_sums import Sums, together
from silent_infinity.domain.weeks import Week

Row = Mapping[str, str | None]
Rows = Mapping[str, Sequence[Row]]
"""Name of a statement of the report to its rows, whose values are text as the lake gives it."""

TREND_WEEKS: Final = 8
"""How far the trends go back, the week itself included."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What there was in one week. A crisis turn has a level of 2 or more."""

    turns: int = 0
    sessions: int = 0
    users: int = 0
    crisis_turns: int = 0
    crisis_sessions: int = 0
    crisis_fallbacks: int = 0
    crisis_referrals: int = 0
    unscreened: int = 0
    fallbacks: int = 0


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What arrived of the turns of one day."""

    received: int
    turns: int
    duplicates: int
    invalid: int
    late: int


@dataclass(frozen=True, slots=True)
class Experiment:
    """One arm beside the production of its category, from the first day that counts to `as_of`.

    `units` and `units_of_production` are all sessions or users that met them. In a comparison `a` is
    production and `b` the arm.
    """

    category: str
    arm: str
    since: date
    as_of: date
    units: int
    units_of_production: int
    mixed_units: int
    comparisons: tuple[MetricComparison, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one week, and of those before it that it is held against.

    `metrics` has the service's sums over units, by metric and day. `costs` is US dollars by day and class.
    `latency` has a histogram for each week (by its Monday) and metric. `missing` are days of the week without
    figures: the rollup has not computed them, or nobody came. `missing_before` are those of the week before.
    """

    week: Week
    counts: Counts
    counts_before: Counts
    metrics: Mapping[str, Mapping[date, Sums]]
    spent: tuple[Spent, ...]
    spent_before: tuple[Spent, ...]
    costs: Mapping[date, Mapping[str, float]]
    drift: Drift
    baseline: tuple[date, date]
    turns_of_intent: Mapping[str, int]
    turns_of_class: Mapping[str, int]
    turns_before: int
    failed: tuple[Failed, ...]
    failed_before: tuple[Failed, ...]
    experiments: tuple[Experiment, ...]
    latency: Mapping[date, Mapping[str, Histogram]]
    arrivals: Mapping[date, Arrivals]
    missing: tuple[date, ...] = ()
    missing_before: tuple[date, ...] = ()

    @property
    def trend_days(self) -> tuple[date, ...]:
        """The days of the trends, oldest first; the last seven are those of the week."""
        return trend_days(self.week)

    def of_week(self, metric: str, week: Week) -> Sums | None:
        """Return the sums of a metric over the days of a week; None if it has none.

        A session that goes on past midnight is counted once a day.
        """
        found = self.metrics.get(metric, {})
        parts = [found[day] for day in week.days if day in found]
        return together(parts) if parts else None

    def latency_quantile(self, metric: str, week: Week, quantile: float) -> float | None:
        """Return a quantile of a latency over the turns of a week, in milliseconds."""
        histogram = self.latency.get(week.days[0], {}).get(metric)
        return histogram.quantile(quantile) if histogram else None


def trend_days(week: Week) -> tuple[date, ...]:
    """Return the days of the trends of a week's report."""
    last = week.days[-1]
    return tuple(last - timedelta(days=back) for back in reversed(range(7 * TREND_WEEKS)))


def queries(week: Week) -> Mapping[str, str]:
    """Return the statements that the report of a week is made of, by the names that `report` knows."""
    monday, sunday = week.days[0], week.days[-1]
    before = week.earlier(1).days
    long_ago = trend_days(week)[0]
    baseline = baseline_days(week)
    spans = {
        "weeks": ("report_weeks", before[0], sunday),
        "days": ("report_days", long_ago, sunday),
        "latency": ("report_latency", long_ago, sunday),
        "cost_days": ("report_cost_days", long_ago, sunday),
        "costs": ("report_costs", monday, sunday),
        "costs_before": ("report_costs", before[0], before[-1]),
        "intents": ("report_intents", monday, sunday),
        "intents_before": ("report_intents", before[0], before[-1]),
        "intents_baseline": ("report_intents", *baseline),
        "failures": ("report_failures", monday, sunday),
        "failures_before": ("report_failures", before[0], before[-1]),
        "experiments": ("report_experiments", monday, sunday),
        "arrivals": ("report_arrivals", long_ago, sunday),
    }
    return {
        name: statements.render(statement, first=first, last=last)
        for name, (statement, first, last) in spans.items()
    }


def report(week: Week, rows: Rows) -> Report:
    """Return the figures of a week.

    Raises:
        KeyError: a statement's rows, or a column, are missing.
        ValueError: a value is not what its column holds.
    """
    weeks = {_day(row, "week"): row for row in rows["weeks"]}
    arrivals = {_day(row, "dt"): _arrivals(row) for row in rows["arrivals"]}
    intents = _added(rows["intents"], "intent")
    return Report(
        week=week,
        counts=_counts(weeks.get(week.days[0])),
        counts_before=_counts(weeks.get(week.earlier(1).days[0])),
        metrics=_metrics(rows["days"]),
        spent=_spent(rows["costs"]),
        spent_before=_spent(rows["costs_before"]),
        costs=_cost_days(rows["cost_days"]),
        drift=drift(_added(rows["intents_baseline"], "intent"), intents),
        baseline=baseline_days(week),
        turns_of_intent=intents,
        turns_of_class=_added(rows["intents"], "turn_class"),
        turns_before=sum(_added(rows["intents_before"], "intent").values()),
        failed=_failed(rows["failures"]),
        failed_before=_failed(rows["failures_before"]),
        experiments=_experiments(rows["experiments"]),
        latency=_latency(rows["latency"]),
        arrivals=arrivals,
        missing=_missing(week, arrivals),
        missing_before=_missing(week.earlier(1), arrivals),
    )


def _missing(week: Week, arrivals: Mapping[date, Arrivals]) -> tuple[date, ...]:
    return tuple(day for day in week.days if not (day in arrivals and arrivals[day].turns))


def _counts(row: Row | None) -> Counts:
    return Counts(**{name: _whole(row, name) for name in Counts.__dataclass_fields__}) if row else Counts()


def _arrivals(row: Row) -> Arrivals:
    return Arrivals(**{name: _whole(row, name) for name in Arrivals.__dataclass_fields__})


def _metrics(rows: Iterable[Row]) -> dict[str, dict[date, Sums]]:
    found: dict[str, dict[date, Sums]] = {}
    for row in rows:
        found.setdefault(_text(row, "metric"), {})[_day(row, "dt")] = _sums(row)
    return found


def _spent(rows: Iterable[Row]) -> tuple[Spent, ...]:
    return tuple(
        Spent(
            intent=_text(row, "intent"),
            turn_class=_text(row, "turn_class"),
            model_id=_text(row, "model_id"),
            provider=_text(row, "provider"),
            category=_text(row, "category"),
            variant_id=_text(row, "variant_id"),
            calls=_whole(row, "calls"),
            usd=_number(row, "cost_usd"),
            tokens_input=_whole(row, "tokens_input"),
            tokens_output=_whole(row, "tokens_output"),
            tokens_cache_read=_whole(row, "tokens_cache_read"),
            tokens_cache_write=_whole(row, "tokens_cache_write"),
        )
        for row in rows
    )


def _cost_days(rows: Iterable[Row]) -> dict[date, dict[str, float]]:
    found: dict[date, dict[str, float]] = {}
    for row in rows:
        found.setdefault(_day(row, "dt"), {})[_text(row, "turn_class")] = _number(row, "cost_usd")
    return found


def _added(rows: Iterable[Row], column: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for row in rows:
        found[_text(row, column)] += _whole(row, "turns")
    return dict(sorted(found.items()))


def _failed(rows: Iterable[Row]) -> tuple[Failed, ...]:
    return tuple(
        Failed(
            failure=_text(row, "failure"),
            intent=_text(row, "intent"),
            turn_class=_text(row, "turn_class"),
            model_id=_text(row, "model_id"),
            turns=_whole(row, "turns"),
            example=_text(row, "example_turn_id"),
        )
        for row in rows
    )


def _latency(rows: Iterable[Row]) -> dict[date, dict[str, Histogram]]:
    found: dict[date, dict[str, list[Histogram]]] = {}
    for row in rows:
        bins = Histogram({_whole(row, "bin"): _whole(row, "n")})
        found.setdefault(_day(row, "week"), {}).setdefault(_text(row, "metric"), []).append(bins)
    return {
        week: {metric: added(parts) for metric, parts in metrics.items()} for week, metrics in found.items()
    }


def _experiments(rows: Sequence[Row]) -> tuple[Experiment, ...]:
    """Take each arm as of the last day that has it: one that ended in the week is shown as it ended."""
    by_arm: dict[tuple[str, str, date], dict[date, list[Row]]] = {}
    for row in rows:
        arm = _text(row, "category"), _text(row, "arm_id"), _day(row, "since")
        by_arm.setdefault(arm, {}).setdefault(_day(row, "dt"), []).append(row)
    return tuple(_experiment(arm, max(days), days[max(days)]) for arm, days in sorted(by_arm.items()))


def _experiment(arm: tuple[str, str, date], as_of: date, rows: Sequence[Row]) -> Experiment:
    category, arm_id, since = arm
    sides: tuple[dict[str, list[Sums]], dict[str, list[Sums]]] = ({}, {})
    units: tuple[dict[str, int], dict[str, int]] = ({}, {})
    mixed = 0
    for row in rows:
        variant = _text(row, "variant_id")
        side = variant == arm_id
        sides[int(side)].setdefault(_text(row, "metric"), []).append(_sums(row))
        units[int(side)][variant] = _whole(row, "units")
        mixed = max(mixed, _whole(row, "mixed_units")) if side else mixed
    production, arms = ({metric: together(parts) for metric, parts in side.items()} for side in sides)
    return Experiment(
        category=category,
        arm=arm_id,
        since=since,
        as_of=as_of,
        units=sum(units[1].values()),
        units_of_production=sum(units[0].values()),
        mixed_units=mixed,
        comparisons=compare(production, arms),
    )


def _sums(row: Row) -> Sums:
    return Sums(_text(row, "kind"), _whole(row, "n"), _number(row, "total"), _number(row, "squares"))


def _text(row: Row, column: str) -> str:
    return row[column] or ""


def _whole(row: Row, column: str) -> int:
    return int(row[column] or 0)


def _number(row: Row, column: str) -> float:
    return float(row[column] or 0)


def _day(row: Row, column: str) -> date:
    return date.fromisoformat(_text(row, column))
