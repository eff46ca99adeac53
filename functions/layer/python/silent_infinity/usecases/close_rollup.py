"""End a nightly rollup: let the lake go, and delete what no partition points to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.lake.model import Table
from silent_infinity.domain.lake.run import swept
from silent_infinity.domain.lake.tables import TABLES
from silent_infinity.domain.payload import from_payload
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.lake_catalog import LakeCatalog
from silent_infinity.ports.lake_objects import LakeObjects
from silent_infinity.usecases.rollup_run import Lake

DONE = "done"


@dataclass(frozen=True, slots=True)
class CloseRollupRequest:
    """A run that ends. `outcome` is `done` or `failed`."""

    run: str
    outcome: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "CloseRollupRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


class CloseRollup:
    """Ends a run, whichever way it went. After one that failed nothing is deleted."""

    def __init__(
        self, *, lake: Lake, catalog: LakeCatalog, objects: LakeObjects, clock: Clock, bucket: str
    ) -> None:
        self._lake = lake
        self._catalog = catalog
        self._objects = objects
        self._clock = clock
        self._bucket = bucket

    def __call__(self, request: CloseRollupRequest) -> dict[str, int]:
        """End the run, and return how many objects were deleted. Doing it again deletes what is left.

        Raises:
            StoreUnavailableError: something is left; the next night deletes it.
        """
        self._lake.release(request.run)
        if request.outcome != DONE:
            return {"deleted": 0}
        return {"deleted": sum(self._sweep(table) for table in TABLES if not table.projected)}

    def _sweep(self, table: Table) -> int:
        # Read before the objects are listed: what is swapped in between is younger than what is deleted.
        locations = set(self._catalog.locations(table.name).values())
        objects = ((entry.name, entry.written_at) for entry in self._objects.below(table.prefix))
        names = list(swept(table, self._bucket, objects, locations, self._clock.now()))
        self._objects.remove(names)
        return len(names)
