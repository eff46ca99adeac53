"""Whose sessions were written to lately, without reading what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Pseudonyms of people, each once, and where to go on; `cursor` is empty after the last page.

    Somebody with several sessions may be on several pages.
    """

    people: tuple[str, ...]
    cursor: str = ""


class SessionIndex(Protocol):
    """The index of sessions by person. May lag behind by seconds. May raise StoreUnavailableError."""

    def people_since(self, since: str, cursor: str, limit: int) -> PeoplePage:
        """Return people with a session that was written to at or after `since` (ISO 8601, UTC).

        `limit` is how many sessions are looked at, whether or not they count.
        """
        ...

    def sessions_since(self, user_id_hash: str, since: str) -> Sequence[str]:
        """Return the ids of a person's sessions that were written to at or after `since`, oldest first."""
        ...
