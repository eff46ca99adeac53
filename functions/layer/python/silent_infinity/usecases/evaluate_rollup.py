"""Judge what the night computed: which bounds do not hold, which arms have to be taken back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from silent_infinity.domain.lake.published import Figures, Key, experiments
from silent_infinity.domain.lake.regression import (
    Regression,
    crisis_regression,
    for_everybody,
    ratio_mismatch,
)
from silent_infinity.domain.lake.running_arms import RunningArm
from silent_infinity.domain.lake.slos import (
    ANY_CATEGORY,
    ARMS,
    PRODUCTION,
    Breach,
    Place,
    Rules,
    Slo,
    breach_of,
    measured,
    ratio_breach,
    regression_breach,
    rules,
)
from silent_infinity.domain.payload import PayloadError, from_payload, to_payload
from silent_infinity.domain.registry.demotions import Demotion
from silent_infinity.domain.registry.view import View, is_default
from silent_infinity.domain.variant_sums import DayOfVariant
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.query_results import QueryResults
from silent_infinity.ports.variant_metrics import VariantMetrics
from silent_infinity.ports.variant_store import Snapshot, VariantSnapshots

EXPERIMENTS = "gold_experiments"
TRIGGER = "rollup"
RULE = "crisis-regression"

TAKEN_BACK = (
    "it is taken back to experimental, at a rollout of 0, unless the run was started without --act. The audit"
    " log has the entry, and another message says that it was done."
)
COHORT = (
    "nothing by itself: it is served to a part of the people only, who may come to a crisis more often"
    " whatever they are served. A person has to look at it and pause it (./run admin variants pause)."
)
CHANGED = (
    "nothing by itself: the variant was changed after the run had begun, so that these figures may be of what"
    " is no longer served. A person has to look at it."
)


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """The day that was computed, the running arms, and the statement that has read their figures.

    `execution` is the name of the run by which the console finds it.
    """

    date: str
    queries: Mapping[str, str]
    arms: tuple[RunningArm, ...] = ()
    execution: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "EvaluationRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field or the statement is missing.
        """
        request = from_payload(cls, event)
        if not request.queries.get(EXPERIMENTS):
            raise PayloadError(f"queries has to name the statement of {EXPERIMENTS}")
        return request


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What people are told, and what is asked of the registry."""

    breaches: tuple[Breach, ...] = ()
    regressions: tuple[Demotion, ...] = ()

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        payload: dict[str, Any] = to_payload(self)
        return payload


@dataclass(frozen=True, slots=True)
class _Night:
    """What one evaluation looks at."""

    last: date
    arms: tuple[RunningArm, ...]
    snapshot: Snapshot
    production: Mapping[str, Sequence[str]]
    figures: Mapping[Key, Mapping[str, Figures]] = field(default_factory=dict)


class EvaluateRollup:
    """Reads figures and says what follows. It changes nothing itself."""

    def __init__(
        self,
        *,
        results: QueryResults,
        metrics: VariantMetrics,
        registry: VariantSnapshots,
        clock: Clock,
        place: Place,
        bounds: Rules | None = None,
    ) -> None:
        self._results = results
        self._metrics = metrics
        self._registry = registry
        self._clock = clock
        self._place = place
        self._rules = bounds or rules()

    def __call__(self, request: EvaluationRequest) -> Evaluation:
        """Return the bounds that do not hold on the day, and the arms that are to be taken back.

        Raises:
            GoldError: a row is not as its table says.
            StoreUnavailableError: figures cannot be read.
        """
        snapshot = self._registry.snapshot()
        now = View.of(snapshot.records, self._clock.now())
        production: dict[str, list[str]] = {}
        for record in now.records.values():
            if is_default(record):
                production.setdefault(record.category, []).append(record.variant_id)
        night = _Night(
            date.fromisoformat(request.date),
            request.arms,
            snapshot,
            production,
            experiments(self._results.rows(request.queries[EXPERIMENTS])),
        )
        place = replace(self._place, execution=request.execution)
        judged = (
            crisis_regression(arm, night.figures.get(_key(arm), {}), self._rules.crisis_regression)
            for arm in night.arms
        )
        regressions = [found for found in judged if found]
        return Evaluation(
            (
                *(
                    regression_breach(found, night.last, place, taken_back=_outcome(found, snapshot))
                    for found in regressions
                ),
                *self._ratios(night, place),
                *(breach for slo in self._rules.slos for breach in self._breaches(slo, night, place)),
            ),
            tuple(
                _demotion(found, night.last)
                for found in regressions
                if _outcome(found, snapshot) == TAKEN_BACK
            ),
        )

    def _breaches(self, slo: Slo, night: _Night, place: Place) -> Iterator[Breach]:
        for category, name, variants, production, began in _subjects(slo, night):
            # Days before an arm began are those of another state of it, or of production alone.
            first = max(slo.first(night.last), began)
            found = measured(
                slo,
                self._days(category, variants, first, night.last),
                self._days(category, production, first, night.last),
            )
            if found is not None and not slo.holds(found.value):
                yield breach_of(slo, found, f"{category}/{name}", night.last, place, first=first)

    def _ratios(self, night: _Night, place: Place) -> Iterator[Breach]:
        # Who is not in an arm's cohort falls to production, so that its share is not what the ranges leave.
        uneven = {arm.category for arm in night.arms if not for_everybody(arm)}
        for arm in night.arms:
            last = night.last.isoformat()
            if arm.category in uneven or arm.shares_since > last:
                continue
            units: Mapping[str, int]
            if arm.shares_since <= arm.since:
                figures = night.figures.get(_key(arm), {})
                units = {name: found.counts.units for name, found in figures.items()}
                days = f"{arm.since} to {last}"
            else:
                units, days = self._units_of_day(arm, night.last), last
            mismatch = ratio_mismatch(arm, units, self._rules.sample_ratio)
            if mismatch:
                yield ratio_breach(mismatch, days, place)

    def _units_of_day(self, arm: RunningArm, day: date) -> Mapping[str, int]:
        found = self._days(arm.category, (arm.variant_id, *arm.production), day, day)
        return {each.variant_id: each.counts.units for each in found if each.counts}

    def _days(
        self, category: str, variants: Sequence[str], first: date, last: date
    ) -> Sequence[DayOfVariant]:
        return [
            day for variant_id in variants for day in self._metrics.days(category, variant_id, first, last)
        ]


def _subjects(slo: Slo, night: _Night) -> Iterator[tuple[str, str, Sequence[str], Sequence[str], date]]:
    """Yield what an SLO is asked of: category, name, its variants, production to hold it against, and the day
    since which it is what it is.
    """
    if slo.variants == ARMS:
        for arm in night.arms:
            if slo.category in (ANY_CATEGORY, arm.category):
                began = date.fromisoformat(arm.since)
                yield arm.category, arm.variant_id, (arm.variant_id,), tuple(arm.production), began
    elif slo.variants == PRODUCTION:
        yield slo.category, PRODUCTION, night.production.get(slo.category, ()), (), date.min
    else:
        yield slo.category, slo.variants, (slo.variants,), (), date.min


def _key(arm: RunningArm) -> Key:
    return arm.category, arm.variant_id


def _outcome(found: Regression, snapshot: Snapshot) -> str:
    """Say what becomes of an arm: figures of another state of it must not take it back."""
    row = snapshot.records.get(_key(found.arm))
    if row is None or row.version != found.arm.version:
        return CHANGED
    return TAKEN_BACK if for_everybody(found.arm) else COHORT


def _demotion(found: Regression, last: date) -> Demotion:
    arm = found.arm
    return Demotion(
        category=arm.category,
        variant_id=arm.variant_id,
        reason=(
            f"{found.flagged} of {found.units} units came to a crisis, {found.production_flagged} of"
            f" {found.production_units} of production's, {arm.since} to {last}"
            f" (Fisher's exact test, one-sided, p {found.p:.2g})."
        ),
        trigger=TRIGGER,
        request_id=f"{RULE} since {arm.since} version {arm.version}",
        spares_production=True,
    )
