"""Asking: everybody who may decide gets one message with a link of their own."""

from dataclasses import replace

import pytest

from silent_infinity.adapters.memory.approvers import MemoryApprovers
from silent_infinity.domain.promotion.approval import PENDING
from silent_infinity.domain.promotion.evidence import Verdict
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.ask_approvers import AskRequest, EvidenceMissingError, NoApproversError
from tests.support.approvals import (
    ANA,
    BEN,
    CLEO,
    KEY,
    NOW,
    TOKEN,
    WEEK_SECONDS,
    Asking,
    evidence,
    query_of,
)


def test_each_approver_gets_a_link_of_their_own() -> None:
    """The approver in the link is who the audit log names: a shared link would name nobody."""
    asking = Asking()
    asked = asking.ask()

    assert asked.asked == 3
    assert [to for to, _, _ in asking.approvers.sent] == sorted([ANA, BEN, CLEO], key=lambda one: one.subject)
    for approver in (ANA, BEN, CLEO):
        assert query_of(asking.link(approver))["a"] == approver.subject
        assert query_of(asking.link(approver, "Reject"))["d"] == "reject"


def test_who_asked_is_not_asked() -> None:
    """The link of whoever asked for the promotion does not exist."""
    asking = Asking(evidence(requested_by=f"operator:{ANA.subject}"))
    asking.ask()

    assert ANA not in [to for to, _, _ in asking.approvers.sent]


def test_links_die_a_little_before_the_workflow_stops_waiting() -> None:
    """A decision that comes a second after the state has timed out would be lost."""
    asking = Asking()
    asking.ask()
    end = int(query_of(asking.link())["e"])

    assert int(NOW.timestamp()) + WEEK_SECONDS - end == 300


@pytest.mark.parametrize(("name", "there"), [("canary", []), ("crisis", [ANA])])
def test_too_few_approvers_end_it_before_anybody_waits(name: str, there: list[object]) -> None:
    """A promotion that nobody can approve must not wait for a week."""
    asking = Asking(evidence(name), approvers=MemoryApprovers(there))  # type: ignore[arg-type]

    with pytest.raises(NoApproversError):
        asking.ask()
    assert asking.approvals.kept == {}
    assert asking.approvers.sent == []


def test_nobody_is_asked_about_evidence_that_is_not_there() -> None:
    """A hash that the store does not know is of no document that anybody could read."""
    asking = Asking()

    with pytest.raises(EvidenceMissingError):
        asking.asks(AskRequest(asking.id, "0" * 64, TOKEN, WEEK_SECONDS))


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.NOT_ENOUGH_DATA])
def test_nobody_is_asked_about_evidence_that_did_not_pass(verdict: Verdict) -> None:
    """Too little data is never a yes, and a person is not the way around a gate."""
    asking = Asking(evidence(verdict=verdict))

    with pytest.raises(EvidenceMissingError):
        asking.ask()
    assert asking.approvers.sent == []


def test_asking_again_writes_to_those_alone_who_were_not_reached() -> None:
    """A step that is tried again must not fill mailboxes, and nobody may be left out."""
    asking = Asking()
    asking.approvers.unreachable.add(BEN.subject)
    with pytest.raises(StoreUnavailableError):
        asking.ask()
    first = [to for to, _, _ in asking.approvers.sent]
    asking.approvers.unreachable.clear()
    asking.ask("second-token")

    assert first == [ANA]
    assert [to for to, _, _ in asking.approvers.sent] == [ANA, BEN, CLEO]
    assert asking.approvals.task_token(asking.id) == "second-token"


def test_a_step_tried_again_after_the_decision_is_resumed_at_once() -> None:
    """The decision went to a token that was waited for no longer; the new one would wait for a week."""
    asking = Asking()
    asking.ask()
    asking.executions.waiting.clear()
    asking.decide()
    asking.ask("second-token")

    assert asking.executions.resumed == [("second-token", "approved")]
    assert len(asking.approvers.sent) == 3


def test_a_decision_stands_when_approvers_have_left_since() -> None:
    """What was decided is carried out; that nobody could be asked any more is no reason to drop it."""
    asking = Asking()
    asking.ask()
    asking.executions.waiting.clear()
    asking.decide()
    asking.approvers.approvers.clear()
    asking.ask("second-token")

    assert asking.executions.resumed == [("second-token", "approved")]


def test_a_promotion_that_ended_meanwhile_waits_for_nobody() -> None:
    """Whoever withdrew it found no approval to end: the step has to see that by itself."""
    asking = Asking()
    asking.close("withdrawn")
    asking.ask()

    assert asking.executions.resumed == [(TOKEN, "withdrawn")]
    assert asking.approvers.sent == []
    assert asking.approvals.kept[asking.id].status != PENDING


def test_the_key_and_the_token_reach_no_message() -> None:
    """Who holds either could decide for everybody."""
    asking = Asking()
    asking.ask()

    assert len(asking.approvers.sent) == 3
    for _, subject, text in asking.approvers.sent:
        assert TOKEN not in subject + text
        assert KEY not in subject + text


def test_a_message_holds_no_word_that_a_person_wrote() -> None:
    """Mail passes through systems of others; what an operator wrote stays on the page."""
    said = "SECRETWORDS of an operator"
    asking = Asking(replace(evidence(), reason=said, description=said))
    asking.ask()
    everything = " ".join(subject + text for _, subject, text in asking.approvers.sent)

    assert "SECRETWORDS" not in everything
    assert "ana@example.test" not in everything
