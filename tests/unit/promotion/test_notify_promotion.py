"""What people on call and the team read about the end of a promotion."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.payload import PayloadError
from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.notify_promotion import (
    OPERATIONS,
    SUBJECT_LENGTH,
    TEAM_CHAT,
    NotifyPromotionRequest,
    message,
)
from tests.support.promotion_workflow import Promoting

PERSON = "operator:7f2a1c3e-subject"
PROMOTION = PromotionRequest(
    promotion_id="promotion-1",
    category="LLM_MODEL",
    variant_id="small-and-quick",
    from_status="canary",
    to_status="production",
    rollout_percent=50.0,
    requested_by=PERSON,
    requested_at="2026-11-22T08:00:00+00:00",
    reason="It is what I would say to nobody.",
)


def told(outcome: Outcome, **fields: str) -> tuple[str, str]:
    """Subject and text about the promotion."""
    return message(NotifyPromotionRequest("promotion-1", outcome, **fields), PROMOTION, "prod")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_end_has_words_of_its_own(outcome: Outcome) -> None:
    """Somebody reads it at night: which variant, what became of it, where, and where to read on."""
    subject, text = told(outcome)

    assert "LLM_MODEL/small-and-quick" in subject
    assert outcome.replace("_", " ") in subject
    assert text.startswith("The promotion of LLM_MODEL/small-and-quick ")
    assert "From canary to production at 50%" in text
    assert "./run promote status promotion-1 -e prod" in text
    assert "Environment: prod. Promotion: promotion-1." in text
    assert len({told(each)[1] for each in Outcome}) == len(Outcome)


def test_no_persons_words_and_no_person_are_in_it() -> None:
    """Mailboxes and channels are read by more people than the audit log."""
    for outcome in Outcome:
        sent = " ".join(told(outcome))
        assert PERSON not in sent
        assert PROMOTION.reason not in sent


def test_it_says_whether_a_person_or_the_night_asked() -> None:
    """Without saying who."""
    _, by_schedule = message(
        NotifyPromotionRequest("promotion-1", Outcome.APPLIED), replace(PROMOTION, trigger="schedule"), "dev"
    )

    assert "by an operator" in told(Outcome.APPLIED)[1]
    assert "by the nightly schedule" in by_schedule


def test_a_state_that_did_not_work_is_named() -> None:
    """The name is what an operator looks for in the execution."""
    _, text = told(Outcome.FAILED, failure="Apply the step", error="StoreUnavailableError")

    assert "Not everything worked: Apply the step (StoreUnavailableError)." in text


def test_a_promotion_whose_record_is_not_there_is_told_all_the_same() -> None:
    """It is the case in which somebody has to look."""
    subject, text = message(NotifyPromotionRequest("promotion-1", Outcome.FAILED), None, "prod")

    assert subject == "Silent Infinity: promotion failed: a variant"
    assert "promotion-1" in text


@given(st.text(max_size=200), st.sampled_from(sorted(Outcome)))
def test_every_subject_is_one_that_sns_takes(variant_id: str, outcome: Outcome) -> None:
    """SNS refuses a subject with a line break, beyond ASCII, or of a hundred characters."""
    promotion = replace(PROMOTION, variant_id=variant_id)
    subject, _ = message(NotifyPromotionRequest("promotion-1", outcome), promotion, "prod")

    assert len(subject) <= SUBJECT_LENGTH
    assert subject.isascii()
    assert subject.isprintable()


@pytest.mark.parametrize(
    ("to", "reached"),
    [("", [OPERATIONS, TEAM_CHAT]), (OPERATIONS, [OPERATIONS]), (TEAM_CHAT, [TEAM_CHAT])],
)
def test_each_is_told_when_it_is_meant(to: str, reached: list[str]) -> None:
    """The workflow tells one after the other, so that one outage repeats one message only."""
    made = Promoting()
    event = {"promotion_id": made.promotion_id, "outcome": "rejected", "to": to}

    assert made._notify(event) == {"told": reached}
    assert len(made.alerts.told) + len(made.chat.posted) == len(reached)


@pytest.mark.parametrize("down", ["alerts", "chat"])
def test_who_cannot_be_told_is_an_outage(down: str) -> None:
    """The workflow tries again; a silence that looks like success would be believed."""
    made = Promoting()
    getattr(made, down).unavailable = True

    with pytest.raises(StoreUnavailableError):
        made._notify({"promotion_id": made.promotion_id, "outcome": "applied"})


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"promotion_id": "p"},
        {"outcome": "applied"},
        {"promotion_id": "p", "outcome": "splendid"},
        {"promotion_id": 7, "outcome": "applied"},
        {"promotion_id": "p", "outcome": "applied", "failure": {"a": "person's words"}},
        {"promotion_id": "p", "outcome": "applied", "to": "everybody"},
    ],
)
def test_a_payload_that_the_machine_would_not_write_is_refused(event: dict[str, Any]) -> None:
    """What is not understood must not be sent to anybody."""
    with pytest.raises(PayloadError) as caught:
        NotifyPromotionRequest.from_event(event)

    assert "words" not in str(caught.value)
