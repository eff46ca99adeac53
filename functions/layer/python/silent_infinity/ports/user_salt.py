"""The secret that keeps pseudonyms from being recomputed by anyone who knows a subject."""

from typing import Protocol


class UserSalt(Protocol):
    """The salt of `domain.ids.user_id_hash`."""

    def salt(self) -> str:
        """Return the salt; cached for the life of the process. May raise StoreUnavailableError."""
        ...
