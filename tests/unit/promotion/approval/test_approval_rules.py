"""Who may decide on a promotion, and when it is decided."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.promotion.approval import (
    APPROVED,
    PENDING,
    REJECTED,
    Approval,
    Approver,
    Decided,
    eligible,
    mailbox_of,
    needed_for,
    status_after,
)
from silent_infinity.domain.variant_categories import categories

APPROVAL = Approval(
    "p", "SYSTEM_PROMPT", "v", 1, "0f" * 32, "operator:asks", 2, "2026-11-22T08:00:00+00:00", 9
)
approvers = st.builds(Approver, st.sampled_from(list("abcd")), st.sampled_from(["a@x", "A@x ", "b@x", "c@x"]))


def _said(approver: str, approves: bool) -> Decided:
    return Decided(approver, approves, "a reason that is long enough", "2026-11-22T08:00:00+00:00")


def test_whoever_asked_does_not_decide() -> None:
    """A promotion that one person can ask for and approve has no second pair of eyes."""
    found = eligible([Approver("a", "a@x"), Approver("b", "b@x")], "operator:a")

    assert found == (Approver("b", "b@x"),)


def test_whoever_reads_the_askers_mailbox_does_not_decide() -> None:
    """A second account would make two people of one."""
    found = eligible([Approver("a", "me@x"), Approver("b", " ME@x"), Approver("c", "c@x")], "operator:a")

    assert found == (Approver("c", "c@x"),)


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("Ada@Example.test ", "ada@example.test"),
        ("ada+second@example.test", "ada@example.test"),
        ("ada+a+b@example.test", "ada@example.test"),
        ("ada.l@example.test", "ada.l@example.test"),
        ("a.d.a+x@gmail.com", "ada@gmail.com"),
        ("ada@googlemail.com", "ada@gmail.com"),
        ("+ada@example.test", "+ada@example.test"),
    ],
)
def test_addresses_of_one_mailbox_are_one(address: str, mailbox: str) -> None:
    """Whoever asked could approve at ada+second@: it is their own mailbox."""
    first, second = Approver("a", mailbox), Approver("b", address)

    assert mailbox_of(address) == mailbox
    assert eligible([first, second], "operator:a") == ()
    assert len(eligible([first, second], "operator:z")) == 1


@pytest.mark.parametrize("written", ["0A1B-C", " 0a1b-c", "0a1b-C "])
def test_a_subject_that_is_written_otherwise_is_the_same_account(written: str) -> None:
    """Filter policies are typed: whoever asked must not be another person by a capital letter."""
    found = [Approver(written, "me@x"), Approver("b", "b@x")]

    assert eligible(found, "operator:0a1b-c") == (Approver("b", "b@x"),)
    assert eligible([*found, Approver("0a1b-c", "mine@x")], "operator:z") == (Approver("b", "b@x"),)


def test_an_askers_second_mailbox_bars_its_reader_too() -> None:
    """Mailboxes of whoever asked are all theirs, also when there are too many of them to be written to."""
    confirmed = [Approver("a", "me@x"), Approver("a", "other@x"), Approver("b", "other@x")]

    assert eligible(confirmed, "operator:a") == ()


def test_two_accounts_with_one_mailbox_are_one_approver() -> None:
    """Crisis categories need two people, and one mailbox is one person."""
    assert len(eligible([Approver("a", "me@x"), Approver("b", "Me@X")], "operator:z")) == 1


def test_an_approver_with_two_mailboxes_is_left_out() -> None:
    """Both of them would hold the link of one approver, whoever reads the other one."""
    confirmed = [Approver("a", "one@x"), Approver("a", "two@x"), Approver("b", "b@x")]

    assert eligible(confirmed, "operator:z") == (Approver("b", "b@x"),)


def test_what_the_schedule_asks_for_anybody_may_decide_on() -> None:
    """The nightly schedule is nobody's account."""
    assert len(eligible([Approver("a", "a@x"), Approver("b", "b@x")], "system:schedule")) == 2


@given(st.lists(approvers, max_size=8), st.sampled_from(list("abcdz")))
def test_approvers_are_different_people_and_none_of_them_asked(
    confirmed: list[Approver], asking: str
) -> None:
    """Whatever subscriptions there are: no subject and no mailbox twice, and neither of the asker's."""
    found = eligible(confirmed, f"operator:{asking}")
    addresses = [one.address.strip().lower() for one in found]
    askers = {one.address.strip().lower() for one in confirmed if one.subject == asking}

    assert len({one.subject for one in found}) == len(found)
    assert len(set(addresses)) == len(found)
    assert asking not in {one.subject for one in found}
    assert not askers & set(addresses)
    assert found == eligible(list(reversed(confirmed)), f"operator:{asking}")


def test_crises_take_two_people() -> None:
    """A wrong promotion of the screen is not seen in any figure before it has harmed somebody."""
    needed = {name: needed_for(name) for name in categories()}

    assert {name for name, count in needed.items() if count == 2} == {
        "CRISIS_DETECTOR_MODEL",
        "SENTINEL_MODEL",
        "CRISIS_FLOW_MODEL",
    }
    assert set(needed.values()) == {1, 2}


def test_one_no_is_enough_whatever_was_said_before() -> None:
    """Whoever sees a risk must not be outvoted."""
    one_yes = replace(APPROVAL, decisions=(_said("a", True),))

    assert status_after(APPROVAL, _said("a", False)) == REJECTED
    assert status_after(one_yes, _said("b", False)) == REJECTED


def test_two_yeses_of_one_person_are_one() -> None:
    """Clicking twice is not a second opinion."""
    one_yes = replace(APPROVAL, decisions=(_said("a", True),))

    assert status_after(APPROVAL, _said("a", True)) == PENDING
    assert status_after(one_yes, _said("a", True)) == PENDING
    assert status_after(one_yes, _said("b", True)) == APPROVED
