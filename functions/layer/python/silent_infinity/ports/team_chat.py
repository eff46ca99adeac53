"""A channel in which the team reads what became of promotions."""

from typing import Protocol


class TeamChat(Protocol):
    """Posts short messages."""

    def post(self, text: str) -> bool:
        """Post a message; False where no channel is set up.

        Raises:
            StoreUnavailableError: it could not be posted, after some attempts.
        """
        ...
