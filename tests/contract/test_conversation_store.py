"""What every store of conversations promises."""

from dataclasses import replace

import pytest

from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.turn import SessionState
from silent_infinity.ports.conversations import Session, StoredTurn
from silent_infinity.ports.errors import ConflictError
from tests.contract.conftest import Stores
from tests.contract.threads import at_once

SESSION = Session(
    session_id="session-1",
    user_id_hash="user-1",
    created_at="2026-11-21T09:00:00+00:00",
    updated_at="2026-11-21T09:00:00+00:00",
    expires_at=2_000_000_000,
    locale="de-AT",
    state=SessionState(turn_count=3, last_kind="answer", used_reply_ids=("a", "b")),
    posture=Posture(active=True, level=2, peak=3, calm_turns=1, check_in_due=True, version=3),
    variants={"LLM_MODEL": "claude-sonnet-4-6"},
    returning=True,
)
TURN = StoredTurn(
    turn_id="turn-1",
    session_id="session-1",
    message="I can't sleep 😔",
    received_at="2026-11-21T09:00:00+00:00",
    expires_at=2_000_000_000,
    claim_key="claim-1",
)


def turns(*numbers: int) -> tuple[StoredTurn, ...]:
    """Return turns of the session whose ids sort by their number."""
    return tuple(
        replace(TURN, turn_id=f"turn-{number:04}", message=f"message {number}") for number in numbers
    )


def test_storing_the_first_message_opens_the_session(stores: Stores) -> None:
    """What is stored must come back field by field: later turns are decided on it."""
    stores.conversations.store_message(SESSION, TURN)

    assert stores.conversations.find_session("session-1") == SESSION
    assert stores.conversations.all_turns("session-1") == (TURN,)


def test_a_session_that_is_not_there_is_none(stores: Stores) -> None:
    """An unknown id is answered with 404, not with an error."""
    assert stores.conversations.find_session("session-1") is None
    assert stores.conversations.all_turns("session-1") == ()


def test_whoever_had_a_session_has_been_here_before(stores: Stores) -> None:
    """Experiments for new people must not take in others; a session that was deleted counts as well."""
    before = stores.conversations.has_session("user-1")
    stores.conversations.store_message(SESSION, TURN)
    after = stores.conversations.has_session("user-1")
    stores.conversations.bury_session("session-1", "2026-11-22T00:00:00+00:00", 2_000_000_001)

    assert (before, after) == (False, True)
    assert stores.conversations.has_session("user-1") is True
    assert stores.conversations.has_session("user-2") is False


def test_a_later_message_leaves_the_session_as_it_is(stores: Stores) -> None:
    """A capture read the session before; what a concurrent turn recorded since must not be undone."""
    stores.conversations.store_message(SESSION, TURN)
    stale = replace(SESSION, updated_at="2020-01-01T00:00:00+00:00", posture=Posture(), variants={})

    stores.conversations.store_message(stale, replace(TURN, turn_id="turn-2"))

    assert stores.conversations.find_session("session-1") == SESSION
    assert len(stores.conversations.all_turns("session-1")) == 2


def test_storing_a_message_again_keeps_the_reply(stores: Stores) -> None:
    """A retried capture must not wipe out the reply that was recorded in the meantime."""
    answered = replace(TURN, reply="That sounds exhausting.", reply_kind="answer", crisis_level=1)
    stores.conversations.store_message(SESSION, answered)

    stores.conversations.store_message(SESSION, TURN)

    assert stores.conversations.all_turns("session-1") == (answered,)


def test_another_persons_session_is_refused(stores: Stores) -> None:
    """Nobody may write into, or learn about, somebody else's conversation."""
    stores.conversations.store_message(SESSION, TURN)

    with pytest.raises(ConflictError):
        stores.conversations.store_message(
            replace(SESSION, user_id_hash="user-2"), replace(TURN, turn_id="turn-2")
        )

    assert stores.conversations.all_turns("session-1") == (TURN,)


def test_of_two_people_opening_the_same_session_one_owns_it(stores: Stores) -> None:
    """Ids are random, but ownership must not depend on that."""

    def open_session(number: int) -> bool:
        try:
            stores.conversations.store_message(
                replace(SESSION, user_id_hash=f"user-{number}"), replace(TURN, turn_id=f"turn-{number}")
            )
        except ConflictError:
            return False
        return True

    assert at_once(8, open_session).count(True) == 1
    assert len(stores.conversations.all_turns("session-1")) == 1


def test_recent_turns_are_the_last_ones_oldest_first(stores: Stores) -> None:
    """A model reads the conversation in the order in which it happened."""
    for turn in turns(2, 1, 5, 4, 3):
        stores.conversations.store_message(SESSION, turn)

    assert tuple(stores.conversations.recent_turns("session-1", 3)) == turns(3, 4, 5)
    assert tuple(stores.conversations.recent_turns("session-1", 9)) == turns(1, 2, 3, 4, 5)
    assert tuple(stores.conversations.recent_turns("session-1", 0)) == ()


def test_all_turns_are_returned_however_much_they_hold(stores: Stores) -> None:
    """DynamoDB answers in pages of 1 MB; an export or a deletion must not stop at the first."""
    long = "x" * 300_000
    for turn in turns(1, 2, 3, 4, 5, 6):
        stores.conversations.store_message(SESSION, replace(turn, message=long))

    found = stores.conversations.all_turns("session-1")

    assert [turn.turn_id for turn in found] == [f"turn-{number:04}" for number in range(1, 7)]


def test_a_deleted_session_is_a_tombstone_without_texts(stores: Stores) -> None:
    """The words must go, and the id must stay refused while a turn may still be on its way."""
    for turn in turns(1, 2, 3):
        stores.conversations.store_message(SESSION, turn)

    stores.conversations.bury_session("session-1", "2026-11-22T00:00:00+00:00", 2_000_000_001)
    removed = stores.conversations.remove_turns("session-1")

    assert removed == 3
    assert stores.conversations.all_turns("session-1") == ()
    assert stores.conversations.find_session("session-1") == Session(
        session_id="session-1",
        user_id_hash="user-1",
        created_at="2026-11-21T09:00:00+00:00",
        updated_at="2026-11-22T00:00:00+00:00",
        expires_at=2_000_000_001,
        deleted=True,
    )


def test_nothing_is_written_to_a_deleted_session(stores: Stores) -> None:
    """A message that was captured late must not reappear behind the deletion's back."""
    stores.conversations.store_message(SESSION, TURN)
    stores.conversations.bury_session("session-1", "2026-11-22T00:00:00+00:00", 2_000_000_001)
    stores.conversations.remove_turns("session-1")

    with pytest.raises(ConflictError):
        stores.conversations.store_message(SESSION, replace(TURN, turn_id="turn-2"))

    assert stores.conversations.all_turns("session-1") == ()


def test_deleting_again_finishes_the_work(stores: Stores) -> None:
    """A deletion that crashed half way is sent again, and one of a session that never was does nothing."""
    stores.conversations.store_message(SESSION, TURN)
    stores.conversations.bury_session("session-1", "2026-11-22T00:00:00+00:00", 2_000_000_001)
    stores.conversations.bury_session("session-9", "2026-11-23T00:00:00+00:00", 2_000_000_002)

    assert len(stores.conversations.all_turns("session-1")) == 1
    assert stores.conversations.remove_turns("session-1") == 1
    assert stores.conversations.remove_turns("session-1") == 0
    assert stores.conversations.remove_turns("session-9") == 0
    assert stores.conversations.find_session("session-9") is None
