"""Bronze as Firehose writes it: Parquet by the day and hour of arrival, in a folder instead of a bucket.

An object is filed under the arrival of its oldest record, so that the first minutes of a day may lie in the
last hour of the day before.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import duckdb

from local.athena.types import duckdb_of_hive
from local.simulation.simulation import FEEDBACK, TURN, Arrival
from silent_infinity.domain.lake import bronze
from silent_infinity.domain.lake.model import DAY, HOUR, Table

CHUNK = 25_000
"""Arrivals that are held in memory at once."""

BUFFER_SECONDS = 900
"""How long Firehose fills an object before it is closed. Objects do not begin with the hours."""

_PHASE = 437

TABLES: Mapping[str, Table] = {TURN: bronze.TURN_EVENTS, FEEDBACK: bronze.FEEDBACK}


def write(folder: Path, arrivals: Iterable[Arrival]) -> dict[str, int]:
    """Write arrivals below `folder`, each table under its own prefix; returns the rows per stream."""
    counts = dict.fromkeys(TABLES, 0)
    with duckdb.connect() as database, tempfile.TemporaryDirectory() as scratch:
        for number, chunk in enumerate(_chunks(arrivals)):
            for stream, table in TABLES.items():
                rows = [arrival for arrival in chunk if arrival.stream == stream]
                if rows:
                    _write_chunk(
                        database,
                        table,
                        rows,
                        lines=Path(scratch) / "rows.ndjson",
                        target=folder / table.prefix,
                        name=f"simulated-{number:05d}",
                    )
                    counts[stream] += len(rows)
    return counts


def empty_tables(folder: Path) -> None:
    """Make the folder of every bronze table, so that a table without rows can be read too."""
    for table in TABLES.values():
        (folder / table.prefix).mkdir(parents=True, exist_ok=True)


def copy_options(name: str) -> str:
    """Return how a COPY writes what Firehose would: Snappy, and folders by day and hour of arrival."""
    return (
        f"FORMAT parquet, COMPRESSION snappy, PARTITION_BY ({DAY}, {HOUR}), "
        f"FILENAME_PATTERN '{name}-{{i}}', OVERWRITE_OR_IGNORE"
    )


def _opened(second: int) -> int:
    """Return when the object of an arrival was opened: it lies where its oldest record belongs."""
    return (second + _PHASE) // BUFFER_SECONDS * BUFFER_SECONDS - _PHASE


def _chunks(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    rest = iter(arrivals)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _write_chunk(
    database: duckdb.DuckDBPyConnection,
    table: Table,
    rows: Iterable[Arrival],
    *,
    lines: Path,
    target: Path,
    name: str,
) -> None:
    """Write the rows by way of the file `lines` to objects below `target` whose names begin with `name`."""
    with lines.open("w", encoding="utf-8") as file:
        for arrival in rows:
            when = datetime.fromtimestamp(_opened(arrival.second), UTC)
            placed = {**arrival.event, DAY: when.date().isoformat(), HOUR: f"{when.hour:02d}"}
            file.write(json.dumps(placed, separators=(",", ":")) + "\n")
    columns = {column.name: duckdb_of_hive(column.type) for column in (*table.columns, *table.partitions)}
    target.mkdir(parents=True, exist_ok=True)
    described = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    database.execute(
        f"COPY (FROM read_json('{lines}', format='newline_delimited', columns={{{described}}})) "
        f"TO '{target}' ({copy_options(name)})"
    )
    lines.unlink()
