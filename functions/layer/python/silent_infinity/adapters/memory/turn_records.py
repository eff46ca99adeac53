"""The recording transaction in memory."""

from dataclasses import replace

from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.domain.limits import split_budget_key
from silent_infinity.ports.conversations import Session
from silent_infinity.ports.errors import ConflictError
from silent_infinity.ports.turn_records import TurnRecord


class MemoryTurnRecorder:
    """A `TurnRecorder`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def record(self, record: TurnRecord) -> bool:
        store = self._store
        with store.using("turn_events", "conversations", "claims", "limits"):
            turn_id = record.event["turn_id"]
            if turn_id in store.events:
                return False
            if record.session is not None:
                self._check(record.session)
                store.sessions[record.session.session_id] = record.session
                if record.turn is not None:
                    store.turns.setdefault(record.session.session_id, {})[turn_id] = record.turn
            store.events[turn_id] = record.event
            self._drop_record(record.claim_key, turn_id)
            self._settle(record.settle_key, record.settle_tokens)
            return True

    def _check(self, session: Session) -> None:
        current = self._store.sessions.get(session.session_id)
        if current is None:
            if session.posture.version != 1:
                raise ConflictError("session")
        elif (
            current.deleted
            or current.user_id_hash != session.user_id_hash
            or current.posture.version != session.posture.version - 1
        ):
            raise ConflictError("session")

    def _drop_record(self, claim_key: str, turn_id: str) -> None:
        claim = self._store.claims.get(claim_key)
        if claim is not None and claim.turn_id == turn_id:
            self._store.claims[claim_key] = replace(claim, record=None)

    def _settle(self, settle_key: str, tokens: int) -> None:
        user_id_hash, day = split_budget_key(settle_key)
        counters = self._store.counters.get(user_id_hash)
        if counters is not None and counters.day == day:
            counters.used_tokens += tokens
