"""The catalogue of the lake: where the rows of each day of a table lie."""

from collections.abc import Mapping
from datetime import date
from typing import Protocol


class LakeCatalog(Protocol):
    """Knows one location (`s3://bucket/folder/`) for each day of a table whose partitions are registered.

    Every method may raise StoreUnavailableError.
    """

    def locations(self, table: str) -> Mapping[date, str]:
        """Return where the rows of each registered day lie."""
        ...

    def swap(self, table: str, locations: Mapping[date, str]) -> None:
        """Let each day's rows lie where `locations` says from now on.

        A day changes from its old rows to its new ones in one step; several days change one after the other.
        Doing it again changes nothing, so that a swap that broke off half-way is finished by repeating it.
        """
        ...
