"""The rows of a statement that has run."""

from collections.abc import Iterator, Mapping
from typing import Protocol


class QueryResults(Protocol):
    """Reads the rows of finished statements."""

    def rows(self, query_id: str) -> Iterator[Mapping[str, str | None]]:
        """Give the rows of a statement that succeeded: column name to value as text, or None for null.

        Raises:
            StoreUnavailableError: there is no such statement, it has not succeeded, or it cannot be read now.
        """
        ...
