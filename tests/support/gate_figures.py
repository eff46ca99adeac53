"""Figures of an arm and its production for tests of gates, made from a few words."""

import math
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from statistics import NormalDist
from typing import Any

from silent_infinity.domain.lake.histograms import Histogram, bin_of
from silent_infinity.domain.lake.metrics import RATE
from silent_infinity.domain.promotion.evidence import GoldenEvidence
from silent_infinity.domain.promotion.gates.figures import Division, GateFigures, Misses, Side
from silent_infinity.domain.promotion.golden import suite_for, suites
from silent_infinity.domain.variant_categories import categories
from silent_infinity.domain.variant_sums import Counts, Pairs, Sums

SPREAD = 0.4
"""Standard deviation of the logarithm of latencies."""

TURNS = 4
"""Turns of every unit."""

RATES = {
    "completion": 0.7, "satisfaction": 0.7, "return_7d": 0.36, "regeneration": 0.1, "fallback": 0.02,
    "degraded": 0.01, "crisis_flag": 0.01, "guard_trigger": 0.02,
}  # fmt: skip
MEANS = {"cost_usd": (0.02, 0.015), "quality": (0.85, 0.05), "turns": (float(TURNS), 2.0)}
MEDIANS = {"latency_total_ms": 2_000.0, "latency_first_token_ms": 350.0}
NPS = (2, 1, 1, 1, 2, 5, 7, 14, 23, 22, 22)
FIRST, LAST = "2026-11-11", "2026-11-16"


def figures(
    *,
    category: str = "GHOST_CHAR_STYLE",
    arm: Mapping[str, Any] | None = None,
    production: Mapping[str, Any] | None = None,
    golden: Mapping[str, Any] | None = None,
    has_golden: bool = True,
    screen: tuple[int, int] | None = (4_990, 5_000),
    misses: tuple[int, int] = (0, 4_000),
    **facts: Any,
) -> GateFigures:
    """Return figures with nothing wrong, but for what is named.

    Args:
        category: the arm's.
        arm: what differs from the usual: `units`, `sessions`, a rate's share or `[share, n]`, a mean's value
            or `[mean, deviation, n]`, a median in ms, `nps` as eleven counts; None leaves a metric out.
        production: the same, with 20,000 units.
        golden: fields of the golden result that differ.
        has_golden: whether there is one, in a category that needs it.
        screen: answers that could be read, and all; None: no figures.
        misses: turns missed, and all that were judged.
        facts: further fields of `GateFigures`.
    """
    mine = side({"units": 4_000, **(arm or {})})
    theirs = side({"units": 16_000, **(production or {})})
    units = {"arm": mine.counts.units, "base": theirs.counts.units}
    base: dict[str, Any] = {
        "unit": categories()[category].unit,
        "since": FIRST,
        "as_of": LAST,
        "production": ("base",),
        "division": Division(units, {"arm": 0.2, "base": 0.8}, FIRST, LAST),
        "collected_on": (date.fromisoformat(facts.get("as_of", LAST)) + timedelta(days=1)).isoformat(),
        **facts,
    }
    if isinstance(base["division"], Mapping):
        base["division"] = Division(
            **{"units": units, "shares": {"arm": 0.2, "base": 0.8}, **base["division"]}
        )
    return GateFigures(
        category=category,
        variant_id="arm",
        version=7,
        arm=mine,
        others=theirs,
        screen=None if screen is None else _rate(screen[0] / max(screen[1], 1), screen[1]),
        misses=Misses(misses[1], misses[0]),
        golden=_golden(category, golden or {}) if has_golden else None,
        **base,
    )


def side(words: Mapping[str, Any]) -> Side:
    """Return one side of a comparison."""
    units = words["units"]
    sums: dict[str, Sums] = {}
    drawn: dict[str, str] = {}
    for metric, usual in RATES.items():
        share, n = _pair(words.get(metric, usual), units // 5 if metric == "satisfaction" else units)
        if share is not None:
            sums[metric] = _rate(share, n)
    for metric, (mean, spread) in MEANS.items():
        found = words.get(metric, mean)
        if found is not None:
            values = list(found) if isinstance(found, list | tuple) else [found]
            sums[metric] = _mean(*[*values, *(mean, spread, units)[len(values) :]])
    for metric, usual in MEDIANS.items():
        middle, n = _pair(words.get(metric, usual), units)
        if middle is not None:
            sums[metric] = _mean(middle, middle / 2, n)
            drawn[metric] = around(middle, n * TURNS).to_text()
    answers = words.get("nps", [units // 100 * count // 4 for count in NPS])
    drawn["nps"] = Histogram({score: count for score, count in enumerate(answers) if count}).to_text()
    return Side(Counts(units=units, sessions=words.get("sessions", units)), sums, drawn)


@cache
def around(median: float, turns: int) -> Histogram:
    """Return a log-normal histogram of turns; the same for the same median and number."""
    bins: dict[int, int] = {}
    parts = 400
    for part in range(parts):
        value = median * math.exp(SPREAD * NormalDist().inv_cdf((part + 0.5) / parts))
        number = turns * (part + 1) // parts - turns * part // parts
        bins[bin_of(value)] = bins.get(bin_of(value), 0) + number
    return Histogram({number: count for number, count in bins.items() if count})


def _pair(found: Any, n: int) -> tuple[Any, int]:
    return (found[0], found[1]) if isinstance(found, list | tuple) else (found, n)


def _rate(share: float, n: int) -> Sums:
    total = float(round(share * n))
    return Sums(RATE, n, total, 0.0, Pairs(total, n, total, n, total))


def _mean(mean: float, spread: float, n: int) -> Sums:
    squares = n * mean * mean + max(n - 1, 0) * spread * spread
    pairs = Pairs(mean * n * TURNS, n * TURNS, squares * TURNS**2, n * TURNS**2, mean * n * TURNS**2)
    return Sums("mean", n, mean * n, squares, pairs)


def _golden(category: str, words: Mapping[str, Any]) -> GoldenEvidence | None:
    suite = suite_for(category)
    if suite is None:
        return None
    known = suites()[suite]
    base: dict[str, Any] = {
        "config_hash": "c" * 64,
        "suite": suite,
        "suite_hash": known.suite_hash,
        "cases": known.cases,
        "crisis_cases": known.crisis_cases,
        "crisis_missed": 0,
        "gates_broken": (),
        "run_at": "2026-11-10T09:00:00+00:00",
        **words,
    }
    return GoldenEvidence(category=category, variant_id="arm", **base)
