"""What every store of explicit feedback promises."""

from dataclasses import replace

from silent_infinity.ports.feedback import Feedback
from tests.contract.conftest import Stores

FEEDBACK = Feedback(
    feedback_id="feedback-1",
    session_id="session-1",
    user_id_hash="user-1",
    created_at="2026-11-21T09:00:00+00:00",
    expires_at=2_000_000_000,
    turn_id="turn-1",
    rating=4.0,
    text="It helped to write it down",
    rating_variant_id="stars",
)


def test_feedback_comes_back_as_it_was_given(stores: Stores) -> None:
    """A rating is a float and what was not said stays unsaid."""
    stores.feedback.put(FEEDBACK)

    (found,) = stores.feedback.of_session("session-1")
    assert found == FEEDBACK
    assert isinstance(found.rating, float)
    assert found.nps is None


def test_the_same_feedback_is_stored_once(stores: Stores) -> None:
    """A client repeats what got no answer; the first one counts."""
    stores.feedback.put(FEEDBACK)
    stores.feedback.put(replace(FEEDBACK, rating=1.0))

    assert stores.feedback.of_session("session-1") == (FEEDBACK,)


def test_a_sessions_feedback_is_oldest_first(stores: Stores) -> None:
    """Opinions change in the course of a session, and the order says how."""
    later = replace(FEEDBACK, feedback_id="feedback-0", created_at="2026-11-21T10:00:00+00:00")
    other = replace(FEEDBACK, feedback_id="feedback-3", session_id="session-2")
    for feedback in (later, FEEDBACK, other):
        stores.feedback.put(feedback)

    assert stores.feedback.of_session("session-1") == (FEEDBACK, later)


def test_forgetting_a_session_leaves_the_others(stores: Stores) -> None:
    """Feedback holds a person's words: it goes with the session, and only with its own."""
    other = replace(FEEDBACK, feedback_id="feedback-2", session_id="session-2", turn_id=None, nps=9)
    stores.feedback.put(FEEDBACK)
    stores.feedback.put(other)

    assert stores.feedback.forget_session("session-1") == 1
    assert stores.feedback.forget_session("session-1") == 0
    assert stores.feedback.of_session("session-1") == ()
    assert stores.feedback.of_session("session-2") == (other,)
