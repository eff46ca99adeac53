"""The lake in memory: its catalogue, its objects, and the rows of statements."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.lake_objects import StoredObject


@dataclass(slots=True)
class MemoryLakeCatalog:
    """A `LakeCatalog`. `tables` has the location of each day by table."""

    tables: dict[str, dict[date, str]] = field(default_factory=dict)

    def locations(self, table: str) -> Mapping[date, str]:
        return dict(self.tables.get(table, {}))

    def swap(self, table: str, locations: Mapping[date, str]) -> None:
        self.tables.setdefault(table, {}).update(locations)


class MemoryLakeObjects:
    """A `LakeObjects`. `objects` has each object by name, and its text by name is in `texts`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.objects: dict[str, StoredObject] = {}
        self.texts: dict[str, str] = {}

    def below(self, prefix: str) -> Iterator[StoredObject]:
        yield from [self.objects[name] for name in sorted(self.objects) if name.startswith(prefix)]

    def read(self, name: str) -> str | None:
        return self.texts.get(name)

    def put(self, name: str, text: str, content_type: str) -> None:
        self.objects[name] = StoredObject(name, self._clock.now())
        self.texts[name] = text

    def put_if_absent(self, name: str, text: str) -> str:
        if name not in self.objects:
            self.put(name, text, "application/json")
        return self.texts[name]

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            self.objects.pop(name, None)
            self.texts.pop(name, None)


@dataclass(slots=True)
class MemoryQueryResults:
    """A `QueryResults`. `results` has the rows of each statement that succeeded."""

    results: dict[str, list[dict[str, str | None]]] = field(default_factory=dict)

    def rows(self, query_id: str) -> Iterator[Mapping[str, str | None]]:
        if query_id not in self.results:
            raise StoreUnavailableError("InvalidRequestException")
        yield from self.results[query_id]
