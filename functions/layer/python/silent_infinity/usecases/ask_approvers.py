"""Ask those who may approve: one message, with a link of their own, for each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from silent_infinity.domain.promotion.approval import PENDING, Approval, Approver, eligible, needed_for
from silent_infinity.domain.promotion.evidence import Evidence, Verdict
from silent_infinity.domain.promotion.links import APPROVE, REJECT, ApprovalLink, url_of
from silent_infinity.domain.promotion.message import Links, message
from silent_infinity.domain.promotion.outcomes import OPEN
from silent_infinity.ports.approvals import Approvals
from silent_infinity.ports.approvers import Approvers
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.evidence import EvidenceStore
from silent_infinity.ports.promotion_executions import PromotionExecutions
from silent_infinity.ports.promotions import Promotions
from silent_infinity.usecases.resume_promotion import ResumePromotion

_EARLY_PART: Final = 50
_MOST_EARLY_SECONDS: Final = 300


class NoApproversError(RuntimeError):
    """Too few people could be asked. The workflow knows this error by its name."""


class EvidenceMissingError(RuntimeError):
    """There is no evidence of this hash that passed: nobody is asked about anything else."""


@dataclass(frozen=True, slots=True)
class AskRequest:
    """What the workflow hands over. `approval_seconds` is how long its state waits."""

    promotion_id: str
    evidence_hash: str
    task_token: str
    approval_seconds: int


@dataclass(frozen=True, slots=True)
class Asked:
    """How many approvers have their message."""

    asked: int


class AskApprovers:
    """Opens the approval and writes to the approvers. May be called again: nobody is asked twice, unless the
    note that somebody was asked got lost.
    """

    def __init__(
        self,
        *,
        approvals: Approvals,
        approvers: Approvers,
        evidence: EvidenceStore,
        promotions: Promotions,
        executions: PromotionExecutions,
        link_key: Callable[[], str],
        base_url: str,
        environment: str,
        clock: Clock,
    ) -> None:
        self._approvals = approvals
        self._approvers = approvers
        self._evidence = evidence
        self._promotions = promotions
        self._resume = ResumePromotion(approvals=approvals, executions=executions)
        self._link_key = link_key
        self._base_url = base_url
        self._environment = environment
        self._clock = clock

    def __call__(self, request: AskRequest) -> Asked:
        """Ask everybody who may decide.

        Raises:
            NoApproversError: there are too few of them.
            EvidenceMissingError: there is nothing to ask about.
            StoreUnavailableError: a store or the topic could not be reached.
        """
        before = self._approvals.find(request.promotion_id)
        if before is not None and before.status != PENDING:
            return self._told(before, request.task_token)
        evidence = self._evidence.find(request.promotion_id, request.evidence_hash)
        if evidence is None or evidence.verdict != Verdict.PASSED:
            raise EvidenceMissingError(request.promotion_id)
        needed = needed_for(evidence.category)
        asked = eligible(self._approvers.confirmed(), evidence.requested_by)
        if len(asked) < needed:
            raise NoApproversError(f"{len(asked)} of {needed}")
        approval = self._approvals.open(self._approval(request, evidence, needed), request.task_token)
        if approval.status == PENDING and not self._is_open(request.promotion_id):
            # Whoever closed the promotion looked for an approval before there was one.
            approval = self._approvals.end(approval.approval_id) or approval
        if approval.status != PENDING:
            return self._told(approval, request.task_token)
        for approver in asked:
            if approver.subject not in approval.asked:
                self._write(approver, approval, evidence)
                self._approvals.asked(approval.approval_id, approver.subject)
        return Asked(len(asked))

    def _approval(self, request: AskRequest, evidence: Evidence, needed: int) -> Approval:
        now = self._clock.now()
        # A link is dead a little before the workflow stops waiting, so that no decision comes too late.
        early = min(_MOST_EARLY_SECONDS, request.approval_seconds // _EARLY_PART)
        return Approval(
            approval_id=request.promotion_id,
            category=evidence.category,
            variant_id=evidence.variant_id,
            variant_version=evidence.variant_version,
            evidence_hash=request.evidence_hash,
            requested_by=evidence.requested_by,
            needed=needed,
            opened_at=now.isoformat(),
            expires_at=int(now.timestamp()) + request.approval_seconds - early,
        )

    def _is_open(self, promotion_id: str) -> bool:
        promotion = self._promotions.find(promotion_id)
        return promotion is not None and promotion.status == OPEN

    def _told(self, approval: Approval, task_token: str) -> Asked:
        """Tell a state that was tried again what was decided before, or that nothing is to be decided."""
        self._resume(approval, task_token=task_token)
        return Asked(len(approval.asked))

    def _write(self, approver: Approver, approval: Approval, evidence: Evidence) -> None:
        link = ApprovalLink(
            approval_id=approval.approval_id,
            approver=approver.subject,
            variant_version=approval.variant_version,
            evidence_hash=approval.evidence_hash,
            expires_at=approval.expires_at,
        )
        key = self._link_key()
        links = Links(*(url_of(self._base_url, link, key, choice) for choice in (APPROVE, REJECT)))
        self._approvers.write(approver, *message(evidence, approval, links, self._environment))
