"""A person's decision on a promotion: who is asked, what was said, and when it is over."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from silent_infinity.domain.variant_categories import categories

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


OPERATOR: Final = "operator:"
"""What an actor's name in the audit log begins with, before the operator's subject."""

_GOOGLE: Final = frozenset({"gmail.com", "googlemail.com"})


def needed_for(category: str) -> int:
    """Return how many different approvers have to say yes: two where a crisis is handled."""
    return 2 if categories()[category].crisis else 1


def eligible(confirmed: Collection[Approver], requested_by: str) -> tuple[Approver, ...]:
    """Return who may decide on a promotion that `requested_by` (an actor's name) asked for.

    Whoever asked is left out, and whoever reads the mailbox of whoever asked. Two subjects with one mailbox
    are one person. A subject with two mailboxes is left out, since both of them would hold the same link.
    """
    asking = account_of(requested_by)
    boxes = {(account_of(one.subject), mailbox_of(one.address)) for one in confirmed}
    barred = {mailbox for account, mailbox in boxes if account == asking}
    mailboxes = Counter(account for account, _ in boxes)
    found: dict[str, Approver] = {}
    for one in sorted(confirmed, key=lambda one: (one.subject, one.address)):
        mailbox = mailbox_of(one.address)
        if mailbox not in barred and mailboxes[account_of(one.subject)] == 1:
            found.setdefault(mailbox, one)
    return tuple(found.values())


def account_of(actor: str) -> str:
    """Return the operator's subject by which accounts are told apart: filter policies are written by hand."""
    return actor.removeprefix(OPERATOR).strip().lower()


def mailbox_of(address: str) -> str:
    """Return the mailbox that an address leads to, as far as it tells: without case, without what follows a
    plus sign, and with Google without dots.
    """
    name, _, host = address.strip().lower().rpartition("@")
    name = name.partition("+")[0] or name
    return f"{name.replace('.', '')}@gmail.com" if host in _GOOGLE else f"{name}@{host}"


def status_after(approval: Approval, decided: Decided) -> str:
    """Return the status of a pending approval once somebody has decided: one no ends it."""
    if not decided.approves:
        return REJECTED
    agreed = {account_of(one.approver) for one in (*approval.decisions, decided) if one.approves}
    return APPROVED if len(agreed) >= approval.needed else PENDING


def standing(approval: Approval, may_decide: Collection[str]) -> Approval:
    """Return a pending approval with the decisions of those alone who may still decide: of two people both
    are approvers when the second one says yes.
    """
    still = tuple(one for one in approval.decisions if one.approver in may_decide)
    return replace(approval, decisions=still)


def decision_of(approval: Approval, approver: str) -> Decided | None:
    """Return what an approver said, if anything."""
    return next((one for one in approval.decisions if one.approver == approver), None)
