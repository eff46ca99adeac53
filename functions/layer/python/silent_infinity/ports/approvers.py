"""The people who may approve promotions."""

from collections.abc import Sequence
from typing import Protocol

from silent_infinity.domain.promotion.approval import Approver


class Approvers(Protocol):
    """Knows who may approve, and writes to each alone. Every method may raise StoreUnavailableError."""

    def confirmed(self) -> Sequence[Approver]:
        """Return every mailbox that was confirmed, by subject and address.

        `domain.promotion.approval.eligible` says who of them may decide on a promotion.
        """
        ...

    def write(self, approver: Approver, subject: str, text: str) -> None:
        """Send a message of plain text to one approver's subject: whichever mailboxes it has get it.

        `subject` has at most 99 characters of ASCII.
        """
        ...
