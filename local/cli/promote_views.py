"""What people read of a promotion: where it stands, what each gate says, who decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.cli.admin_views import INDENT, moment, paragraph, person, reference, way
from local.cli.terminal import bold, plain

if TYPE_CHECKING:
    from silent_infinity.domain.promotion.approval import Approval
    from silent_infinity.domain.promotion.evidence import Evidence, GateResult

PENDING = "pending"
MARKS = {"passed": "passed", "failed": "FAILED", "not_enough_data": "not enough data"}

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Standing:
    """A promotion as the API has it, and what the workflow keeps of it.

    `state` is the state in which its execution is, empty if it is over or has not begun. `failure` says what
    an execution that did not succeed ended with. `unread` says why the rest could not be read.
    """

    promotion: Document
    state: str = ""
    failure: str = ""
    approval: Approval | None = None
    evidence: Evidence | None = None
    unread: str = ""


def asked(promotion: Document, flags: str) -> str:
    """What to type to follow a promotion that was just asked for."""
    command = f"./run promote status {promotion['promotion_id']} {flags}".rstrip()
    return f"{INDENT}Where it stands:\n{INDENT * 2}{command}"


def standing(found: Standing, *, local: bool = False) -> str:
    """Everything about one promotion."""
    one = plain(dict(found.promotion))
    lines = [
        bold(f"{reference(one)}  {way(one, one['next_percent'])}"),
        f"{INDENT}{one['promotion_id']}, asked for at {moment(one['requested_at'])}",
        paragraph(f"{person(one['requested_by'])}: {one['reason']}"),
        "",
        f"{INDENT}{bold(_where(found))}",
    ]
    lines += [paragraph(plain(text)) for text in _hints(found, local=local)]
    if found.evidence:
        lines += ["", *_gates(found.evidence)]
    return "\n".join(lines)


def _where(found: Standing) -> str:
    one = found.promotion
    if one["closed_at"]:
        ended = str(one["status"]).replace("_", " ")
        return f"Ended: {ended}, at {moment(one['closed_at'])}, by {person(one['closed_by'])}."
    if found.approval and found.approval.status == PENDING:
        yes = sum(decided.approves for decided in found.approval.decisions)
        until = datetime.fromtimestamp(found.approval.expires_at, UTC).isoformat()
        missing = found.approval.needed - yes
        who = "an approver" if missing == 1 else f"{missing} approvers"
        return f"Waits for {who}, until {moment(until)}."
    if found.state:
        return f"Now: {found.state.lower()}."
    return (
        "Open." if found.unread else "Its execution does not run: it is begun by the stream, or every night."
    )


def _hints(found: Standing, *, local: bool) -> list[str]:
    said = [found.unread] if found.unread else []
    if found.failure:
        said.append(f"Its execution did not succeed: {found.failure}.")
    approval = found.approval
    if approval is None:
        return said
    said.append(f"Asked: {len(approval.asked)}; needed: {approval.needed}.")
    if local and approval.status == PENDING:
        said.append("Their mails are in `./run outbox`; `./run outbox --open N` opens the link of one.")
    said += [
        f"{person(f'operator:{decided.approver}')} {'approved' if decided.approves else 'rejected'} it at "
        f"{moment(decided.at)}: {decided.reason}"
        for decided in approval.decisions
    ]
    return said


def _gates(evidence: Evidence) -> list[str]:
    days = f", figures of {evidence.since} to {evidence.as_of}" if evidence.as_of else ""
    lines = [f"{INDENT}{bold(f'The gates say: {MARKS[evidence.verdict]}')}{days}"]
    for gate in evidence.gates:
        lines += [f"{INDENT}{_mark(gate)}  {plain(gate.title)}", paragraph(plain(gate.sentence), INDENT * 3)]
    return lines


def _mark(gate: GateResult) -> str:
    return MARKS[gate.verdict].ljust(max(map(len, MARKS.values())))
