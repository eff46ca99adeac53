"""Files of a piece of work that is done in steps: lines of JSON, gone when the work is done."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol


class WorkFiles(Protocol):
    """Named files. They may hold what people wrote. Every method may raise StoreUnavailableError."""

    def write(self, name: str, lines: Iterable[Any]) -> None:
        """Write a file, in the place of one that is there."""
        ...

    def read(self, name: str) -> list[Any] | None:
        """Return the lines of a file, or None if there is no such file."""
        ...

    def names(self, prefix: str) -> Sequence[str]:
        """Return the names of the files that begin so, sorted."""
        ...

    def remove(self, prefix: str) -> int:
        """Delete the files whose names begin so, and return how many went."""
        ...
