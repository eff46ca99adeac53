"""Collect what a promotion is judged by: figures of gold, answers of people, golden results, live misses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from silent_infinity.domain.lake.published import Row
from silent_infinity.domain.lake.regression import for_everybody
from silent_infinity.domain.lake.running_arms import RunningArm, running_arms
from silent_infinity.domain.payload import PayloadError, from_payload, to_payload
from silent_infinity.domain.promotion.evidence import config_hash
from silent_infinity.domain.promotion.gates import collected
from silent_infinity.domain.promotion.gates.figures import (
    COHORT,
    NOT_SERVED,
    NOT_YET,
    OTHER_COHORT,
    GateFigures,
    Misses,
)
from silent_infinity.domain.promotion.gates.rules import ENTRY, LIVE_MISSES, PHASES, window
from silent_infinity.domain.promotion.golden import suite_for
from silent_infinity.domain.promotion.outcomes import OPEN
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.domain.registry.view import has_entered, in_force
from silent_infinity.domain.variant_categories import categories
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.evidence import GoldenResults
from silent_infinity.ports.lake_queries import LakeQueries
from silent_infinity.ports.live_misses import LiveMissCounts
from silent_infinity.ports.promotions import Promotions
from silent_infinity.ports.query_results import QueryResults
from silent_infinity.ports.variant_store import VariantSnapshots

COLLECTED, WITHDRAWN, CHANGED = "collected", "withdrawn", "changed"


@dataclass(frozen=True, slots=True)
class CollectRequest:
    """Which promotion, and whether before a person is asked (entry) or between two steps (watch)."""

    promotion_id: str
    phase: str = ENTRY

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "CollectRequest":
        """Read the state's input.

        Raises:
            PayloadError: the promotion is missing, or there is no such phase.
        """
        request = from_payload(cls, event)
        if request.phase not in PHASES:
            raise PayloadError("phase is entry or watch")
        return request


@dataclass(frozen=True, slots=True)
class Collected:
    """`outcome` is COLLECTED, WITHDRAWN (the promotion is over) or CHANGED (the variant is another than the
    promotion is about); figures are there if it is COLLECTED.
    """

    outcome: str
    figures: GateFigures | None = None

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output: numbers and identifiers."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class CollectFigures:
    """Reads, and changes nothing. The registry and the lake are asked anew at every look."""

    def __init__(
        self,
        *,
        lake: LakeQueries,
        results: QueryResults,
        registry: VariantSnapshots,
        promotions: Promotions,
        golden: GoldenResults,
        misses: LiveMissCounts,
        clock: Clock,
    ) -> None:
        self._lake = lake
        self._results = results
        self._registry = registry
        self._promotions = promotions
        self._golden = golden
        self._misses = misses
        self._clock = clock

    def __call__(self, request: CollectRequest) -> Collected:
        """Return the figures as of the last day that the lake has.

        Raises:
            GoldError: a row is not as its table says.
            StoreUnavailableError: something cannot be read now.
        """
        promotion = self._promotions.find(request.promotion_id)
        if promotion is None or promotion.status != OPEN:
            return Collected(WITHDRAWN)
        stored = self._registry.snapshot().records
        row = stored.get((promotion.category, promotion.variant_id))
        if row is None or not _is_of(row, promotion, request.phase):
            return Collected(CHANGED)
        now = self._clock.now().astimezone(UTC)
        return Collected(COLLECTED, self._figures(in_force(row, now), stored, now))

    def _figures(
        self,
        record: VariantRecord,
        stored: Mapping[tuple[str, str], VariantRecord],
        now: datetime,
    ) -> GateFigures:
        category = categories()[record.category]
        yesterday = now.date() - timedelta(days=1)
        suite = suite_for(record.category)
        figures = GateFigures(
            category=record.category,
            variant_id=record.variant_id,
            version=record.version,
            collected_on=now.date().isoformat(),
            unit=category.unit,
            golden=self._golden.newest(*record.key, config_hash(record.config), suite) if suite else None,
        )
        # A crisis category is judged on golden sets alone: it serves nobody, and nothing is waited for.
        if category.crisis:
            return replace(figures, lack=NOT_SERVED)
        since = now.date() - window(LIVE_MISSES) + timedelta(days=1)
        misses = self._misses.between(since, now.date())
        figures = replace(figures, misses=Misses(misses.judged, misses.missed))
        arms = [arm for arm in running_arms(stored, now, yesterday) if arm.category == record.category]
        arm = next((arm for arm in arms if arm.variant_id == record.variant_id), None)
        if arm is None:
            return self._of_service(replace(figures, lack=NOT_SERVED), yesterday)
        if not for_everybody(arm):
            return self._of_service(replace(figures, lack=COHORT), yesterday)
        rows = self._rows({"figures": collected.figures_statement(arm, yesterday)})["figures"]
        as_of, fitting = collected.newest(rows, arm.since)
        if not as_of:
            return self._of_service(replace(figures, lack=NOT_YET), yesterday)
        others = OTHER_COHORT if not all(map(for_everybody, arms)) else ""
        return self._compared(replace(figures, division_lack=others), arm, as_of, fitting)

    def _compared(
        self, figures: GateFigures, arm: RunningArm, as_of: str, rows: Sequence[Row]
    ) -> GateFigures:
        more = self._rows(collected.statements(arm, date.fromisoformat(as_of)))
        mine, theirs, units = collected.sides(arm, rows, [*more["histograms"], *more["nps"]])
        days = collected.days_of(more["days"])
        return replace(
            figures,
            # Production that nobody was exposed to is none that could be held against.
            lack="" if theirs.counts.units else NOT_YET,
            since=arm.since,
            as_of=as_of,
            production=arm.production,
            arm=mine,
            others=theirs,
            division=collected.division(arm, units, days, as_of),
            screen=collected.screen(days),
        )

    def _of_service(self, figures: GateFigures, last: date) -> GateFigures:
        rows = self._rows({"days": collected.days_statement(figures.category, last)})["days"]
        return replace(figures, screen=collected.screen(collected.days_of(rows)))

    def _rows(self, statements: Mapping[str, str]) -> Mapping[str, Sequence[Row]]:
        started = {name: self._lake.start(statement) for name, statement in statements.items()}
        found: dict[str, Sequence[Row]] = {}
        for name, query_id in started.items():
            self._lake.wait(query_id)
            found[name] = list(self._results.rows(query_id))
        return found


def _is_of(row: VariantRecord, promotion: PromotionRequest, phase: str) -> bool:
    if phase == ENTRY:
        return row.promotion_id == promotion.promotion_id and row.version == promotion.variant_version
    return has_entered(row, promotion)
