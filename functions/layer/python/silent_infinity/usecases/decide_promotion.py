"""The page of an approval: showing it changes nothing, sending its form decides.

Who decides is who the link was signed for. A decision is recorded first, and the waiting workflow told then:
if that fails, the decision stands, and is told by the next try or by the nightly schedule.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from silent_infinity.domain.problems import HttpResponse
from silent_infinity.domain.promotion import links
from silent_infinity.domain.promotion.approval import (
    OVER,
    PENDING,
    Approval,
    Decided,
    decision_of,
    eligible,
    standing,
    status_after,
)
from silent_infinity.domain.promotion.outcomes import OPEN, Outcome
from silent_infinity.domain.promotion.page import Click, State, Told, View, response
from silent_infinity.domain.promotion.page_form import Typed, typed
from silent_infinity.ports.approvals import Approvals
from silent_infinity.ports.approvers import Approvers
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from silent_infinity.ports.evidence import EvidenceStore
from silent_infinity.ports.promotion_executions import PromotionExecutions
from silent_infinity.ports.promotions import Promotions
from silent_infinity.ports.variant_store import VariantSnapshots
from silent_infinity.usecases.resume_promotion import ResumePromotion

CHANGED: Final = "changed"
"""What the workflow is told when nothing can be decided any more."""

_ATTEMPTS: Final = 8
_TELLING_SECONDS: Final = 30
"""For so long after a decision whoever recorded it may still be telling the workflow."""


class DecidePromotion:
    """Shows the page of an approval, and takes decisions."""

    def __init__(
        self,
        *,
        approvals: Approvals,
        approvers: Approvers,
        evidence: EvidenceStore,
        promotions: Promotions,
        variants: VariantSnapshots,
        executions: PromotionExecutions,
        link_key: Callable[[], str],
        environment: str,
        clock: Clock,
    ) -> None:
        self._approvals = approvals
        self._approvers = approvers
        self._evidence = evidence
        self._promotions = promotions
        self._variants = variants
        self._resume = ResumePromotion(approvals=approvals, executions=executions)
        self._link_key = link_key
        self._environment = environment
        self._clock = clock

    def show(self, click: Click) -> HttpResponse:
        """Return the page; nothing changes, however often it is opened, and by whom."""
        view = self._look(click)
        choice = click.query.get("d", "")
        if view.state is State.ASKED and choice in links.CHOICES:
            view = replace(view, typed=Typed(choice))
        return response(view)

    def decide(self, click: Click) -> HttpResponse:
        """Record what an approver decided, tell the workflow, and return the page as it then is."""
        for _ in range(_ATTEMPTS):
            view = self._look(click)
            if view.approval is not None and view.state in {State.CHANGED, State.CLOSED}:
                self._give_up(view.approval)
            if view.approval is not None and view.state is State.DECIDED:
                view = self._told_again(view, view.approval)
            if view.approval is None or view.state is not State.ASKED:
                return response(view, sent=True)
            given = typed(click.fields)
            if given.problems:
                return response(replace(view, state=State.INCOMPLETE, typed=given), sent=True)
            try:
                view = self._decided(view, view.approval, given)
            except ConflictError:
                continue
            return response(view, sent=True)
        raise StoreUnavailableError("Contention")

    def _look(self, click: Click) -> View:
        """Return what the page has to show, without a change to anything."""
        link = links.read(click.approval_id, click.query, self._link_key())
        if link is None:
            return View(State.TAMPERED, self._environment)
        approval = self._approvals.find(link.approval_id)
        if approval is None:
            return View(State.UNKNOWN, self._environment)
        asked = (approval.variant_version, approval.evidence_hash, approval.expires_at)
        if (link.variant_version, link.evidence_hash, link.expires_at) != asked:
            return View(State.TAMPERED, self._environment)
        confirmed = self._approvers.confirmed()
        may_decide = frozenset(one.subject for one in eligible(confirmed, approval.requested_by))
        if link.approver not in may_decide:
            return View(State.NOT_AN_APPROVER, self._environment)
        promotion = self._promotions.find(approval.approval_id)
        return self._found(
            View(
                state=State.ASKED,
                environment=self._environment,
                approval=approval,
                approver=link.approver,
                names={one.subject: one.address for one in confirmed},
                may_decide=may_decide,
                outcome=Outcome.FAILED if promotion is None else promotion.status,
            ),
            approval,
        )

    def _found(self, view: View, approval: Approval) -> View:
        if self._clock.now().timestamp() >= approval.expires_at:
            return replace(view, state=State.EXPIRED)
        evidence = self._evidence.find(approval.approval_id, approval.evidence_hash)
        if evidence is None:
            return View(State.UNKNOWN, self._environment)
        return replace(view, evidence=evidence, state=self._state(view, approval))

    def _state(self, view: View, approval: Approval) -> State:
        if approval.status == OVER:
            return State.CHANGED if view.outcome in {OPEN, Outcome.CHANGED} else State.CLOSED
        if approval.status != PENDING:
            return State.DECIDED
        if view.outcome != OPEN:
            return State.CLOSED
        row = self._variants.snapshot().records.get((approval.category, approval.variant_id))
        if row is None or row.version != approval.variant_version or row.promotion_id != approval.approval_id:
            return State.CHANGED
        return State.ASKED if decision_of(approval, view.approver) is None else State.ONE_OF_TWO

    def _decided(self, view: View, approval: Approval, given: Typed) -> View:
        decided = Decided(
            approver=view.approver,
            approves=given.choice == links.APPROVE,
            reason=given.reason,
            at=self._clock.now().isoformat(),
        )
        status = status_after(standing(approval, view.may_decide), decided)
        after = self._approvals.decide(approval.approval_id, decided, approval, status)
        if after.status == PENDING:
            return replace(view, approval=after, state=State.ONE_OF_TWO, counted=True)
        return replace(view, approval=after, state=State.DECIDED, counted=True, told=self._tell(after))

    def _told_again(self, view: View, approval: Approval) -> View:
        """Tell the workflow what it was not told, unless whoever decided may be about to."""
        last = max(datetime.fromisoformat(one.at) for one in approval.decisions)
        if approval.delivered or (self._clock.now() - last).total_seconds() < _TELLING_SECONDS:
            return view
        return replace(view, told=self._tell(approval))

    def _give_up(self, approval: Approval) -> None:
        ended = self._approvals.end(approval.approval_id)
        if ended is not None and ended.status == OVER and not ended.delivered:
            self._tell(ended)

    def _tell(self, approval: Approval) -> Told:
        try:
            return Told.YES if self._resume(approval, otherwise=CHANGED) else Told.TOO_LATE
        except StoreUnavailableError:
            return Told.LATER
