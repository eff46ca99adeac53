"""Carry out a step of a promotion that people have said yes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from silent_infinity.domain.payload import PayloadError, from_payload, to_payload
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.promotion.approval import (
    APPROVED,
    OPERATOR,
    Approval,
    Decided,
    account_of,
    needed_for,
)
from silent_infinity.domain.promotion.outcomes import OPEN, Outcome
from silent_infinity.domain.registry.commands import (
    WORKFLOW_ACTOR,
    Action,
    Command,
    PromotionRequest,
    Refusal,
)
from silent_infinity.domain.registry.view import has_entered
from silent_infinity.ports.approvals import Approvals
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.promotions import Promotions
from silent_infinity.ports.variant_store import VariantSnapshots
from silent_infinity.usecases.manage_variants import Applied, ManageVariants
from silent_infinity.usecases.open_promotion import watched_for

ENTRY: Final = "entry"
RAMP: Final = "ramp"

APPLIED: Final = "applied"
CHANGED: Final = "changed"
WITHDRAWN: Final = "withdrawn"
REFUSED: Final = "refused"

NOT_APPROVED: Final = "not-approved"
NO_NEXT_STEP: Final = "no-next-step"

_LATER = frozenset({"registry-busy", "change-pending"})
"""What passes by itself, within a cooldown at most."""

_CHANGED = frozenset({"version-mismatch", "variant-retired", "variant-not-found", "no-open-promotion"})

_NEXT_STEP = "The next step of an approved promotion: the one before was watched and showed no harm."


@dataclass(frozen=True, slots=True)
class ApplyPromotionRequest:
    """`step` is ENTRY, into the stage, or RAMP, within it."""

    promotion_id: str
    step: str = ENTRY

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ApplyPromotionRequest":
        """Read the state's input.

        Raises:
            PayloadError: the promotion is missing, or there is no such step.
        """
        request = from_payload(cls, event)
        if request.step not in (ENTRY, RAMP):
            raise PayloadError("step is entry or ramp")
        return request


@dataclass(frozen=True, slots=True)
class PromotionApplied:
    """What became of a step.

    `outcome` is APPLIED, CHANGED (the variant is no longer what was approved), WITHDRAWN (the promotion is
    over) or REFUSED, with the `code` of the registry's refusal. With `more`, another step follows, after
    `watch_seconds`.
    """

    outcome: str
    code: str = ""
    more: bool = False
    watch_seconds: int = 0

    def to_payload(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class ApplyPromotion:
    """Applies steps, each once, however often it is asked to."""

    def __init__(
        self,
        *,
        manage: ManageVariants,
        store: VariantSnapshots,
        promotions: Promotions,
        approvals: Approvals,
        watch_seconds: int,
    ) -> None:
        """Take the registry, and how many seconds lie between two steps."""
        self._manage = manage
        self._store = store
        self._promotions = promotions
        self._approvals = approvals
        self._watch_seconds = watch_seconds

    def __call__(self, request: ApplyPromotionRequest) -> PromotionApplied:
        """Apply the step if the promotion is open, approved, and of the variant as it is.

        Raises:
            StoreUnavailableError: perhaps it was applied, or another change of the category has to take
                effect first; trying again tells, or does it.
        """
        promotion = self._promotions.find(request.promotion_id)
        if promotion is None:
            return PromotionApplied(CHANGED)
        if promotion.status != OPEN:
            return _ended(promotion)
        approval = self._approvals.find(request.promotion_id)
        if approval is None or not _is_yes_to(approval, promotion):
            return PromotionApplied(REFUSED, NOT_APPROVED)
        if request.step == RAMP:
            if promotion.next_percent is None:
                return PromotionApplied(REFUSED, NO_NEXT_STEP)
            command = _ramp(promotion, promotion.next_percent)
        else:
            command = _entry(promotion, _last_yes(approval))
        try:
            self._manage(command, command.request_id, _answer)
        except Refusal as refusal:
            return self._refused(refusal.slug, request, promotion)
        return self._applied(request, promotion)

    def _refused(
        self, slug: str, request: ApplyPromotionRequest, promotion: PromotionRequest
    ) -> PromotionApplied:
        if slug in _LATER:
            raise StoreUnavailableError(slug) from None
        # An undo, or this very step a day ago, may have come first.
        now = self._promotions.find(promotion.promotion_id) or promotion
        if now.status != OPEN:
            return _ended(now)
        record = self._store.snapshot().records.get((promotion.category, promotion.variant_id))
        if request.step == ENTRY and record is not None and has_entered(record, promotion):
            return self._applied(request, promotion)
        return PromotionApplied(CHANGED if slug in _CHANGED else REFUSED, slug)

    def _applied(self, request: ApplyPromotionRequest, promotion: PromotionRequest) -> PromotionApplied:
        more = request.step == ENTRY and promotion.next_percent is not None
        return PromotionApplied(
            APPLIED, more=more, watch_seconds=watched_for(promotion.category, self._watch_seconds)
        )


def _ended(promotion: PromotionRequest) -> PromotionApplied:
    return PromotionApplied(APPLIED if promotion.status == Outcome.APPLIED else WITHDRAWN)


def _is_yes_to(approval: Approval, promotion: PromotionRequest) -> bool:
    """Whether enough people, none of them who asked, said yes to the variant in this version."""
    yes = {account_of(one.approver) for one in approval.decisions if one.approves}
    yes.discard(account_of(promotion.requested_by))
    return (
        approval.status == APPROVED
        and approval.variant_version == promotion.variant_version
        and len(yes) >= needed_for(promotion.category)
    )


def _last_yes(approval: Approval) -> Decided:
    return [one for one in approval.decisions if one.approves][-1]


def _entry(promotion: PromotionRequest, decided: Decided) -> Command:
    return Command(
        action=Action.PROMOTE,
        category=promotion.category,
        variant_id=promotion.variant_id,
        actor=f"{OPERATOR}{decided.approver}",
        reason=decided.reason,
        request_id=f"{promotion.promotion_id}#{ENTRY}",
        expected_version=promotion.variant_version,
        rollout_percent=promotion.rollout_percent,
        retire_incumbent=promotion.retire_incumbent,
        approved=True,
        promotion_id=promotion.promotion_id,
    )


def _ramp(promotion: PromotionRequest, percent: float) -> Command:
    return Command(
        action=Action.UPDATE,
        category=promotion.category,
        variant_id=promotion.variant_id,
        actor=WORKFLOW_ACTOR,
        reason=_NEXT_STEP,
        request_id=f"{promotion.promotion_id}#{RAMP}",
        # Nothing but the first step has come in between.
        expected_version=promotion.variant_version + 1,
        rollout_percent=percent,
        approved=True,
        promotion_id=promotion.promotion_id,
    )


def _answer(applied: Applied) -> HttpResponse:
    return ok({"version": applied.record.version, "effective_at": applied.decision.effective_at})
