"""Claims make a turn happen once, however often and however concurrently a request is sent."""

from dataclasses import dataclass
from typing import Protocol

CLAIM_SECONDS = 24 * 3600
"""How long a claim, and with it an idempotency key, is remembered."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody's right to answer a request.

    It fixes the identifiers of the turn. `body_hash` is empty if the body was not at hand. `owner` is the
    workflow execution at work; its right lasts until `lease_until_ms` (epoch milliseconds).
    `answer` (JSON text) is there once the claim is completed, and `record` (JSON text) until the turn has
    been recorded too. `expires_at` is in epoch seconds.
    """

    claim_key: str
    body_hash: str
    turn_id: str
    session_id: str
    owner: str
    lease_until_ms: int
    expires_at: int
    answer: str | None = None
    record: str | None = None

    @property
    def completed(self) -> bool:
        """True once a reply was fixed for this claim."""
        return self.answer is not None


class ClaimStore(Protocol):
    """Idempotency claims. Every method may raise StoreUnavailableError; every read is consistent."""

    def put_if_absent(self, claim: Claim) -> Claim:
        """Store the claim unless there is one under its key; return the claim that stands.

        A claim whose `expires_at` lies in the past counts as absent only once the store has removed it.
        """
        ...

    def take_over(self, seen: Claim, owner: str, lease_until_ms: int) -> Claim | None:
        """Give an unfinished claim a new owner if it is still as `seen`; None if somebody was quicker."""
        ...

    def release(self, claim_key: str, owner: str) -> None:
        """End the owner's lease, so that a later request may take the claim over at once.

        Nothing happens if the claim is another's, completed, or gone.
        """
        ...

    def complete(self, claim_key: str, turn_id: str, answer: str, record: str) -> Claim | None:
        """Fix the reply, unless one was fixed already; return the claim that stands, None if there is
        none.
        """
        ...

    def find(self, claim_key: str) -> Claim | None:
        """Return the claim, or None."""
        ...

    def forget(self, claim_keys: tuple[str, ...]) -> None:
        """Delete the claims (their answers hold replies)."""
        ...
