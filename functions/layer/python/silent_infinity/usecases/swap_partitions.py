"""Let days of a table be what a statement has just written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from silent_infinity.domain.lake.days import Item
from silent_infinity.domain.lake.model import SILVER
from silent_infinity.domain.lake.run import Place, stray_days
from silent_infinity.domain.lake.tables import table
from silent_infinity.domain.payload import from_payload
from silent_infinity.ports.lake_catalog import LakeCatalog
from silent_infinity.ports.lake_objects import LakeObjects
from silent_infinity.usecases.rollup_run import Lake

KEPT_FOR_SURE = timedelta(days=60)
"""So long every environment keeps what arrived, at least (`lake_retention_days`)."""


class StrayRowsError(RuntimeError):
    """The statement has written days that it was not asked for: swapping would lose them. Names no value."""


class RowsGoneError(RuntimeError):
    """A day that had turns or feedback has none now: what they were made of has expired. Names no value."""


@dataclass(frozen=True, slots=True)
class SwapRequest:
    """An item of the plan, and where its rows lie."""

    run: str
    item: Mapping[str, Any]
    location: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "SwapRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


class SwapPartitions:
    """Points the partitions of an item to its rows; a day without rows gets an empty place."""

    def __init__(self, *, lake: Lake, catalog: LakeCatalog, objects: LakeObjects, bucket: str) -> None:
        self._lake = lake
        self._catalog = catalog
        self._objects = objects
        self._bucket = bucket

    def __call__(self, request: SwapRequest) -> dict[str, int]:
        """Swap the days of an item, and return how many they are. Doing it again changes nothing.

        Raises:
            RunLostError: another run has the lake: its rows may be newer.
            StrayRowsError: there are rows of other days.
            RowsGoneError: rows that are there now could not be made again. Nothing was swapped.
            ForeignLocationError, KeyError, DaysError: that is no item, or no place of its table.
            StoreUnavailableError: some days may be swapped and others not.
        """
        item = Item.from_payload(request.item)
        place = Place.at(request.location, self._bucket, table(item.table))
        names = [entry.name for entry in self._objects.below(place.prefix)]
        if stray_days(names, place, item.days):
            raise StrayRowsError("StrayRows")
        if place.table.layer == SILVER and self._loses_days(item, place, names):
            raise RowsGoneError("RowsGone")
        self._lake.hold(request.run)
        self._catalog.swap(item.table, {day: place.of_day(day) for day in item.days})
        return {"days": len(item.days)}

    def _loses_days(self, item: Item, place: Place, names: Sequence[str]) -> bool:
        """Whether a day without rows is to take the place of one that has some, and its arrivals are so old
        that they may have expired. What of younger days is not there was taken away by somebody.
        """
        folders = {name.rpartition("/")[0] for name in names}
        head = f"s3://{self._bucket}/"
        standing = self._catalog.locations(item.table)
        return any(
            any(True for _ in self._objects.below(standing[day].removeprefix(head)))
            for day in item.days
            if day in standing
            and item.arrived_until - day >= KEPT_FOR_SURE
            and place.of_day(day).removeprefix(head).rstrip("/") not in folders
        )
