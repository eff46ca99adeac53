"""The objects of the lake's bucket, as those see them who look after it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object: its name in the bucket, and when it was written (UTC)."""

    name: str
    written_at: datetime


class LakeObjects(Protocol):
    """Named objects of the lake. Every method may raise StoreUnavailableError."""

    def below(self, prefix: str) -> Iterable[StoredObject]:
        """Give the objects whose names begin so, in order of their names."""
        ...

    def read(self, name: str) -> str | None:
        """Return the text of an object, or None if there is no such object."""
        ...

    def put(self, name: str, text: str, content_type: str) -> None:
        """Write an object, in the place of one that is there."""
        ...

    def put_if_absent(self, name: str, text: str) -> str:
        """Write an object of JSON unless there is one of that name; return the text that stands."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Delete these objects. One that is not there is no error."""
        ...
