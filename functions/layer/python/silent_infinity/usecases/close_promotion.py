"""End a promotion: once, with an entry in the audit log, and without a word against what was applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.promotion.approval import APPROVED, OPERATOR, REJECTED, Approval
from silent_infinity.domain.promotion.outcomes import OPEN, Outcome
from silent_infinity.domain.registry.commands import (
    WORKFLOW_ACTOR,
    Action,
    Command,
    PromotionRequest,
    Refusal,
)
from silent_infinity.domain.registry.view import after_pending, has_entered, serves
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.approvals import Approvals
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.promotions import Promotions
from silent_infinity.ports.variant_store import VariantSnapshots
from silent_infinity.usecases.manage_variants import Applied, ManageVariants

_TRIES: Final = 5
"""How often the variant is looked at anew because it was changed in between."""

_CHANGES_THE_VARIANT = frozenset({Outcome.APPLIED, Outcome.APPLIED_IN_PART})

_REASONS: Mapping[Outcome, str] = {
    Outcome.APPLIED_IN_PART: "The promotion was applied in part: its last step was not taken.",
    Outcome.TAKEN_BACK: "The promotion ended: the variant was shown to harm.",
    Outcome.NOT_PASSED: "The promotion ended: a gate was not passed.",
    Outcome.NOT_ENOUGH_DATA: "The promotion ended: the time was up before there were enough figures.",
    Outcome.REJECTED: "The promotion was rejected.",
    Outcome.EXPIRED: "The promotion expired: nobody decided in time.",
    Outcome.CHANGED: "The promotion ended: the variant is no longer what the evidence is of.",
    Outcome.WITHDRAWN: "The promotion was withdrawn.",
    Outcome.NO_APPROVERS: "The promotion ended: there are too few people who may approve it.",
    Outcome.STOPPED: "The promotion ended: its execution was stopped by hand.",
    Outcome.FAILED: "The promotion ended: it could not be carried out.",
}

_TOLD_TOO_LATE = (
    "The promotion ended: it was approved, and the workflow could not be told before its time was up."
)


@dataclass(frozen=True, slots=True)
class ClosePromotionRequest:
    """How a promotion is to end. `outcome` is a value of `Outcome`.

    `execution` is the ARN of an execution that is over: a promotion that another one works on is left alone.
    `code` is why the registry refused, if it did.
    """

    promotion_id: str
    outcome: str
    execution: str = ""
    code: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ClosePromotionRequest":
        """Read the state's input, or what a rule makes of an execution's end.

        Raises:
            PayloadError: a field is missing.
            ValueError: there is no such outcome.
        """
        request = from_payload(cls, event)
        Outcome(request.outcome)
        return request


@dataclass(frozen=True, slots=True)
class PromotionEnded:
    """How the promotion ended indeed, or its status if it is not to end."""

    outcome: str

    def to_payload(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class ClosePromotion:
    """Ends promotions. What has ended stays as it ended."""

    def __init__(
        self,
        *,
        manage: ManageVariants,
        store: VariantSnapshots,
        promotions: Promotions,
        approvals: Approvals,
    ) -> None:
        self._manage = manage
        self._store = store
        self._promotions = promotions
        self._approvals = approvals

    def __call__(self, request: ClosePromotionRequest) -> PromotionEnded:
        """End the promotion if it is open.

        Raises:
            StoreUnavailableError: it is not known whether it has ended; trying again tells, or ends it.
        """
        for _ in range(_TRIES):
            promotion = self._promotions.find(request.promotion_id)
            if promotion is None:
                return PromotionEnded(request.outcome)
            if promotion.status != OPEN or _is_of_another(request, promotion):
                return PromotionEnded(promotion.status)
            record = self._store.snapshot().records.get((promotion.category, promotion.variant_id))
            if record is None:
                return PromotionEnded(promotion.status)
            approval = self._approvals.find(promotion.promotion_id)
            outcome = _final(_as_decided(Outcome(request.outcome), approval), record, promotion)
            command = _command(request, promotion, outcome, record.version, approval)
            try:
                self._manage(command, command.request_id, _answer)
            except Refusal as refusal:
                if refusal.slug == "registry-busy":
                    raise StoreUnavailableError(refusal.slug) from None
            else:
                return PromotionEnded(outcome)
        raise StoreUnavailableError("promotion-changes")


def _command(
    request: ClosePromotionRequest,
    promotion: PromotionRequest,
    outcome: Outcome,
    version: int,
    approval: Approval | None,
) -> Command:
    actor, reason = WORKFLOW_ACTOR, _REASONS[outcome]
    if outcome is Outcome.FAILED and request.code:
        reason = f"{reason} The registry refused it: {request.code}."
    elif outcome is Outcome.FAILED and request.outcome == Outcome.EXPIRED:
        reason = _TOLD_TOO_LATE
    for decided in approval.decisions if approval and outcome is Outcome.REJECTED else ():
        if not decided.approves:
            actor, reason = f"{OPERATOR}{decided.approver}", decided.reason
    return Command(
        action=Action.CLOSE_PROMOTION,
        category=promotion.category,
        variant_id=promotion.variant_id,
        actor=actor,
        reason=reason,
        request_id=f"{promotion.promotion_id}#close",
        # Until this is written, a function that still runs may apply a step.
        expected_version=version,
        promotion_id=promotion.promotion_id,
        outcome=outcome,
    )


def _as_decided(asked: Outcome, approval: Approval | None) -> Outcome:
    """Return how a promotion ends that is said to have expired: somebody may have decided in time, and the
    workflow could not be told.
    """
    if asked is not Outcome.EXPIRED or approval is None:
        return asked
    return {REJECTED: Outcome.REJECTED, APPROVED: Outcome.FAILED}.get(approval.status, asked)


def _is_of_another(request: ClosePromotionRequest, promotion: PromotionRequest) -> bool:
    return bool(request.execution and promotion.execution) and request.execution != promotion.execution


def _final(asked: Outcome, record: VariantRecord, promotion: PromotionRequest) -> Outcome:
    """Return how an open promotion ends: as what was applied, and not as what was not."""
    if asked is Outcome.TAKEN_BACK:
        stage = record if record.pending is None else after_pending(record, record.pending)
        if not serves(stage):
            return asked
        # It could not be taken back: nobody would have served in its place.
        asked = Outcome.NOT_PASSED
    if has_entered(record, promotion):
        return Outcome.APPLIED_IN_PART
    return Outcome.FAILED if asked in _CHANGES_THE_VARIANT else asked


def _answer(applied: Applied) -> HttpResponse:
    return ok({"version": applied.record.version})
