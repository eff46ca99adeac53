"""Idempotency claims in memory."""

from dataclasses import replace

from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.ports.claims import Claim


class MemoryClaimStore:
    """A `ClaimStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def put_if_absent(self, claim: Claim) -> Claim:
        with self._store.using("claims"):
            return self._store.claims.setdefault(claim.claim_key, claim)

    def take_over(self, seen: Claim, owner: str, lease_until_ms: int) -> Claim | None:
        with self._store.using("claims"):
            current = self._store.claims.get(seen.claim_key)
            if current is None or current.completed or _right(current) != _right(seen):
                return None
            return self._put(replace(current, owner=owner, lease_until_ms=lease_until_ms))

    def release(self, claim_key: str, owner: str) -> None:
        with self._store.using("claims"):
            current = self._store.claims.get(claim_key)
            if current is not None and current.owner == owner and not current.completed:
                self._put(replace(current, lease_until_ms=0))

    def complete(self, claim_key: str, turn_id: str, answer: str, record: str) -> Claim | None:
        with self._store.using("claims"):
            current = self._store.claims.get(claim_key)
            if current is None or current.completed or current.turn_id != turn_id:
                return current
            return self._put(replace(current, answer=answer, record=record))

    def find(self, claim_key: str) -> Claim | None:
        with self._store.using("claims"):
            return self._store.claims.get(claim_key)

    def forget(self, claim_keys: tuple[str, ...]) -> None:
        with self._store.using("claims"):
            for claim_key in claim_keys:
                self._store.claims.pop(claim_key, None)

    def _put(self, claim: Claim) -> Claim:
        self._store.claims[claim.claim_key] = claim
        return claim


def _right(claim: Claim) -> tuple[str, str, int]:
    return claim.turn_id, claim.owner, claim.lease_until_ms
