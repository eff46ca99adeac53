"""A person's decision on a promotion: who is asked, what was said, and when it is over."""

from dataclasses import dataclass
from typing import Final

PENDING: Final = "pending"
APPROVED, REJECTED = "approved", "rejected"
OVER: Final = "over"
"""Nobody is waited for any more, without a decision: it expired, or the variant changed or was taken back."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What one approver said. `approver` is the operator's subject, `at` ISO 8601 in UTC."""

    approver: str
    approves: bool
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class Approval:
    """What approvers are asked about one promotion.

    `approval_id` is the promotion's id. `needed` approvers have to say yes; one no is enough. `expires_at` is
    in epoch seconds: from then on links are dead. `asked` are the approvers whose message was sent.
    `delivered` says that the waiting execution was told of the decision.
    """

    approval_id: str
    category: str
    variant_id: str
    variant_version: int
    evidence_hash: str
    requested_by: str
    needed: int
    opened_at: str
    expires_at: int
    asked: tuple[str, ...] = ()
    decisions: tuple[Decided, ...] = ()
    status: str = PENDING
    delivered: bool = False


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody who may approve: the operator's subject, and where messages go (an e-mail address)."""

    subject: str
    address: str
