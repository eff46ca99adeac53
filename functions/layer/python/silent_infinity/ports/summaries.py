"""Weekly summaries: one item of a person for each week, and who is at work on a week."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from silent_infinity.domain.turn import Usage


class SummaryState(StrEnum):
    """How far a summary has come."""

    DUE = "due"
    WRITTEN = "written"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Summary:
    """A person's summary of a week, or the claim on it. `expires_at` is in epoch seconds.

    `session_ids` are the sessions that it tells of: it goes with the first of them that is deleted. `run` and
    `page` say who claimed it. `text` is empty unless it is written; a skipped one has a `code`. `usage` is
    what all attempts cost together, `batch` whether the kept one came at the batch price.
    """

    user_id_hash: str
    week: str
    state: SummaryState
    run: str
    page: int
    session_ids: tuple[str, ...]
    expires_at: int
    text: str = ""
    locale: str = ""
    written_at: str = ""
    model_id: str = ""
    provider: str = ""
    prompt_id: str = ""
    prompt_sha: str = ""
    score: float = 0.0
    attempts: int = 0
    batch: bool = False
    code: str = ""
    usage: Usage = field(default_factory=Usage)


class SummaryStore(Protocol):
    """Summaries of people, and leases on weeks. Every method may raise StoreUnavailableError."""

    def hold_week(self, week: str, run: str, now_ms: int, until_ms: int) -> bool:
        """Take or keep the lease on a week until `until_ms`; False if another run holds it."""
        ...

    def release_week(self, week: str, run: str) -> None:
        """Give the lease back. Nothing happens if it is another run's."""
        ...

    def claim(self, claim: Summary) -> bool:
        """Say that a summary is due; False if it is written, or claimed on another page of the same run."""
        ...

    def find(self, user_id_hash: str, week: str) -> Summary | None:
        """Return the summary or the claim on it, or None. The read is consistent."""
        ...

    def keep(self, summary: Summary) -> bool:
        """Put a written or skipped summary in the place of its run's claim.

        A written one is kept only if none of its sessions has been deleted or is in crisis flow. False if
        nothing was kept.
        """
        ...

    def of_person(self, user_id_hash: str) -> Sequence[Summary]:
        """Return a person's summaries and claims, oldest week first."""
        ...

    def forget_session(self, user_id_hash: str, session_id: str) -> int:
        """Delete whatever tells of the session, and return how many summaries and claims went."""
        ...
