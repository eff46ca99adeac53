"""What approvers were asked, and what they said."""

from collections.abc import Sequence
from typing import Protocol

from silent_infinity.domain.promotion.approval import Approval, Decided


class Approvals(Protocol):
    """Keeps approvals, and the token that resumes the waiting execution. The token goes nowhere else.

    Every method may raise StoreUnavailableError; reads are consistent.
    """

    def open(self, approval: Approval, task_token: str) -> Approval:
        """Begin to wait, and return what is stored.

        If one of this id is pending already, only its token is replaced: a state that is tried again has a
        new one. One that is decided or over is returned as it is.
        """
        ...

    def find(self, approval_id: str) -> Approval | None:
        """Return an approval."""
        ...

    def asked(self, approval_id: str, approver: str) -> None:
        """Note that an approver's message was sent."""
        ...

    def decide(self, approval_id: str, decided: Decided, before: Approval, status: str) -> Approval:
        """Add a decision; `status` is what the approval then has.

        Raises:
            ConflictError: the approval is no longer as in `before`.
        """
        ...

    def end(self, approval_id: str) -> Approval | None:
        """Make a pending approval OVER, and return it as it then is: a decision that came first stands."""
        ...

    def task_token(self, approval_id: str) -> str | None:
        """Return the token of the waiting execution; None when it was told."""
        ...

    def delivered(self, approval_id: str) -> None:
        """Note that the execution was told, and forget its token."""
        ...

    def undelivered(self) -> Sequence[Approval]:
        """Return those that are decided or over without the execution knowing. May be a moment behind."""
        ...
