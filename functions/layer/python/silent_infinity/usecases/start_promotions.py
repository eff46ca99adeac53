"""Have the workflow follow the record: it begins with a promotion, and asks nobody when that is over."""

from silent_infinity.domain.promotion.outcomes import OPEN
from silent_infinity.ports.approvals import Approvals
from silent_infinity.ports.promotion_executions import PromotionExecutions
from silent_infinity.usecases.resume_promotion import ResumePromotion


class StartPromotions:
    """Starts executions, and ends the wait for people where there is nothing left to decide."""

    def __init__(self, *, executions: PromotionExecutions, approvals: Approvals) -> None:
        self._executions = executions
        self._approvals = approvals
        self._resume = ResumePromotion(approvals=approvals, executions=executions)

    def __call__(self, promotion_id: str, status: str, is_new: bool) -> None:
        """Follow one change of the record. Doing it again changes nothing.

        Args:
            promotion_id: whose record was written.
            status: what it says.
            is_new: whether it was written for the first time.

        Raises:
            StoreUnavailableError: perhaps nothing was done; trying again does it.
        """
        if status == OPEN:
            if is_new:
                self._executions.start(promotion_id)
            return
        approval = self._approvals.end(promotion_id)
        if approval is not None and not approval.delivered:
            self._resume(approval)
