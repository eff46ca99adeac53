"""Executions of the promotion workflow."""

from typing import Protocol


class PromotionExecutions(Protocol):
    """Starts executions and resumes those that wait. Every method may raise StoreUnavailableError."""

    def start(self, promotion_id: str) -> bool:
        """Start the execution of a promotion; it has the promotion's name. False if it was started before."""
        ...

    def resume(self, task_token: str, decision: str) -> bool:
        """Tell the waiting state the decision. False if it waits no longer."""
        ...

    def is_running(self, promotion_id: str) -> bool:
        """Whether the execution of a promotion is at work or waits."""
        ...
