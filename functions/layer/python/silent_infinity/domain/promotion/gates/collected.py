"""Rows of the lake to what the gates are judged by, and the statements that ask for them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from datetime import date, timedelta
from typing import Final

from silent_infinity.domain.lake.histograms import Histogram, added
from silent_infinity.domain.lake.metrics import EVERYTHING, SERVICE
from silent_infinity.domain.lake.published import Figures, GoldError, Row, experiments, variant_days
from silent_infinity.domain.lake.running_arms import RunningArm
from silent_infinity.domain.lake.statements import render
from silent_infinity.domain.promotion.gates.figures import Division, Side
from silent_infinity.domain.promotion.gates.rules import SERVICE_SHARE, window
from silent_infinity.domain.variant_sums import Counts, DayOfVariant, Sums, merged, together

LOOK_BACK: Final = timedelta(days=7)
"""How old the newest figures may be: a week of nights that failed."""

_SCREEN: Final = "json_parse"
_ARM, _PRODUCTION = "arm", "production"


def figures_statement(arm: RunningArm, last: date) -> str:
    """Return the statement for the figures of an arm, as of each of the last days up to `last`."""
    first = max(arm.arm.since, last - LOOK_BACK)
    return render("promotion_figures", category=arm.category, arm=arm.variant_id, first=first, last=last)


def statements(arm: RunningArm, as_of: date) -> Mapping[str, str]:
    """Return the other statements, by the names that the functions below are given their rows."""
    days = {"first": arm.arm.since, "last": as_of}
    return {
        "histograms": render("promotion_histograms", arms=[arm.arm], **days),
        "nps": render("promotion_nps", arms=[arm.arm], **days),
        "days": days_statement(arm.category, as_of),
    }


def days_statement(category: str, last: date) -> str:
    """Return the statement for the service's days up to `last`, and the category's units on it."""
    first = last - window(SERVICE_SHARE) + timedelta(days=1)
    return render("promotion_days", category=category, first=first, last=last)


def newest(rows: Iterable[Row], since: str) -> tuple[str, list[Row]]:
    """Return the last day of which there are figures since `since`, and its rows; "" if there is none."""
    fitting = [row for row in rows if row.get("since") == since]
    as_of = max((str(row["dt"]) for row in fitting if row.get("dt")), default="")
    return as_of, [row for row in fitting if row.get("dt") == as_of]


def sides(
    arm: RunningArm, rows: Iterable[Row], histograms: Iterable[Row]
) -> tuple[Side, Side, Mapping[str, int]]:
    """Return the arm, all of its production together, and the units of each variant.

    Raises:
        GoldError: a row is not as its table says.
    """
    found = experiments(rows).get((arm.category, arm.variant_id), {})
    drawn = _histograms(histograms)
    mine = found.get(arm.variant_id, Figures())
    theirs = [found[name] for name in arm.production if name in found]
    return (
        Side(mine.counts, _sound(mine.metrics), drawn[_ARM]),
        Side(_counts(theirs), _sound(_merged(theirs)), drawn[_PRODUCTION]),
        {name: found[name].counts.units for name in (arm.variant_id, *arm.production) if name in found},
    )


def division(arm: RunningArm, units: Mapping[str, int], days: Iterable[DayOfVariant], as_of: str) -> Division:
    """Return how units divided on days on which the shares held: all days of the arm, or else the last one.

    Args:
        arm: the arm with the shares; the variants of a pool have equal ones.
        units: by variant, since the arm began.
        days: the last day's, with counts.
        as_of: the last day.
    """
    each = arm.production_share / len(arm.production)
    shares = {arm.variant_id: arm.share, **dict.fromkeys(arm.production, each)}
    if arm.shares_since <= arm.since:
        return Division(units, shares, arm.since, as_of)
    if arm.shares_since > as_of:
        return Division({}, shares)
    of_day = {day.variant_id: day.counts.units for day in days if day.counts and day.category == arm.category}
    return Division({name: of_day[name] for name in shares if name in of_day}, shares, as_of, as_of)


def screen(days: Iterable[DayOfVariant]) -> Sums | None:
    """Return the sums of the screen's answers over all days of the service."""
    of_service = [day for day in days if (day.category, day.variant_id) == (SERVICE, EVERYTHING)]
    return _sound(merged(of_service)).get(_SCREEN)


def days_of(rows: Iterable[Row]) -> tuple[DayOfVariant, ...]:
    """Return the days that `promotion_days` has found. Raises GoldError as `sides`."""
    return variant_days(rows)


def _counts(parts: Sequence[Figures]) -> Counts:
    return Counts(*(sum(column) for column in zip(*(astuple(part.counts) for part in parts), strict=True)))


def _merged(parts: Sequence[Figures]) -> Mapping[str, Sums]:
    names = {name for part in parts for name in part.metrics}
    return {
        name: together(part.metrics[name] for part in parts if name in part.metrics) for name in sorted(names)
    }


def _sound(metrics: Mapping[str, Sums]) -> Mapping[str, Sums]:
    """Leave out what is no number: JSON has no way to hand it on, and nothing can be said of it."""
    return {
        name: sums
        for name, sums in metrics.items()
        if all(map(math.isfinite, (sums.total, sums.squares, *(astuple(sums.pairs) if sums.pairs else ()))))
    }


def _histograms(rows: Iterable[Row]) -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, list[Histogram]]] = {_ARM: {}, _PRODUCTION: {}}
    for row in rows:
        side, metric = str(row.get("side")), row.get("metric")
        try:
            bins = {int(row["bin"] or ""): int(row["n"] or "")}
        except (KeyError, ValueError):
            raise GoldError("a row of a histogram has no bin or no count") from None
        if side not in found or not metric:
            raise GoldError("a row of a histogram lacks its side or its metric")
        found[side].setdefault(metric, []).append(Histogram(bins))
    return {
        side: {metric: added(parts).to_text() for metric, parts in sorted(metrics.items())}
        for side, metrics in found.items()
    }
