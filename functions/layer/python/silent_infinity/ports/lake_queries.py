"""Statements that the lake runs for somebody who waits for their rows."""

from typing import Protocol


class LakeQueries(Protocol):
    """Starts statements and waits for them; `QueryResults` reads their rows.

    Every method may raise StoreUnavailableError.
    """

    def start(self, statement: str) -> str:
        """Start a statement and return the id of its run. Several may run at once."""
        ...

    def wait(self, query_id: str) -> None:
        """Return when the run has succeeded.

        Raises:
            StoreUnavailableError: it failed, was cancelled, or takes too long (it is then cancelled).
        """
        ...
