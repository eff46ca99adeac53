"""The people who may approve promotions."""

from collections.abc import Sequence
from typing import Protocol

from silent_infinity.domain.promotion.approval import Approver


class Approvers(Protocol):
    """Knows who may approve, and writes to each alone. Every method may raise StoreUnavailableError."""

    def confirmed(self) -> Sequence[Approver]:
        """Return those who have confirmed that they get messages, by subject; one for each subject."""
        ...

    def write(self, approver: Approver, subject: str, text: str) -> None:
        """Send a message of plain text to one approver. `subject` has at most 99 characters of ASCII."""
        ...
