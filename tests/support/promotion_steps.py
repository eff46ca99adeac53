"""A registry in memory with the workflow of promotions around it, and what can fail in it."""

from dataclasses import replace
from typing import Any

from silent_infinity.adapters.memory.approvals import MemoryApprovals
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.promotion_executions import MemoryPromotionExecutions
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.memory.variant_store import MemoryPromotions, MemoryVariantStore
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.audit_verification import verify_chain
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.promotion.approval import APPROVED, REJECTED, Approval, Decided
from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.domain.registry.commands import Action, PromotionRequest
from silent_infinity.domain.registry.view import in_force
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.variant_store import RegistryWrite
from silent_infinity.usecases.apply_promotion import ApplyPromotion, ApplyPromotionRequest, PromotionApplied
from silent_infinity.usecases.close_promotion import ClosePromotion, ClosePromotionRequest
from silent_infinity.usecases.manage_variants import Applied, ManageVariants
from silent_infinity.usecases.open_promotion import OpenPromotion, OpenPromotionRequest, PromotionOpened
from silent_infinity.usecases.schedule_promotions import Scheduled, SchedulePromotions
from silent_infinity.usecases.start_promotions import StartPromotions
from tests.support.registry import NOW, command, variant

CATEGORY, ID = "COMPOSE_POSITION", "x"
PROMOTION = "promotion-1"
REASON = "The figures are good enough for me."
WATCH_SECONDS = 86_400


class FaultyStore(MemoryVariantStore):
    """A store whose next writes fail: each before it is written, or after."""

    faults: tuple[str, ...] = ()

    def apply(self, write: RegistryWrite) -> None:
        fault, *rest = self.faults or ("",)
        self.faults = tuple(rest)
        if fault == "before":
            raise StoreUnavailableError("Timeout")
        super().apply(write)
        if fault == "after":
            raise StoreUnavailableError("Timeout")


class World:
    """One variant that is to be promoted, beside production."""

    def __init__(
        self, category: str = CATEGORY, status: str = "staged", percent: float = 5, **fields: Any
    ) -> None:
        self.category = category
        self.clock = FixedClock(NOW)
        ranges = [[0, int(percent * 100)]] if percent and status != "production" else []
        rows = [
            variant(category, "prod", "production", 100),
            variant(category, ID, status, percent, ranges=ranges, **fields),
        ]
        self.store = FaultyStore(self.clock, rows)
        self.promotions = MemoryPromotions(self.store)
        self.approvals = MemoryApprovals()
        self.executions = MemoryPromotionExecutions()
        self.manage = ManageVariants(
            store=self.store,
            validator=JsonSchemaValidator(),
            clock=self.clock,
            randomness=SeededRandomness(1),
            sleep=lambda _: None,
        )
        self.close_use_case = ClosePromotion(
            manage=self.manage, store=self.store, promotions=self.promotions, approvals=self.approvals
        )
        self.keys = 0

    @property
    def row(self) -> VariantRecord:
        """The variant's row as it is stored."""
        return self.store.records[self.category, ID]

    def stands(self) -> tuple[str, float]:
        """Stage and rollout as they hold now."""
        record = in_force(self.row, self.clock.now())
        return record.status, record.rollout_percent

    @property
    def promotion(self) -> PromotionRequest:
        """The promotion as it is listed."""
        return self.store.promotions[PROMOTION]

    @property
    def actions(self) -> list[str]:
        """What the audit log says was done to the variant."""
        return [entry.facts["action"] for entry in self.store.entries.get((self.category, ID), [])]

    def operator(self, action: Action, variant_id: str = ID, **fields: Any) -> HttpResponse:
        """Have an operator change a variant, in the version that it has."""
        self.keys += 1
        version = self.store.records[self.category, variant_id].version
        ask = command(
            action,
            self.category,
            variant_id,
            **{"expected_version": version, "request_id": f"request-{self.keys}", **fields},
        )
        return self.manage(ask, f"key-{self.keys}", _answer)

    def request(self, promotion_id: str = PROMOTION, **fields: Any) -> PromotionRequest:
        """Ask for the promotion of the variant."""
        self.operator(Action.PROMOTE, confirm=True, request_id=promotion_id, **fields)
        return self.store.promotions[promotion_id]

    def decide(self, *yes: str, no: str = "", **fields: Any) -> Approval:
        """Have people say yes or no to the promotion."""
        decided = tuple(Decided(who, True, REASON, NOW.isoformat()) for who in yes)
        if no:
            decided = (*decided, Decided(no, False, REASON, NOW.isoformat()))
        approval = Approval(
            approval_id=PROMOTION,
            category=self.category,
            variant_id=ID,
            variant_version=self.promotion.variant_version,
            evidence_hash="h",
            requested_by=self.promotion.requested_by,
            needed=len(yes),
            opened_at=NOW.isoformat(),
            expires_at=0,
            decisions=decided,
            status=REJECTED if no else APPROVED,
        )
        self.approvals.kept[PROMOTION] = replace(approval, **fields)
        return self.approvals.kept[PROMOTION]

    def open(self, execution: str = "arn:one") -> PromotionOpened:
        """Have an execution take the promotion."""
        use_case = OpenPromotion(
            promotions=self.promotions, approval_seconds=604_800, watch_seconds=WATCH_SECONDS
        )
        return use_case(OpenPromotionRequest(PROMOTION, execution))

    def apply(self, step: str = "entry") -> PromotionApplied:
        """Apply a step."""
        use_case = ApplyPromotion(
            manage=self.manage,
            store=self.store,
            promotions=self.promotions,
            approvals=self.approvals,
            watch_seconds=WATCH_SECONDS,
        )
        return use_case(ApplyPromotionRequest(PROMOTION, step))

    def close(self, outcome: Outcome, **fields: str) -> str:
        """End the promotion, and return how it ended."""
        return self.close_use_case(ClosePromotionRequest(PROMOTION, outcome, **fields)).outcome

    def start(self, is_new: bool = False) -> None:
        """Follow a change of the promotion's record."""
        StartPromotions(executions=self.executions, approvals=self.approvals)(
            PROMOTION, self.promotion.status, is_new
        )

    def schedule(self) -> Scheduled:
        """Let a night begin."""
        return SchedulePromotions(
            manage=self.manage,
            store=self.store,
            promotions=self.promotions,
            approvals=self.approvals,
            executions=self.executions,
            close=self.close_use_case,
            clock=self.clock,
        )()

    def assert_audited(self) -> None:
        """See that every change has its entry, and that rows name the promotions that are open."""
        for key, entries in self.store.entries.items():
            assert verify_chain(key, entries, self.store.records[key]) == ()
        for promotion in self.store.promotions.values():
            named = self.store.records[promotion.category, promotion.variant_id].promotion_id
            assert (named == promotion.promotion_id) == (promotion.status == "awaiting_evidence")


def _answer(applied: Applied) -> HttpResponse:
    return ok({"version": applied.record.version}, status=202 if applied.waits else 200)
