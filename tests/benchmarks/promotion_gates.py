"""Whole promotions that never were: every night's figures for all gates at once, drawn with a seed.

One gate that is seldom wrong says little of fifteen that are asked on twenty-eight nights. What judges here
is what judges promotions: all gates of a category and stage, and beside them the test of crises that every
night makes of every arm.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from silent_infinity.adapters.statistics.scipy_tests import ScipyTests
from silent_infinity.domain.lake.histograms import Histogram, bin_of
from silent_infinity.domain.lake.published import Figures
from silent_infinity.domain.lake.regression import crisis_regression
from silent_infinity.domain.lake.running_arms import RunningArm
from silent_infinity.domain.lake.slos import rules
from silent_infinity.domain.promotion.evidence import Verdict
from silent_infinity.domain.promotion.gates.criteria import Asked, asked_of
from silent_infinity.domain.promotion.gates.evaluation import evaluate
from silent_infinity.domain.promotion.gates.figures import Division, GateFigures, Side
from silent_infinity.domain.promotion.gates.rules import ENTRY
from silent_infinity.domain.variant_categories import PRODUCTION
from silent_infinity.domain.variant_sums import MEAN, RATE, Counts, Pairs, Sums
from silent_infinity.usecases.evaluate_gates import classical_of
from tests.benchmarks.promotion_looks import NIGHTS, Traffic
from tests.support.gate_figures import figures as usual

BEGAN = date(2026, 11, 1)
RATES: Mapping[str, float] = {
    "completion": 0.70,
    "return_7d": 0.36,
    "regeneration": 0.1,
    "fallback": 0.02,
    "degraded": 0.01,
    "crisis_flag": 0.004,
    "guard_trigger": 0.02,
}
RATED, SATISFIED = 0.2, 0.7
"""The share of units that rate, and of these that are content."""
COST, COST_SPREAD = 0.02, 1.2
LATENCIES: Mapping[str, float] = {"latency_total_ms": 2_000.0, "latency_first_token_ms": 300.0}
LATENCY_SPREAD, TURNS = 0.6, 4
"""Turns of one unit all take the same time: as alike as they can be."""
ANSWERING = 0.02
NPS = (0.02, 0.01, 0.01, 0.01, 0.02, 0.05, 0.07, 0.14, 0.23, 0.22, 0.22)

NIGHTLY = "nightly test of crises"
PROMOTED, TAKEN_BACK, NOT_PASSED, OPEN = "promoted", "taken back", "not passed", "open"
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """How an arm differs from production: rates in points of 1, `cost` and `latency` as factors, `lost` the
    share of its units that are never recorded.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    satisfied: float = 0.0
    cost: float = 1.0
    latency: float = 1.0
    lost: float = 0.0


@dataclass(frozen=True)
class End:
    """How a promotion ended before anybody was asked, on which night (0: on none), and by which gates."""

    how: str
    night: int
    gates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ends:
    """The ends of many promotions of one kind."""

    ends: tuple[End, ...]

    def share(self, how: str) -> float:
        """Return the share that ended so."""
        return sum(end.how == how for end in self.ends) / len(self.ends)

    def night_of(self, how: str, share: float) -> int:
        """Return the night by which a share of all had ended so; 0 if it never had."""
        nights = sorted(end.night for end in self.ends if end.how == how)
        place = math.ceil(share * len(self.ends))
        return nights[place - 1] if 0 < place <= len(nights) else 0

    def by_gate(self, how: str) -> Mapping[str, int]:
        """Return how many ended so by each gate that failed."""
        found: dict[str, int] = {}
        for end in self.ends:
            for gate in end.gates if end.how == how else ():
                found[gate] = found.get(gate, 0) + 1
        return found


@dataclass(frozen=True)
class Setting:
    """Whose gates are asked (into production), of how many units a night; rates of production that are others
    than `RATES`, and what one of its sessions costs, in USD.
    """

    category: str
    traffic: Traffic
    rates: Mapping[str, float] = field(default_factory=dict)
    cost: float = COST


def simulate_promotions(
    random: np.random.Generator, setting: Setting, truth: Truth, repetitions: int
) -> Ends:
    """Have promotions looked at every night until all gates have passed, or one has failed.

    Args:
        random: draws.
        setting: the gates, and production.
        truth: how the arm differs.
        repetitions: how many promotions.
    """
    asked = asked_of(setting.category, PRODUCTION, ENTRY, {})
    return Ends(tuple(_promotion(random, setting, asked, truth) for _ in range(repetitions)))


def _promotion(random: np.random.Generator, setting: Setting, asked: Asked, truth: Truth) -> End:
    category, traffic = setting.category, setting.traffic
    arm, others = (
        _Drawn(random, setting, truth, traffic.arm),
        _Drawn(random, setting, _ALIKE, traffic.production),
    )
    whole = traffic.arm + traffic.production
    shares = {"arm": traffic.arm / whole, "base": traffic.production / whole}
    pattern = usual(category=category)
    # A gate may fail before the sample is there.
    for night in range(1, NIGHTS + 1):
        last = BEGAN + timedelta(days=night - 1)
        mine, theirs = arm.side(night), others.side(night)
        if _alarms(category, mine, theirs):
            return End(TAKEN_BACK, night, (NIGHTLY,))
        found = _figures(pattern, last, mine, theirs, shares)
        judged = evaluate(asked, found, classical_of(_TESTS, asked.plan, found))
        if judged.verdict is Verdict.PASSED:
            return End(PROMOTED, night)
        if judged.verdict is Verdict.FAILED:
            failed = tuple(gate.gate for gate in judged.gates if gate.verdict is Verdict.FAILED)
            return End(TAKEN_BACK if judged.regression else NOT_PASSED, night, failed)
    return End(OPEN, 0)


_ALIKE = Truth()
_TESTS = ScipyTests()


def _figures(
    pattern: GateFigures, last: date, arm: Side, others: Side, shares: Mapping[str, float]
) -> GateFigures:
    units = {"arm": arm.counts.units, "base": others.counts.units}
    facts: dict[str, Any] = {
        name: getattr(pattern, name)
        for name in ("category", "variant_id", "version", "unit", "production", "screen", "misses", "golden")
    }
    return GateFigures(
        collected_on=(last + timedelta(days=1)).isoformat(),
        since=BEGAN.isoformat(),
        as_of=last.isoformat(),
        arm=arm,
        others=others,
        division=Division(units, dict(shares), BEGAN.isoformat(), last.isoformat()),
        **facts,
    )


def _alarms(category: str, arm: Side, others: Side) -> bool:
    running = RunningArm(category, "arm", BEGAN.isoformat(), ("base",), 1, 0.1, 0.9, BEGAN.isoformat())
    figures = {"arm": Figures(arm.metrics, arm.counts), "base": Figures(others.metrics, others.counts)}
    return crisis_regression(running, figures, rules().crisis_regression) is not None


class _Drawn:
    """One side: what its units did on each night, added up."""

    def __init__(self, random: np.random.Generator, setting: Setting, truth: Truth, units: int) -> None:
        rates = {**RATES, **setting.rates}
        self.units = random.poisson(units * (1 - truth.lost), NIGHTS).cumsum()
        nightly = np.diff(self.units, prepend=0)
        self.rates = {
            name: random.binomial(nightly, min(1.0, rate + truth.rates.get(name, 0.0))).cumsum()
            for name, rate in rates.items()
        }
        rated = random.binomial(nightly, RATED)
        self.rated = rated.cumsum()
        self.satisfied = random.binomial(rated, SATISFIED + truth.satisfied).cumsum()
        costs = (
            setting.cost
            * truth.cost
            * random.lognormal(-(COST_SPREAD**2) / 2, COST_SPREAD, int(self.units[-1]))
        )
        self.cost = np.concatenate(([0.0], costs.cumsum()))[self.units]
        self.cost_squares = np.concatenate(([0.0], np.square(costs).cumsum()))[self.units]
        self.bins = {
            name: random.multinomial(nightly, _latency_shares()).cumsum(axis=0) for name in LATENCIES
        }
        self.latency = truth.latency
        answers = random.binomial(nightly, ANSWERING)
        self.nps = random.multinomial(answers, NPS).cumsum(axis=0)

    def side(self, night: int) -> Side:
        """What the lake has after some nights."""
        at, n = night - 1, int(self.units[night - 1])
        sums = {name: Sums(RATE, n, float(found[at])) for name, found in self.rates.items()}
        sums["satisfaction"] = Sums(RATE, int(self.rated[at]), float(self.satisfied[at]))
        sums["cost_usd"] = Sums(MEAN, n, float(self.cost[at]), float(self.cost_squares[at]))
        drawn = {}
        turns = n * TURNS
        for name, median in LATENCIES.items():
            pairs = Pairs(0.0, turns, 0.0, turns * TURNS, 0.0)
            sums[name] = Sums(MEAN, n, median * n, median * median * n * 1.5, pairs)
            drawn[name] = _histogram(self.bins[name][at], median * self.latency).to_text()
        drawn["nps"] = Histogram({score: int(k) for score, k in enumerate(self.nps[at]) if k}).to_text()
        return Side(Counts(units=n, sessions=n), sums, drawn)


_STEPS = np.linspace(-3.2, 3.2, 65)


@cache
def _latency_shares() -> tuple[float, ...]:
    weights = np.exp(-np.square(_STEPS) / 2)
    return tuple((weights / weights.sum()).tolist())


def _histogram(counts: Ints, median: float) -> Histogram:
    bins: dict[int, int] = {}
    for step, count in zip(_STEPS.tolist(), counts.tolist(), strict=True):
        if count:
            number = bin_of(median * math.exp(LATENCY_SPREAD * step))
            bins[number] = bins.get(number, 0) + count * TURNS
    return Histogram(bins)
