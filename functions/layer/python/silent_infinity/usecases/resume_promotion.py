"""Tell the waiting execution of a promotion what was decided."""

from typing import Final

from silent_infinity.domain.promotion.approval import APPROVED, REJECTED, Approval
from silent_infinity.ports.approvals import Approvals
from silent_infinity.ports.promotion_executions import PromotionExecutions

WITHDRAWN: Final = "withdrawn"
"""Nothing is to be decided any more."""


class ResumePromotion:
    """Tells each decision once; an execution that waits no longer need not be told."""

    def __init__(self, *, approvals: Approvals, executions: PromotionExecutions) -> None:
        self._approvals = approvals
        self._executions = executions

    def __call__(self, approval: Approval, *, otherwise: str = WITHDRAWN, task_token: str = "") -> bool:
        """Resume the execution that waits for an approval which is decided or over.

        Args:
            approval: what was asked.
            otherwise: what the execution is told if nobody decided.
            task_token: of a state that was tried again; the approval's own is of the try before.

        Returns:
            Whether it was waiting.

        Raises:
            StoreUnavailableError: perhaps it was not told; trying again does it.
        """
        token = task_token or self._approvals.task_token(approval.approval_id)
        decision = approval.status if approval.status in (APPROVED, REJECTED) else otherwise
        told = token is not None and self._executions.resume(token, decision)
        self._approvals.delivered(approval.approval_id)
        return told
