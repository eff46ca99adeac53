"""Approvers in memory, and what was written to them."""

from collections.abc import Iterable, Sequence

from silent_infinity.domain.promotion.approval import Approver
from silent_infinity.ports.errors import StoreUnavailableError


class MemoryApprovers:
    """An `Approvers`. `sent` has the approver, the subject and the text of every message.

    While `unavailable`, every call fails; writing to a subject in `unreachable` fails too.
    """

    def __init__(self, approvers: Iterable[Approver] = ()) -> None:
        self.approvers = list(approvers)
        self.sent: list[tuple[Approver, str, str]] = []
        self.unavailable = False
        self.unreachable: set[str] = set()

    def confirmed(self) -> Sequence[Approver]:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
        return tuple(sorted(self.approvers, key=lambda one: (one.subject, one.address)))

    def write(self, approver: Approver, subject: str, text: str) -> None:
        if self.unavailable or approver.subject in self.unreachable:
            raise StoreUnavailableError("Unavailable")
        self.sent.append((approver, subject, text))
