"""A lake in a folder: bronze as it arrived, and a rollup that runs the real statements on it.

What the workflow does on AWS is done here in a few lines: render, run, swap one partition after the other.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from local.athena.engine import Engine
from local.athena.tables import FolderCatalog
from local.athena.types import duckdb_of_hive, hive_of_duckdb
from silent_infinity.domain.lake import statements
from silent_infinity.domain.lake.arms import Arm
from silent_infinity.domain.lake.bronze import FEEDBACK, TURN_EVENTS
from silent_infinity.domain.lake.model import DAY, Table
from silent_infinity.domain.lake.refined import REFINED
from silent_infinity.domain.lake.tables import TABLES

Row = Mapping[str, Any]
BUCKET = "lake"


@dataclass
class Lake:
    """A folder with the lake's tables, and an engine of so many threads."""

    root: Path
    threads: int = 2
    tables: Sequence[Table] = TABLES
    catalog: FolderCatalog = field(init=False)
    _numbers: Any = field(default_factory=count)

    def __post_init__(self) -> None:
        self.catalog = FolderCatalog.of(self.root, self.tables, BUCKET)

    def arrive(
        self, day: date, turns: Iterable[Row] = (), feedback: Iterable[Row] = (), hour: str = "00"
    ) -> None:
        """Write one object of what arrived on a day."""
        for table, rows in ((TURN_EVENTS, list(turns)), (FEEDBACK, list(feedback))):
            if rows:
                folder = self.catalog.folder(f"s3://{BUCKET}/{table.prefix}dt={day}/hour={hour}/")
                folder.mkdir(parents=True, exist_ok=True)
                write_parquet(rows, table, folder / f"{next(self._numbers):05d}.parquet")

    def run(self, sql: str) -> list[dict[str, Any]]:
        """Run a statement and return its rows by column."""
        outcome = Engine(self.catalog, threads=self.threads, memory_limit="2GB").run(sql)
        names = [column.name for column in outcome.columns]
        return [dict(zip(names, row, strict=True)) for row in outcome.rows]

    def columns(self, sql: str) -> list[tuple[str, str]]:
        """Return the columns of a query: names, and types in Hive's words."""
        outcome = Engine(self.catalog, threads=self.threads).run(sql)
        return [(column.name, hive_of_duckdb(column.duckdb_type)) for column in outcome.columns]

    def rows(self, table: str, day: date | None = None) -> list[dict[str, Any]]:
        """Return the rows of a table (of a day), in an order of their own."""
        where = f" WHERE dt = '{day}'" if day else ""
        return sorted(self.run(f"SELECT * FROM {table}{where}"), key=repr)  # noqa: S608 - a test's own names

    def unload(self, table: str, first: date, last: date, **given: Any) -> str:
        """Run the statement of a table and return where its objects are; nothing is swapped yet."""
        prefix = next(one.prefix for one in self.tables if one.name == table)
        location = f"s3://{BUCKET}/{prefix}run={next(self._numbers)}/"
        values = {"through": last, "arrived_until": last + timedelta(31), **given}
        self.run(statements.unload(table, first=first, last=last, location=location, **values))
        return location

    def swap(self, table: str, first: date, last: date, location: str) -> None:
        """Point the partitions of these days to what was written."""
        for number in range((last - first).days + 1):
            day = (first + timedelta(number)).isoformat()
            self.catalog.swap(table, (day,), f"{location}{DAY}={day}/")

    def refresh(
        self,
        first: date,
        last: date,
        *,
        through: date | None = None,
        arrived_until: date | None = None,
        arms: Sequence[Arm] = (),
        tables: Iterable[str] | None = None,
    ) -> None:
        """Make all refined tables for these days anew."""
        given = {"through": through or last, "arrived_until": arrived_until or last + timedelta(31)}
        for table in tables or [one.name for one in REFINED]:
            start = last if table == "gold_experiments" else first
            location = self.unload(table, start, last, arms=arms, **given)
            self.swap(table, start, last, location)

    def everything(self, tables: Iterable[str] | None = None) -> dict[str, list[dict[str, Any]]]:
        """Return all rows of the refined tables by table."""
        return {name: self.rows(name) for name in tables or [one.name for one in REFINED]}


_FROM = {
    "unit_days": ("silver_turns",),
    "gold_variant_days": ("silver_turns", "unit_days"),
    "gold_experiments": ("silver_turns", "unit_days"),
    "gold_histograms": ("silver_turns", "silver_feedback"),
    "gold_costs": ("silver_turns",),
    "gold_intents": ("silver_turns",),
    "gold_failures": ("silver_turns",),
}


def needed(tables: Iterable[str]) -> list[str]:
    """Return these tables and those that they are made from, in the order of their making."""
    wanted = {name for table in tables for name in (table, *_FROM.get(table, ()))}
    return [one.name for one in REFINED if one.name in wanted]


def write_parquet(rows: Sequence[Row], table: Table, path: Path) -> None:
    """Write rows as Firehose would: the table's columns, whatever a row lacks as null."""
    kinds = {column.name: duckdb_of_hive(column.type) for column in table.columns}
    with duckdb.connect() as connection, tempfile.NamedTemporaryFile("w", suffix=".ndjson") as lines:
        for row in rows:
            lines.write(json.dumps({name: row.get(name) for name in kinds}) + "\n")
        lines.flush()
        spec = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
        source = f"read_json('{lines.name}', format='newline_delimited', columns={{{spec}}})"
        connection.execute(f"COPY (SELECT * FROM {source}) TO '{path}' (FORMAT PARQUET)")  # noqa: S608


def by(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Return rows grouped by some of their columns."""
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return found
