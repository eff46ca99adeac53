"""Deciding: a link that was opened has decided nothing, a form that was sent decides once."""

import json
from dataclasses import replace
from typing import Any

import pytest

from silent_infinity.domain.promotion.approval import APPROVED, OVER, PENDING, REJECTED
from silent_infinity.domain.promotion.links import ApprovalLink, url_of
from silent_infinity.domain.promotion.page import Click
from silent_infinity.ports.errors import StoreUnavailableError
from tests.contract.threads import at_once
from tests.support.approvals import ANA, BASE, BEN, CLEO, KEY, REASON, TOKEN, Asking, evidence, query_of


def _asked(name: str = "canary") -> Asking:
    asking = Asking(evidence(name))
    asking.ask()
    return asking


def test_a_yes_is_recorded_and_the_workflow_is_told() -> None:
    """The whole way once: who, what, why and when, and one resume."""
    asking = _asked()
    page = asking.decide()
    approval = asking.approvals.find(asking.id)

    assert page.status_code == 200
    assert (approval.status, approval.delivered) == (APPROVED, True)
    assert [(one.approver, one.approves, one.reason) for one in approval.decisions] == [
        (ANA.subject, True, REASON)
    ]
    assert asking.executions.resumed == [(TOKEN, "approved")]
    assert asking.approvals.task_token(asking.id) is None


def test_a_no_is_told_as_one() -> None:
    """Nothing else than the word goes to the workflow: reasons stay out of its history."""
    asking = _asked()
    asking.decide(BEN, "reject")

    assert asking.approvals.find(asking.id).status == REJECTED
    assert asking.executions.resumed == [(TOKEN, "rejected")]


def test_opening_a_link_many_times_changes_nothing() -> None:
    """Mail scanners follow links, both of them, before anybody has read the mail."""
    asking = _asked()
    before = asking.approvals.find(asking.id)
    pages = [asking.show(d=choice) for choice in ("approve", "reject", "") for _ in range(20)]

    assert {page.status_code for page in pages} == {200}
    assert asking.approvals.find(asking.id) == before
    assert asking.executions.resumed == []
    assert asking.decide().status_code == 200


@pytest.mark.parametrize("end", ["", "changed", "withdrawn"])
def test_opening_a_link_ends_nothing_either(end: str) -> None:
    """That a variant was changed is found by whoever opens the page, and acted on by a form alone."""
    asking = _asked()
    if end == "withdrawn":
        asking.close(end)
    else:
        asking.edit()
    page = asking.show()

    assert page.status_code == 409
    assert asking.approvals.find(asking.id).status == PENDING
    assert asking.executions.resumed == []


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("", REASON),
        ("maybe", REASON),
        ("approve", ""),
        ("approve", "too short"),
        ("approve", " \n" * 40),
        ("approve", "\u200b" * 40),
        ("approve", "x" * 501),
    ],
)
def test_a_decision_needs_an_answer_and_a_reason(choice: str, reason: str) -> None:
    """A yes without a reason is a click, not a decision."""
    asking = _asked()
    page = asking.decide(choice=choice, reason=reason)

    assert page.status_code == 422
    assert asking.approvals.find(asking.id).decisions == ()
    assert 'role="alert"' in page.body


@pytest.mark.parametrize("length", [10, 500])
def test_reasons_of_the_least_and_the_greatest_length_are_taken(length: int) -> None:
    """What the form promises holds, also with line ends as browsers send them."""
    asking = _asked()
    reason = "a\r\n" + "ö" * (length - 2)

    assert asking.decide(reason=f"  {reason}\r\n").status_code == 200
    assert len(asking.approvals.find(asking.id).decisions[0].reason) == length


def test_what_was_typed_is_still_there_after_a_mistake() -> None:
    """Whoever forgot the answer must not type the reason again."""
    page = _asked().decide(choice="", reason="A long reason & all of it")

    assert "A long reason &amp; all of it</textarea>" in page.body


@pytest.mark.parametrize("other", ["a", "v", "h", "e", "s"])
def test_a_link_that_was_changed_shows_and_does_nothing(other: str) -> None:
    """Neither the evidence nor the words of the operator are for whoever has no link."""
    asking = _asked()
    changed = {"a": BEN.subject, "v": "8", "h": "1" * 64, "e": "1999999999", "s": "A" * 43}[other]
    good = asking.click(ANA, {"decision": "approve", "reason": REASON})
    click = replace(good, query={**good.query, other: changed})
    shown, sent = asking.pages.show(click), asking.pages.decide(click)

    assert (shown.status_code, sent.status_code) == (403, 403)
    assert "warm-v3" not in shown.body + sent.body
    assert asking.approvals.find(asking.id).decisions == ()


@pytest.mark.parametrize(
    "other", [{"variant_version": 8}, {"evidence_hash": "1" * 64}, {"expires_at": 1_999_999_999}]
)
def test_a_link_of_another_question_is_refused_though_it_was_signed(other: dict[str, Any]) -> None:
    """A link that was made of another document must not decide on this one."""
    asking = _asked()
    approval = asking.approvals.find(asking.id)
    facts = (ANA.subject, approval.variant_version, approval.evidence_hash, approval.expires_at)
    link = replace(ApprovalLink(asking.id, *facts), **other)
    click = Click(asking.id, query_of(url_of(BASE, link, KEY)), {"decision": "approve", "reason": REASON})

    assert asking.pages.decide(click).status_code == 403
    assert asking.approvals.find(asking.id).decisions == ()


def test_a_link_that_expired_does_nothing() -> None:
    """From its end on the workflow does not wait any more."""
    asking = _asked()
    asking.clock.advance(604_800)

    assert asking.show().status_code == 410
    assert asking.decide().status_code == 410
    assert asking.approvals.find(asking.id).decisions == ()
    assert asking.executions.resumed == []


def test_a_link_is_good_until_its_last_second() -> None:
    """The page names a moment until which one may decide."""
    asking = _asked()
    asking.clock.advance(604_800 - 300 - 1)

    assert asking.decide().status_code == 200


def test_a_variant_that_was_changed_is_not_approved() -> None:
    """The evidence is of another variant than the one that would be promoted."""
    asking = _asked()
    asking.edit()
    page = asking.decide()

    assert page.status_code == 409
    assert asking.approvals.find(asking.id).status == OVER
    assert asking.approvals.find(asking.id).decisions == ()
    assert asking.executions.resumed == [(TOKEN, "changed")]


def test_a_variant_with_another_open_promotion_is_not_approved() -> None:
    """A yes is for one promotion; the next one has evidence of its own."""
    asking = _asked()
    key = asking.document.category, asking.document.variant_id
    asking.variants.records[key] = replace(asking.variants.records[key], promotion_id="another")

    assert asking.decide().status_code == 409


def test_a_promotion_that_was_withdrawn_is_not_approved() -> None:
    """An undo must not be undone by a mail that was still in somebody's inbox."""
    asking = _asked()
    asking.close("withdrawn")
    page = asking.decide()

    assert page.status_code == 409
    assert asking.approvals.find(asking.id).decisions == ()


def test_whoever_is_no_approver_any_more_does_not_decide() -> None:
    """Leaving the team takes effect at once, not in seven days."""
    asking = _asked()
    click = asking.click(ANA, {"decision": "approve", "reason": REASON})
    asking.approvers.approvers.remove(ANA)
    page = asking.pages.decide(click)

    assert page.status_code == 403
    assert "warm-v3" not in page.body
    assert asking.approvals.find(asking.id).decisions == ()


def test_whoever_asked_does_not_decide_even_with_a_good_signature() -> None:
    """A link that should not exist is refused as well: two checks, and neither relies on the other."""
    asking = _asked()
    approval = asking.approvals.find(asking.id)
    asking.approvals.kept[asking.id] = replace(approval, requested_by=f"operator:{ANA.subject}")

    assert asking.decide().status_code == 403


def test_the_second_click_shows_what_was_decided() -> None:
    """Single use: nothing is decided again, and nobody is left wondering."""
    asking = _asked()
    asking.decide()
    again = asking.decide(choice="reject")

    assert again.status_code == 409
    assert asking.approvals.find(asking.id).status == APPROVED
    assert len(asking.executions.resumed) == 1
    assert "said yes" in again.body
    assert asking.show().status_code == 200


def test_the_second_approver_is_told_who_was_first() -> None:
    """Whoever comes later reads who decided what and when, with the reason."""
    asking = _asked()
    asking.decide(ANA)
    late = asking.decide(BEN, "reject")

    assert late.status_code == 409
    assert all(words in late.body for words in ("ana@example.test", "said yes", REASON, "22 November 2026"))
    assert len(asking.approvals.find(asking.id).decisions) == 1


def test_a_crisis_category_takes_two_different_people() -> None:
    """One yes is not enough, and the same person twice is not two."""
    asking = _asked("crisis")
    first, again, second = asking.decide(ANA), asking.decide(ANA), asking.decide(BEN)

    assert (first.status_code, again.status_code, second.status_code) == (200, 409, 200)
    assert [one.approver for one in asking.approvals.find(asking.id).decisions] == [ANA.subject, BEN.subject]
    assert asking.executions.resumed == [(TOKEN, "approved")]


def test_both_of_two_are_approvers_when_the_second_one_says_yes() -> None:
    """A yes of somebody who was taken off the list meanwhile is none of the two that are needed."""
    asking = _asked("crisis")
    asking.decide(ANA)
    asking.approvers.approvers.remove(ANA)
    seen, second = asking.show(BEN), asking.decide(BEN)
    pending = asking.approvals.find(asking.id).status
    third = asking.decide(CLEO)

    assert "2 different people have to say yes; none has yet" in seen.body
    assert (second.status_code, pending) == (200, PENDING)
    assert (third.status_code, asking.approvals.find(asking.id).status) == (200, APPROVED)
    assert asking.executions.resumed == [(TOKEN, "approved")]


def test_one_no_of_two_ends_it() -> None:
    """The yes that came before does not count against it."""
    asking = _asked("crisis")
    asking.decide(ANA)
    asking.decide(BEN, "reject")

    assert asking.executions.resumed == [(TOKEN, "rejected")]
    assert asking.decide(CLEO).status_code == 409


@pytest.mark.parametrize("same", [True, False])
def test_fifty_clicks_at_once_are_one_decision(same: bool) -> None:
    """A double click, or two approvers in the same second: one decision, and one resume."""
    asking = _asked()
    clicks = [
        asking.click((ANA, BEN, CLEO)[0 if same else number % 3], _form(number)) for number in range(50)
    ]
    pages = at_once(50, lambda number: asking.pages.decide(clicks[number]))

    assert sorted(page.status_code for page in pages) == [200] + [409] * 49
    assert len(asking.approvals.find(asking.id).decisions) == 1
    assert len(asking.executions.resumed) == 1


def test_fifty_clicks_of_two_at_once_are_two_decisions() -> None:
    """Two approvers of a crisis category who click at the same moment both count."""
    asking = _asked("crisis")
    clicks = [asking.click((ANA, BEN)[number % 2], _form(0)) for number in range(50)]
    pages = at_once(50, lambda number: asking.pages.decide(clicks[number]))

    assert sorted(page.status_code for page in pages) == [200] * 2 + [409] * 48
    assert asking.executions.resumed == [(TOKEN, "approved")]


def _form(number: int) -> dict[str, str]:
    return {"decision": "approve" if number % 2 == 0 else "reject", "reason": REASON}


def test_a_decision_is_kept_when_the_workflow_cannot_be_told() -> None:
    """What a person decided is not lost to an outage; the page says that it is carried out later."""
    asking = _asked()
    asking.executions.unavailable = True
    page = asking.decide()

    assert page.status_code == 200
    assert "The decision is kept" in page.body
    assert asking.approvals.find(asking.id).status == APPROVED
    assert [one.approval_id for one in asking.approvals.undelivered()] == [asking.id]


def test_another_click_tells_the_workflow_what_it_was_not_told() -> None:
    """Whoever looks whether it worked makes it work; not while the first click may still be at it."""
    asking = _asked()
    asking.executions.unavailable = True
    asking.decide()
    asking.executions.unavailable = False
    asking.decide()
    soon = list(asking.executions.resumed)
    asking.clock.advance(31)
    asking.show()
    shown = list(asking.executions.resumed)
    asking.decide(choice="reject")

    assert soon == shown == []
    assert asking.executions.resumed == [(TOKEN, "approved")]
    assert asking.approvals.undelivered() == ()


def test_a_decision_that_nobody_waits_for_says_so() -> None:
    """A workflow that was ended by hand carries nothing out, and the page must not promise it."""
    asking = _asked()
    asking.executions.waiting.clear()
    page = asking.decide()

    assert "no longer waited for it" in page.body
    assert asking.approvals.find(asking.id).delivered


@pytest.mark.parametrize("down", ["approvals", "approvers", "stored", "variants"])
def test_a_store_that_is_down_fails_before_anything_is_decided(down: str) -> None:
    """Nobody decides on a page that cannot say whether the variant is still the same."""
    asking = _asked()
    click = asking.click(ANA, _form(0))
    getattr(asking, down).unavailable = True

    with pytest.raises(StoreUnavailableError):
        asking.pages.decide(click)
    getattr(asking, down).unavailable = False
    assert asking.approvals.find(asking.id).decisions == ()
    assert asking.executions.resumed == []


def test_an_approval_that_is_gone_is_not_found() -> None:
    """Approvals are removed in the end; their links then open nothing."""
    asking = _asked()
    click = asking.click()
    asking.approvals.kept.clear()

    assert asking.pages.show(click).status_code == 404


def test_evidence_that_is_not_what_the_link_names_is_not_shown() -> None:
    """A person decides on the document whose hash was signed, or on none."""
    asking = _asked()
    asking.stored.documents.clear()

    assert asking.show().status_code == 404
    assert asking.decide().status_code == 404


def test_no_page_holds_the_token() -> None:
    """Who holds it could answer for everybody."""
    asking = _asked()
    pages = [asking.show(), asking.decide(choice=""), asking.decide(), asking.show(BEN)]

    assert all(TOKEN not in page.body + json.dumps(dict(page.headers)) for page in pages)


def test_only_confirmed_approvers_are_shown_by_address() -> None:
    """An approver who left is named by what the audit log has."""
    asking = _asked()
    asking.decide(ANA)
    known = asking.show(BEN).body
    asking.approvers.approvers.remove(ANA)

    assert "ana@example.test" in known
    assert "approver 3f2a91c4" in asking.show(BEN).body
