"""Telling the people on call what there is to know, by identifiers and numbers."""

from collections.abc import Mapping
from typing import Protocol


class Alerts(Protocol):
    """A way to the people on call."""

    def send(self, subject: str, facts: Mapping[str, str | int]) -> None:
        """Send the facts under a subject of at most 99 characters.

        Facts are identifiers and numbers: what is sent is read in mailboxes.

        Raises:
            StoreUnavailableError: it could not be sent.
        """
        ...

    def tell(self, subject: str, text: str) -> None:
        """Send a message of plain text, under the same rules as `send`."""
        ...
