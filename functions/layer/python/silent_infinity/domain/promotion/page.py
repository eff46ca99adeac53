"""The page of an approval, in each of its states.

It has no script, loads nothing, and is never kept: it is read once by the one person that its link is for.
Everything that a person wrote is escaped, and set apart from what the page says itself.
"""

import base64
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from html import escape
from typing import Final

from silent_infinity.data import read_bytes
from silent_infinity.domain.lake.report_html import ALARM, FINE, PLAIN, notice
from silent_infinity.domain.problems import HttpResponse
from silent_infinity.domain.promotion.approval import (
    APPROVED,
    OPERATOR,
    PENDING,
    REJECTED,
    Approval,
    decision_of,
    standing,
)
from silent_infinity.domain.promotion.evidence import Evidence
from silent_infinity.domain.promotion.outcomes import OPEN, Outcome
from silent_infinity.domain.promotion.page_evidence import evidence_sections
from silent_infinity.domain.promotion.page_form import Typed, form
from silent_infinity.domain.promotion.words import (
    about,
    asker,
    moment,
    moment_of,
    percent,
    short,
    step,
    verdicts,
    visible,
)


class State(StrEnum):
    """What the page finds when it is opened, or has done when something was sent."""

    ASKED = "asked"
    INCOMPLETE = "incomplete"
    ONE_OF_TWO = "one_of_two"
    DECIDED = "decided"
    EXPIRED = "expired"
    CHANGED = "changed"
    CLOSED = "closed"
    NOT_AN_APPROVER = "not_an_approver"
    TAMPERED = "tampered"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"


class Told(StrEnum):
    """Whether the waiting workflow knows what was decided."""

    YES = "yes"
    LATER = "later"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True)
class Click:
    """A request to the page: the approval in its path, its query, and the fields of the form, if sent."""

    approval_id: str
    query: Mapping[str, str]
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows. `names` are the e-mail addresses of subjects, as far as they are known;
    `may_decide` are the subjects that may decide now. `outcome` is the status of the promotion. `counted`
    says that what was just sent was recorded.
    """

    state: State
    environment: str
    approval: Approval | None = None
    evidence: Evidence | None = None
    approver: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    may_decide: Collection[str] = ()
    outcome: str = OPEN
    typed: Typed = field(default_factory=Typed)
    counted: bool = False
    told: Told = Told.YES


_STATUS: Final = {
    State.ASKED: 200,
    State.INCOMPLETE: 422,
    State.ONE_OF_TWO: 200,
    State.DECIDED: 200,
    State.EXPIRED: 410,
    State.CHANGED: 409,
    State.CLOSED: 409,
    State.NOT_AN_APPROVER: 403,
    State.TAMPERED: 403,
    State.UNKNOWN: 404,
    State.UNAVAILABLE: 503,
}
_ENDS: Final[Mapping[str, str]] = {
    OPEN: "It is being carried out.",
    Outcome.APPLIED: "The promotion was carried out.",
    Outcome.APPLIED_IN_PART: "The promotion was carried out, but not its last step.",
    Outcome.TAKEN_BACK: "The variant was shown to harm and was taken back: it serves nobody.",
    Outcome.REJECTED: "The promotion was rejected. Nothing changed for people.",
    Outcome.EXPIRED: "Nobody decided in time. Nothing changed for people.",
    Outcome.CHANGED: "The variant was changed meanwhile. Nothing changed for people.",
    Outcome.WITHDRAWN: "An operator took the variant back, which ended the promotion.",
    Outcome.STOPPED: "The workflow was ended by hand.",
    Outcome.FAILED: "Something did not work until the end. The people on call were told.",
}
_ENDED: Final = "The promotion is over."
_CLOSED_TO_ALL: Final = {
    State.TAMPERED: (
        "This link is not valid",
        "It is not as it was sent. Open it from the e-mail again, in one piece. If that does not help, the "
        "promotion has to be asked for again.",
    ),
    State.UNKNOWN: ("There is nothing to decide here", "What this link was about is no longer kept."),
    State.UNAVAILABLE: (
        "Not available at the moment",
        "Nothing was lost, and the link stays good. Try again in a minute.",
    ),
    State.NOT_AN_APPROVER: (
        "You cannot decide on this promotion",
        "You are not an approver (any more), or it is you who asked for it. docs/promotions.md says how to "
        "become one.",
    ),
}


def response(view: View, *, sent: bool = False) -> HttpResponse:
    """Return the page with its headers. `sent`: something was sent; if it was not counted, that is 409."""
    status = _STATUS[view.state]
    if sent and status == 200 and not view.counted:
        status = 409
    return HttpResponse(status, page(view), _headers())


def page(view: View) -> str:
    """Return the page as HTML."""
    title, inner = _content(view)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}: Silent Infinity, {escape(view.environment)}</title>\n"
        f"<style>{_style()}</style>\n</head>\n<body>\n<main>\n"
        f'<p class="where">Silent Infinity <span>{escape(view.environment)}</span></p>\n'
        f"{inner}</main>\n</body>\n</html>\n"
    )


def _content(view: View) -> tuple[str, str]:
    approval, evidence = view.approval, view.evidence
    if approval is None or view.state in _CLOSED_TO_ALL:
        title, words = _CLOSED_TO_ALL[view.state]
        return title, f"<h1>{escape(title)}</h1>\n{notice(words, ALARM)}"
    title = _title(view, approval)
    head = f"<header><h1>{_breakable(title)}</h1>\n{_notices(view, approval)}"
    if view.state is State.EXPIRED or evidence is None:
        return title, f"{head}</header>\n{_decisions(view, approval)}"
    open_form = form(view.typed) if _can_decide(view) else ""
    said = _decisions(view, approval)
    shown = evidence_sections(evidence, view.environment)
    return title, f"{head}{_facts(view, approval, evidence)}</header>\n{said}{shown}{open_form}"


def _breakable(title: str) -> str:
    """Return a title whose long names may be cut where their parts end."""
    return escape(title).replace("/", "/<wbr>").replace("_", "_<wbr>").replace("-", "-<wbr>")


def _can_decide(view: View) -> bool:
    return view.state in {State.ASKED, State.INCOMPLETE}


def _title(view: View, approval: Approval) -> str:
    name = f"{approval.category}/{approval.variant_id}"
    evidence = view.evidence
    where = f" to {step(evidence)}" if evidence is not None else ""
    match view.state:
        case State.ASKED | State.INCOMPLETE:
            return f"Promote {name}{where}?"
        case State.ONE_OF_TWO:
            return f"{name}: your yes is recorded"
        case State.DECIDED:
            done = "approved" if approval.status == APPROVED else "rejected"
            return f"{name}: {done}"
        case State.EXPIRED:
            return f"{name}: this link has expired"
        case State.CHANGED:
            return f"{name} was changed meanwhile"
        case _:
            return f"{name}: nothing to decide any more"


def _notices(view: View, approval: Approval) -> str:
    parts = []
    match view.state:
        case State.INCOMPLETE:
            parts.append(_problems(view.typed))
        case State.ASKED if view.evidence is not None:
            parts.append(notice(verdicts(view.evidence.gates), FINE))
            if approval.needed > 1:
                parts.append(notice(_missing(approval, view.may_decide)))
            parts.append('<p class="jump"><a href="#decide">Go to the decision</a></p>')
        case State.ONE_OF_TWO:
            parts.append(notice("Recorded. Another approver has to say yes too; one no rejects it.", FINE))
        case State.DECIDED:
            parts.append(_how_it_went_on(view, approval))
        case State.EXPIRED:
            parts.append(notice(_expired(view, approval), ALARM))
        case State.CHANGED:
            words = "The evidence is of another version of it, so nobody can decide here any more. "
            parts.append(notice(f"{words}The promotion has to be asked for again.", ALARM))
        case State.CLOSED:
            parts.append(notice(_ENDS.get(view.outcome, _ENDED) if view.outcome != OPEN else _ENDED, ALARM))
        case _:
            pass
    return "".join(parts)


def _missing(approval: Approval, may_decide: Collection[str]) -> str:
    given = len(standing(approval, may_decide).decisions)
    said = "none has yet" if not given else f"{given} has"
    return f"{approval.needed} different people have to say yes; {said}. One no rejects it."


def _problems(typed: Typed) -> str:
    items = "".join(
        f'<li><a href="#{escape(name)}">{escape(words)}</a></li>' for name, words in typed.problems.items()
    )
    return f'<div class="notice alarm" role="alert"><p>Not sent yet:</p><ul>{items}</ul></div>'


def _expired(view: View, approval: Approval) -> str:
    if approval.status in {APPROVED, REJECTED}:
        return f"It was good until {moment(approval.expires_at)}. {_ENDS.get(view.outcome, _ENDED)}"
    return f"It was good until {moment(approval.expires_at)}. Nothing is decided with it any more."


def _how_it_went_on(view: View, approval: Approval) -> str:
    kind = FINE if approval.status == APPROVED else PLAIN
    before = ""
    own = decision_of(approval, view.approver)
    if not view.counted and own is None:
        before = "Somebody else decided before you. "
    if view.told is Told.LATER:
        return notice(f"{before}The decision is kept, and is carried out once the workflow can be reached.")
    if view.outcome != OPEN:
        return notice(before + _ENDS.get(view.outcome, _ENDED), kind)
    if view.told is Told.TOO_LATE:
        return notice(f"{before}The decision is kept, but the workflow no longer waited for it.", ALARM)
    if approval.status == REJECTED:
        return notice(f"{before}Nothing changes for people.", kind)
    return notice(before + _ENDS[OPEN], kind)


def _facts(view: View, approval: Approval, evidence: Evidence) -> str:
    asked = view.names.get(evidence.requested_by.removeprefix(OPERATOR)) or asker(evidence)
    rows = {
        "What it is about": escape(about(evidence)),
        "Variant": f"<code>{escape(evidence.category)}/{escape(evidence.variant_id)}</code>, version "
        f"{evidence.variant_version}",
        "From": f"{escape(evidence.from_status)} at {percent(evidence.from_percent)}",
        "To": escape(step(evidence))
        + (f", then {percent(evidence.next_percent)}" if evidence.next_percent is not None else ""),
        "Asked by": f"{escape(asked)}, {escape(moment_of(evidence.requested_at))}",
    }
    if _can_decide(view):
        rows["Good until"] = escape(moment(approval.expires_at))
    inner = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows.items())
    return f'<dl class="facts">{inner}</dl>\n'


def _decisions(view: View, approval: Approval) -> str:
    if not approval.decisions:
        return ""
    items = []
    for one in approval.decisions:
        who = view.names.get(one.approver) or f"approver {short(one.approver)}"
        you = " (you)" if one.approver == view.approver else ""
        said = "said yes" if one.approves else "said no"
        items.append(
            f"<li><p><strong>{escape(who)}{you}</strong> {said}, {escape(moment_of(one.at))}</p>"
            f'<blockquote dir="auto">{escape(visible(one.reason))}</blockquote></li>'
        )
    title = "Who decided" if approval.status != PENDING else "Who has decided so far"
    return (
        f'<section aria-labelledby="decided"><h2 id="decided">{title}</h2>'
        f'<ol class="said">{"".join(items)}</ol></section>\n'
    )


@cache
def _style() -> str:
    return read_bytes("report.css").decode() + read_bytes("approval.css").decode()


@cache
def _headers() -> Mapping[str, str]:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
    }
