"""What every recorder of turns promises: all or nothing, and exactly once."""

from dataclasses import replace

import pytest

from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.turn import SessionState
from silent_infinity.ports.claims import Claim
from silent_infinity.ports.conversations import Session, StoredTurn
from silent_infinity.ports.errors import ConflictError
from silent_infinity.ports.limits import LimitPolicy
from silent_infinity.ports.turn_records import TurnRecord
from tests.contract.conftest import Stores
from tests.contract.threads import at_once

NOW_MS = 1_763_715_600_000
POLICY = LimitPolicy(turns_per_minute=600, burst=10, tokens_per_day=100_000, reserve_tokens=2_500)
OPENED = Session(
    session_id="session-1",
    user_id_hash="user-1",
    created_at="2026-11-21T09:00:00+00:00",
    updated_at="2026-11-21T09:00:00+00:00",
    expires_at=2_000_000_000,
)
CAPTURED = StoredTurn("turn-1", "session-1", "hello", "2026-11-21T09:00:00+00:00", 2_000_000_000, "claim-1")
ANSWERED = replace(CAPTURED, reply="Hello. How are you?", reply_kind="answer")
AFTER = replace(
    OPENED,
    updated_at="2026-11-21T09:00:01+00:00",
    state=SessionState(turn_count=1, last_kind="answer"),
    posture=Posture(version=1),
)
CLAIM = Claim("claim-1", "b0d1", "turn-1", "session-1", "execution-1", 0, 2_000_000_000)
EVENT = {
    "turn_id": "turn-1",
    "cost_usd": 0.0006,
    "tokens_input": 100,
    "safe_exit": False,
    "voice_id": None,
    "active_variants": {"LLM_MODEL": "claude-sonnet-4-6"},
    "screen_rule_ids": ["r1", "r2"],
}
RECORD = TurnRecord(
    event=EVENT,
    event_expires_at=2_000_000_000,
    session=AFTER,
    turn=ANSWERED,
    claim_key="claim-1",
    settle_key="user-1@2025-11-21",
    settle_tokens=-1_900,
)


@pytest.fixture
def captured(stores: Stores) -> Stores:
    """The stores after a message was captured and its reply fixed, before the turn is recorded."""
    stores.claims.put_if_absent(CLAIM)
    stores.conversations.store_message(OPENED, CAPTURED)
    stores.limits.take_turn("user-1", POLICY, NOW_MS)
    stores.claims.complete("claim-1", "turn-1", '{"reply": 1}', '{"record": 1}')
    return stores


def test_a_record_reaches_every_store(captured: Stores) -> None:
    """Event, reply, counters, claim and budget belong together: any of them alone would be a lie."""
    assert captured.limits.budget_key("user-1", NOW_MS) == RECORD.settle_key

    assert captured.recorder.record(RECORD) is True

    assert captured.events() == [EVENT]
    assert captured.conversations.all_turns("session-1") == (ANSWERED,)
    assert captured.conversations.find_session("session-1") == AFTER
    assert captured.claims.find("claim-1") == replace(CLAIM, answer='{"reply": 1}')
    assert captured.used_tokens("user-1") == 600


def test_recording_again_changes_nothing(captured: Stores) -> None:
    """A redrive may repeat a record that was written after all; it must not settle or count twice."""
    captured.recorder.record(RECORD)

    assert captured.recorder.record(RECORD) is False
    assert captured.events() == [EVENT]
    assert captured.conversations.find_session("session-1") == AFTER
    assert captured.used_tokens("user-1") == 600


def test_many_concurrent_recordings_write_one_event(captured: Stores) -> None:
    """Exactly one turn event, however many attempts meet."""

    def record(_number: int) -> bool | None:
        try:
            return captured.recorder.record(RECORD)
        except ConflictError:
            return None

    written = at_once(12, record)

    assert written.count(True) == 1
    assert captured.events() == [EVENT]
    assert captured.used_tokens("user-1") == 600


def test_a_session_that_moved_on_is_a_conflict_and_nothing_is_written(captured: Stores) -> None:
    """The posture of a concurrent crisis turn must not be overwritten by one that did not see it."""
    captured.recorder.record(RECORD)
    other = replace(RECORD, event={"turn_id": "turn-2"}, turn=replace(ANSWERED, turn_id="turn-2"))

    with pytest.raises(ConflictError):
        captured.recorder.record(other)

    assert len(captured.events()) == 1
    assert len(captured.conversations.all_turns("session-1")) == 1
    assert captured.used_tokens("user-1") == 600


def test_of_two_turns_on_the_same_version_one_wins(captured: Stores) -> None:
    """Two tabs write at once: the loser has to look again before it decides on the posture."""

    def record(number: int) -> bool:
        try:
            return captured.recorder.record(
                replace(
                    RECORD,
                    event={"turn_id": f"turn-{number}"},
                    turn=replace(ANSWERED, turn_id=f"turn-{number}"),
                    claim_key="",
                    settle_key="",
                )
            )
        except ConflictError:
            return False

    assert at_once(8, record).count(True) == 1
    assert len(captured.events()) == 1


def test_a_deleted_session_is_a_conflict(captured: Stores) -> None:
    """A turn that was on its way must not bring back words that the person deleted."""
    captured.conversations.bury_session("session-1", "2026-11-22T00:00:00+00:00", 2_000_000_001)
    captured.conversations.remove_turns("session-1")

    with pytest.raises(ConflictError):
        captured.recorder.record(RECORD)

    assert captured.events() == []
    assert captured.conversations.all_turns("session-1") == ()


def test_another_persons_session_is_a_conflict(captured: Stores) -> None:
    """Ownership is part of the condition, not only of what was read."""
    with pytest.raises(ConflictError):
        captured.recorder.record(replace(RECORD, session=replace(AFTER, user_id_hash="user-2")))

    assert captured.events() == []


def test_a_record_without_a_session_keeps_the_event(captured: Stores) -> None:
    """The conversation was deleted, but what happened still has to be counted."""
    captured.conversations.bury_session("session-1", "2026-11-22T00:00:00+00:00", 2_000_000_001)
    captured.conversations.remove_turns("session-1")

    assert captured.recorder.record(replace(RECORD, session=None, turn=None)) is True

    assert captured.events() == [EVENT]
    assert captured.conversations.all_turns("session-1") == ()


def test_a_turn_that_could_not_be_captured_opens_its_session(stores: Stores) -> None:
    """The store was down at capture and is back for the record: the conversation must not be lost."""
    assert stores.recorder.record(replace(RECORD, claim_key="", settle_key="")) is True

    assert stores.conversations.find_session("session-1") == AFTER
    assert stores.conversations.all_turns("session-1") == (ANSWERED,)


def test_a_session_that_disappeared_is_a_conflict(stores: Stores) -> None:
    """Only a first turn may open a session: a later one has read something that is gone now."""
    with pytest.raises(ConflictError):
        stores.recorder.record(replace(RECORD, session=replace(AFTER, posture=Posture(version=7))))


def test_claim_and_budget_that_are_gone_do_not_come_back(stores: Stores) -> None:
    """A record replayed days later meets expired claims and budgets; an update would create empty ones."""
    stores.conversations.store_message(OPENED, CAPTURED)

    assert stores.recorder.record(RECORD) is True

    assert stores.events() == [EVENT]
    assert stores.claims.find("claim-1") is None
    assert stores.limits.take_turn("user-1", POLICY, NOW_MS) is None
    assert stores.used_tokens("user-1") == 2_500


def test_a_budget_of_another_day_is_not_settled(captured: Stores) -> None:
    """Yesterday's reservation must not lower what was used today."""
    assert captured.recorder.record(replace(RECORD, settle_key="user-1@2025-11-20")) is True

    assert captured.used_tokens("user-1") == 2_500


def test_the_claim_of_another_turn_keeps_its_record(captured: Stores) -> None:
    """A claim that was taken by a new turn still owes that turn's record."""
    captured.claims.forget(("claim-1",))
    other = replace(CLAIM, turn_id="turn-9", answer="{}", record='{"record": 9}')
    captured.claims.put_if_absent(other)

    assert captured.recorder.record(RECORD) is True

    assert captured.claims.find("claim-1") == other
