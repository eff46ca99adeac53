"""Judge a promotion by its gates, and keep what was found as evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from silent_infinity.domain.payload import PayloadError, from_payload, to_payload
from silent_infinity.domain.promotion.evidence import Evidence, Verdict
from silent_infinity.domain.promotion.gates import opinions, rules
from silent_infinity.domain.promotion.gates.changes import config_changes
from silent_infinity.domain.promotion.gates.criteria import asked_of
from silent_infinity.domain.promotion.gates.evaluation import Classical, Found, evaluate, gates_of
from silent_infinity.domain.promotion.gates.figures import GateFigures
from silent_infinity.domain.promotion.gates.looks import is_over, seconds_to_next
from silent_infinity.domain.promotion.gates.rules import ENTRY, PHASES, Plan
from silent_infinity.domain.promotion.statistics.sequential import Bounds
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.domain.registry.view import View, measured_since
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.classical_tests import ClassicalTests
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.evidence import EvidenceStore
from silent_infinity.ports.promotions import Promotions
from silent_infinity.ports.variant_store import VariantSnapshots

AT_ONCE: Final = 1
"""Seconds to the next look where the variant changed between collecting and judging."""


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """Which promotion, in which phase, by which figures."""

    promotion_id: str
    figures: GateFigures
    phase: str = ENTRY

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "EvaluateRequest":
        """Read the state's input.

        Raises:
            PayloadError: promotion or figures are missing, or there is no such phase.
        """
        request = from_payload(cls, event)
        if request.phase not in PHASES:
            raise PayloadError("phase is entry or watch")
        return request


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The verdict over all gates, and where the evidence lies.

    `regression`: the arm was shown to harm. `look_seconds`: when to look again if there is not enough data,
    unless `time_is_up`. `summary` is for whoever reads the execution; no person's words are in it.
    """

    verdict: Verdict
    regression: bool
    evidence_hash: str
    summary: str
    look_seconds: int
    time_is_up: bool

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class EvaluateGates:
    """Judging the same figures again makes the same evidence: no clock is in it."""

    def __init__(
        self,
        *,
        promotions: Promotions,
        registry: VariantSnapshots,
        evidence: EvidenceStore,
        tests: ClassicalTests,
        clock: Clock,
        sample_hours: float | None = None,
        look_seconds: int = 0,
    ) -> None:
        """Take what is needed.

        Args:
            promotions: the requests.
            registry: the variants.
            evidence: where documents are kept.
            tests: for what is looked at once.
            clock: says when the next look is.
            sample_hours: in place of those of `data/gates.json`, before a person is asked.
            look_seconds: between two looks; 0 for every night.
        """
        self._promotions = promotions
        self._registry = registry
        self._evidence = evidence
        self._tests = tests
        self._clock = clock
        self._sample_hours = sample_hours
        self._look_seconds = look_seconds

    def __call__(self, request: EvaluateRequest) -> Evaluated:
        """Judge, keep the evidence, and note its hash on the promotion.

        Raises:
            StoreUnavailableError: something cannot be read or kept now; judging again is safe.
        """
        figures = request.figures
        now = self._clock.now().astimezone(UTC)
        promotion = self._promotions.find(request.promotion_id)
        view = View.of(self._registry.snapshot().records, now)
        record = view.records.get((figures.category, figures.variant_id))
        if promotion is None or record is None or record.version != figures.version:
            # Collecting again says what has become of it.
            return Evaluated(Verdict.NOT_ENOUGH_DATA, False, "", "changed meanwhile", AT_ONCE, False)
        asked = asked_of(
            promotion.category,
            promotion.to_status,
            request.phase,
            record.pass_criteria,
            sample_hours=self._sample_hours,
        )
        found = evaluate(asked, figures, classical_of(self._tests, asked.plan, figures))
        default = view.default(promotion.category)
        document = _document(promotion, record, default, figures, found)
        evidence_hash = self._evidence.put(document)
        self._promotions.note_evidence(promotion.promotion_id, evidence_hash)
        began = promotion.requested_at if request.phase == ENTRY else measured_since(record)
        return Evaluated(
            verdict=found.verdict,
            regression=found.regression,
            evidence_hash=evidence_hash,
            summary=found.summary,
            look_seconds=self._look_seconds or seconds_to_next(now),
            # Golden sets do not change by waiting.
            time_is_up=asked.plan.sample is None
            or is_over(request.phase, datetime.fromisoformat(began), now),
        )


def classical_of(tests: ClassicalTests, plan: Plan, figures: GateFigures) -> Classical:
    """Return what the tests of one look say of figures, as far as a plan asks for it and there are enough."""
    misses, ranks = Bounds(0.0, 1.0), None
    for gate in gates_of(plan, rules.LIVE_MISSES):
        missed, judged = figures.misses.missed, figures.misses.judged
        if 0 <= missed <= judged and judged >= gate.least:
            misses = Bounds(
                tests.binomial_lower(missed, judged, gate.alpha),
                tests.binomial_upper(missed, judged, gate.alpha),
            )
    for gate in gates_of(plan, rules.RANK_SUM):
        arm, others = (side.histogram(opinions.METRIC) for side in (figures.arm, figures.others))
        if min(arm.count, others.count) >= gate.least:
            ranks = _ranks(tests, arm.bins, others.bins, opinions.level(gate))
    return Classical(misses, ranks)


def _ranks(
    tests: ClassicalTests, arm: Mapping[int, int], others: Mapping[int, int], alpha: float
) -> opinions.Ranks | None:
    try:
        found = tests.rank_sum(arm, others, alpha)
    except ValueError:
        return None
    return opinions.Ranks(found.estimate, found.low, found.high, found.p)


def _document(
    promotion: PromotionRequest,
    record: VariantRecord,
    default: VariantRecord | None,
    figures: GateFigures,
    found: Found,
) -> Evidence:
    document = Evidence(
        promotion_id=promotion.promotion_id,
        category=promotion.category,
        variant_id=promotion.variant_id,
        variant_version=figures.version,
        from_status=promotion.from_status,
        to_status=promotion.to_status,
        from_percent=record.rollout_percent,
        to_percent=promotion.rollout_percent,
        next_percent=promotion.next_percent,
        requested_by=promotion.requested_by,
        requested_at=promotion.requested_at,
        reason=promotion.reason,
        verdict=found.verdict,
        gates=found.gates,
        production=figures.production or ((default.variant_id,) if default else ()),
        as_of=figures.as_of,
        since=figures.since,
        changes=config_changes(default.config if default else {}, record.config),
        description=record.description,
        golden=figures.golden,
        histograms=_histograms(figures),
    )
    # As it will be read: a whole number in a field of fractions has another text, and so another hash.
    return from_payload(Evidence, to_payload(document))


def _histograms(figures: GateFigures) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    sides = {"arm": figures.arm, "production": figures.others}
    return {
        metric: {
            name: {str(number): count for number, count in sorted(side.histogram(metric).bins.items())}
            for name, side in sides.items()
        }
        for metric in sorted({*figures.arm.histograms, *figures.others.histograms})
    }
