"""What the steps of a nightly rollup share: the right to the lake, and the files of a day."""

from datetime import date

from silent_infinity.ports.claims import Claim, ClaimStore
from silent_infinity.ports.clock import Clock

CLAIM_KEY = "nightly-rollup"

LEASE_SECONDS = 2 * 3600
"""Longer than any step between two looks at the lease: a statement has half an hour."""

_EXPIRES_AT = 4_102_444_800
"""The year 2100: DynamoDB must not remove the lease of a run that is under way."""


class RunLostError(RuntimeError):
    """Another run has the lake now; what this one has computed may be older."""


class Lake:
    """The right to write to silver, units and gold. One run has it at a time.

    Two runs over the same days write the same rows, unless events arrived in between. Then the one that read
    first must not have the last word.
    """

    def __init__(self, claims: ClaimStore, clock: Clock) -> None:
        self._claims = claims
        self._clock = clock

    def take(self, run: str) -> bool:
        """Take the lake for a run, or keep it; False if another run has it.

        Raises:
            StoreUnavailableError: nobody knows who has it.
        """
        now = self._now_ms()
        mine = Claim(
            claim_key=CLAIM_KEY,
            body_hash="",
            turn_id="",
            session_id="",
            owner=run,
            lease_until_ms=now + LEASE_SECONDS * 1000,
            expires_at=_EXPIRES_AT,
        )
        standing = self._claims.put_if_absent(mine)
        if standing.owner != run and standing.lease_until_ms > now:
            return False
        if standing == mine:
            return True
        if self._claims.take_over(standing, run, mine.lease_until_ms) is not None:
            return True
        found = self._claims.find(CLAIM_KEY)
        return found is not None and found.owner == run

    def hold(self, run: str) -> None:
        """Keep the lake for a run that has it.

        Raises:
            RunLostError: another run has it, or nobody: then it was let go.
            StoreUnavailableError: nobody knows who has it.
        """
        standing = self._claims.find(CLAIM_KEY)
        if standing is None or standing.owner != run or standing.lease_until_ms <= self._now_ms():
            raise RunLostError("RunLost")
        if standing.lease_until_ms < self._now_ms() + LEASE_SECONDS * 500:
            # Another step of the same run may be quicker: then it is held just as well.
            self._claims.take_over(standing, run, self._now_ms() + LEASE_SECONDS * 1000)

    def release(self, run: str) -> None:
        """Let the lake go, if the run has it."""
        self._claims.release(CLAIM_KEY, run)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def arms_file(day: date) -> str:
    """Return the name of the object that keeps the arms of a day."""
    return f"registry/dt={day.isoformat()}/arms.json"
