"""The e-mail to an approver: plain text, without a word that a person wrote.

A sentence is one line, however long: whatever shows it breaks it where its own screen ends. Lines that are
broken here look like a comb on a phone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from silent_infinity.domain.promotion.approval import Approval
from silent_infinity.domain.promotion.evidence import Evidence, Verdict
from silent_infinity.domain.promotion.words import (
    NO_RISK,
    UNDO,
    VERDICTS,
    about,
    asker,
    brackets,
    moment,
    moment_of,
    numbers,
    people,
    risks,
    span,
    step,
    undo_command,
    verdicts,
)

MOST_SUBJECT: Final = 99
"""Amazon SNS takes fewer than 100 characters of ASCII, and no line breaks."""

_MOST_RISKS: Final = 5


@dataclass(frozen=True, slots=True)
class Links:
    """An approver's links: the same page, with one answer or the other preselected."""

    approve: str
    reject: str


def message(evidence: Evidence, approval: Approval, links: Links, environment: str) -> tuple[str, str]:
    """Return subject and text."""
    return _subject(evidence, environment), "\n".join(_lines(evidence, approval, links, environment)) + "\n"


def _subject(evidence: Evidence, environment: str) -> str:
    head, tail = f"[{environment}] Approve ", f" for {step(evidence)}? Gates {_verdict(evidence)}"
    name = f"{evidence.category}/{evidence.variant_id}"
    room = MOST_SUBJECT - len(head) - len(tail)
    if len(name) > room:
        name = f"{name[: room - 3]}..."
    return "".join(one if " " <= one <= "~" else "?" for one in f"{head}{name}{tail}")[:MOST_SUBJECT]


def _verdict(evidence: Evidence) -> str:
    return VERDICTS[Verdict(evidence.verdict)]


def _lines(evidence: Evidence, approval: Approval, links: Links, environment: str) -> Iterator[str]:
    yield f"{evidence.category}/{evidence.variant_id} ({environment})"
    yield about(evidence)
    yield f"{evidence.from_status} -> {step(evidence)}"
    yield f"Gates: {_verdict(evidence)}. {verdicts(evidence.gates)}"
    yield from _part("What a yes changes for people", people(evidence))
    yield from _heading("The numbers that matter")
    chosen = numbers(evidence.gates)
    yield from brackets(chosen)
    for gate in chosen:
        yield f"- {gate.title}: {span(gate)}" if gate.unit else f"- {gate.title}"
        yield f"  {gate.sentence}"
    found = risks(evidence)
    yield from _part("What speaks against it, or is not known", found[:_MOST_RISKS] or [NO_RISK])
    if len(found) > _MOST_RISKS:
        yield f"- and {len(found) - _MOST_RISKS} more on the page"
    yield from _heading("How it is undone")
    yield UNDO
    yield f"  {undo_command(evidence, environment)}"
    yield from _heading("Decide")
    yield (
        "Both links open the same page. It shows the evidence and asks for a reason; nothing happens before "
        "you send it there."
    )
    if approval.needed > 1:
        yield f"{approval.needed} different people have to say yes. One no is enough to reject."
    yield ""
    yield f"Approve: {links.approve}"
    yield ""
    yield f"Reject:  {links.reject}"
    yield ""
    yield f"Asked by {asker(evidence)}, {moment_of(evidence.requested_at)}"
    yield f"Expires {moment(approval.expires_at)}. No answer: nothing changes."
    yield (
        "These links are yours: what is decided with them is recorded as your decision. Do not pass them on."
    )


def _heading(title: str) -> Iterator[str]:
    yield ""
    yield title.upper()


def _part(title: str, sentences: Iterable[str]) -> Iterator[str]:
    yield from _heading(title)
    for sentence in sentences:
        yield f"- {sentence}"
