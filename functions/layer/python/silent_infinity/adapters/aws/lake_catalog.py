"""The catalogue of the lake in Glue."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from silent_infinity.adapters.aws.calls import mapped_errors
from silent_infinity.ports.errors import StoreUnavailableError

_MOST_CREATED: Final = 100
_THERE_ALREADY: Final = "AlreadyExistsException"


class GlueLakeCatalog:
    """A `LakeCatalog` over a database of Glue. The client is made when it is first used."""

    def __init__(self, glue: Callable[[], Any], database: str) -> None:
        self._glue = glue
        self._database = database

    def locations(self, table: str) -> Mapping[date, str]:
        return {day: str(storage["Location"]) for day, storage in self._registered(table)}

    def swap(self, table: str, locations: Mapping[date, str]) -> None:
        if not locations:
            return
        standing = dict(self._registered(table, min(locations), max(locations)))
        moved = {day for day in locations if day in standing and standing[day]["Location"] != locations[day]}
        missing = sorted(set(locations) - set(standing))
        if not moved and not missing:
            return
        storage = self._storage(table)
        moved |= self._create(table, [_partition(day, storage, locations[day]) for day in missing])
        for day in sorted(moved):
            with mapped_errors():
                self._glue().update_partition(
                    DatabaseName=self._database,
                    TableName=table,
                    PartitionValueList=[day.isoformat()],
                    PartitionInput=_partition(day, storage, locations[day]),
                )

    def _registered(
        self, table: str, first: date | None = None, last: date | None = None
    ) -> Iterator[tuple[date, Mapping[str, Any]]]:
        """Give the days that are registered, each with its storage descriptor."""
        wanted: dict[str, Any] = {}
        if first is not None and last is not None:
            wanted["Expression"] = f"dt >= '{first.isoformat()}' AND dt <= '{last.isoformat()}'"
        with mapped_errors():
            pages = (
                self._glue()
                .get_paginator("get_partitions")
                .paginate(DatabaseName=self._database, TableName=table, ExcludeColumnSchema=True, **wanted)
            )
            for page in pages:
                for partition in page["Partitions"]:
                    yield date.fromisoformat(partition["Values"][0]), partition["StorageDescriptor"]

    def _create(self, table: str, partitions: Sequence[Mapping[str, Any]]) -> set[date]:
        """Register days; return those that somebody else has registered in between."""
        raced = set()
        for start in range(0, len(partitions), _MOST_CREATED):
            with mapped_errors():
                answer = self._glue().batch_create_partition(
                    DatabaseName=self._database,
                    TableName=table,
                    PartitionInputList=partitions[start : start + _MOST_CREATED],
                )
            raced |= _there_already(answer.get("Errors", ()))
        return raced

    def _storage(self, table: str) -> Mapping[str, Any]:
        """Return how the table's files are read: a partition has the columns that the table has now."""
        with mapped_errors():
            found = self._glue().get_table(DatabaseName=self._database, Name=table)
        storage: Mapping[str, Any] = found["Table"]["StorageDescriptor"]
        return storage


def _partition(day: date, storage: Mapping[str, Any], location: str) -> dict[str, Any]:
    return {"Values": [day.isoformat()], "StorageDescriptor": {**storage, "Location": location}}


def _there_already(errors: Sequence[Mapping[str, Any]]) -> set[date]:
    raced = set()
    for error in errors:
        code = str(error.get("ErrorDetail", {}).get("ErrorCode", "unknown"))
        if code != _THERE_ALREADY:
            raise StoreUnavailableError(code)
        raced.add(date.fromisoformat(error["PartitionValues"][0]))
    return raced
