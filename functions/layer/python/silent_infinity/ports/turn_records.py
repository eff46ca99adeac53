"""The one write that makes a turn part of the record."""

from dataclasses import dataclass
from typing import Any, Protocol

from silent_infinity.ports.conversations import Session, StoredTurn


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """Everything that the transaction writes.

    `event_expires_at` (epoch seconds) is the time to live of the event's item; the lake keeps it for longer.

    `session` is the session as it is after this turn; its `posture.version` is one above the stored one.
    None leaves the conversation alone (it was deleted meanwhile). `event` is the turn event, ready as JSON.
    `claim_key` (may be empty) is the claim whose `record` is dropped. `settle_key` and `settle_tokens`
    correct a budget reservation by the difference between use and reservation.
    """

    event: dict[str, Any]
    event_expires_at: int
    session: Session | None
    turn: StoredTurn | None
    claim_key: str = ""
    settle_key: str = ""
    settle_tokens: int = 0


class TurnRecorder(Protocol):
    """Writes the turn event, the reply, the session's counters, the claim and the budget, all or nothing."""

    def record(self, record: TurnRecord) -> bool:
        """Write the record; False if the turn event is there already (nothing is written then).

        Raises:
            ConflictError: the session is not the one that was read (its version moved on).
            StoreUnavailableError: nothing was written.
        """
        ...
