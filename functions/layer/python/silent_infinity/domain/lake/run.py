"""Where a run writes, and what it may take away."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from silent_infinity.domain.lake.model import DAY, Table

KEPT: Final = timedelta(days=3)
"""Objects younger than this are never swept: a statement may be writing them, or reading what was just
swapped away. No statement and no run lasts so long.
"""

_RUN_LENGTH: Final = 64
_RUN_ID: Final = re.compile(r"[a-z0-9-]{1,64}")
_OTHER: Final = re.compile(r"[^a-z0-9-]+")
_OWN: Final = re.compile(rf"run=[a-z0-9-]{{1,64}}/{DAY}=\d{{4}}-\d\d-\d\d/[^/]+")


class ForeignLocationError(ValueError):
    """That is no place that a run of the rollup writes to. The message quotes nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one attempt of a statement writes the rows of a table: a folder that nothing else uses."""

    bucket: str
    table: Table
    run_id: str

    @property
    def prefix(self) -> str:
        """The folder's name in the bucket."""
        return f"{self.table.prefix}run={self.run_id}/"

    @property
    def location(self) -> str:
        """The folder as statements name it."""
        return f"s3://{self.bucket}/{self.prefix}"

    def of_day(self, day: date) -> str:
        """Return where the rows of a day lie."""
        return f"{self.location}{DAY}={day.isoformat()}/"

    @classmethod
    def at(cls, location: str, bucket: str, table: Table) -> "Place":
        """Read a location.

        Raises:
            ForeignLocationError: it is not one of this table in this bucket.
        """
        head = f"s3://{bucket}/{table.prefix}run="
        run_id = location.removeprefix(head).removesuffix("/")
        if location != f"{head}{run_id}/" or not _RUN_ID.fullmatch(run_id):
            raise ForeignLocationError("not a place of the rollup")
        return cls(bucket, table, run_id)


def run_id_of(execution: str, suffix: str) -> str:
    """Return the name of an attempt: what is left of the execution's name, and a suffix of its own."""
    name = _OTHER.sub("-", execution.lower()).strip("-")
    return f"{name[: _RUN_LENGTH - len(suffix) - 1]}-{suffix}".lstrip("-")


def stray_days(names: Iterable[str], place: Place, days: Collection[date]) -> list[str]:
    """Return the folders below a place that are none of these days. What lies in them would be lost."""
    allowed = {f"{place.prefix}{DAY}={day.isoformat()}" for day in days}
    return sorted({folder for folder in (name.rpartition("/")[0] for name in names) if folder not in allowed})


def swept(
    table: Table,
    bucket: str,
    objects: Iterable[tuple[str, datetime]],
    locations: Collection[str],
    now: datetime,
) -> Iterator[str]:
    """Give the names of a table's objects that nothing points to and that are older than `KEPT`.

    Only what has the form of an object that a run has written is ever given: `run=…/dt=…/file` below the
    table's own prefix. A table that has no partition at all is left alone: it may have been set up anew, and
    its rows are still there to be found.
    """
    if not locations or table.projected:
        return
    head = f"s3://{bucket}/"
    kept = {location.removeprefix(head).rstrip("/") for location in locations if location.startswith(head)}
    for name, written_at in objects:
        own = name.startswith(table.prefix) and _OWN.fullmatch(name.removeprefix(table.prefix))
        if own and name.rpartition("/")[0] not in kept and now - written_at > KEPT:
            yield name
