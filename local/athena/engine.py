"""Runs one statement over Parquet files with DuckDB.

    engine = Engine(FolderCatalog.of(folder, tables))
    outcome = engine.run("UNLOAD (SELECT …) TO 's3://lake/…/' WITH (format = 'PARQUET')")

Each run has a connection of its own, so that nothing is left over from one statement to the next.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
from sqlglot import exp

from local.athena import statements
from local.athena.errors import StatementError
from local.athena.limits import OPEN_WRITERS
from local.athena.pruning import partitions_needed
from local.athena.statements import CreateTable, Insert, Select, Unload
from local.athena.tables import Catalog, Field, Partition, TableSource, partition_folder
from local.athena.transpile import SETTINGS, ambiguous_unnests, macros_of, to_duckdb
from local.athena.types import duckdb_of_hive, hive_of_duckdb, literal, quoted, readable_as, trino_of_duckdb

SCAN_LIMIT_EXCEEDED = "SCAN_LIMIT_EXCEEDED"
CANCELLED = "QUERY_CANCELLED"

# Each day that is written holds a group of rows in memory: wide rows make short groups.
_GROUP_OF_ROWS = "64MB"

_NARROWED = {"HUGEINT": "BIGINT", "UBIGINT": "BIGINT", "UHUGEINT": "BIGINT"}


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result: `type` as Athena names it, `duckdb_type` in full."""

    name: str
    type: str
    duckdb_type: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement gave: its rows, or what it wrote.

    Timestamps with a time zone are text in Athena's form.
    """

    columns: tuple[ResultColumn, ...]
    rows: list[tuple[Any, ...]]
    bytes_scanned: int
    rows_written: int
    files_written: tuple[Path, ...]
    location: str | None


@dataclass(frozen=True, slots=True)
class _Scan:
    """Some partitions of a table: the view that stands for them, and the bytes of one scan of it."""

    view: str
    bytes: int


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a statement writes, in folders by which columns, and what it scanned for it."""

    location: str
    keys: tuple[str, ...]
    compression: str
    scanned: int


@dataclass(frozen=True)
class Engine:
    """Runs statements against a catalogue.

    `memory_limit` is in DuckDB's notation, such as `1GB`; what does not fit goes to `temp_directory`.
    `scan_limit` is the workgroup's bound of bytes scanned by one statement, None for no bound.
    """

    catalog: Catalog
    memory_limit: str | None = None
    temp_directory: Path | None = None
    threads: int | None = None
    scan_limit: int | None = None

    def run(self, sql: str, on_start: Callable[[duckdb.DuckDBPyConnection], None] | None = None) -> Outcome:
        """Run one statement. `on_start` is given the connection, whose `interrupt` stops it.

        Raises:
            StatementError: Athena would fail the statement, or it is not carried over.
        """
        statement = statements.read(sql)
        with self._connection() as connection:
            if on_start is not None:
                on_start(connection)
            try:
                return self._run(connection, statement)
            except duckdb.Error as error:
                raise _failure(error) from None

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        config: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": True}
        if self.memory_limit is not None:
            config["memory_limit"] = self.memory_limit
        if self.threads is not None:
            config["threads"] = self.threads
        with tempfile.TemporaryDirectory(prefix="athena-", dir=self.temp_directory) as spill:
            config["temp_directory"] = spill
            connection = duckdb.connect(config=config)
            try:
                for command in SETTINGS:
                    connection.execute(command)
                yield connection
            finally:
                connection.close()

    def _run(self, connection: duckdb.DuckDBPyConnection, statement: statements.Statement) -> Outcome:
        query, scanned = self._with_views(connection, statement.query)
        sql, columns = _bound(connection, query)
        if isinstance(statement, Select):
            rows = connection.execute(_presentable(sql, columns)).fetchall()
            return Outcome(columns, rows, scanned, 0, (), None)
        if isinstance(statement, Unload):
            return self._unload(connection, statement, sql, columns, scanned)
        if isinstance(statement, Insert):
            return self._insert(connection, statement, sql, columns, scanned)
        return self._create(connection, statement, sql, columns, scanned)

    def _with_views(self, connection: duckdb.DuckDBPyConnection, query: exp.Expr) -> tuple[exp.Expr, int]:
        """The query over one view per use of a table, and the bytes that it scans."""
        query = query.copy()
        # Each WITH hides tables of its names wherever it stands; the statements of this repository nest none.
        ctes = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
        scanned = 0
        read: dict[tuple[str, tuple[str, ...]], _Scan] = {}
        for number, table in enumerate(list(query.find_all(exp.Table))):
            name = table.name.lower()
            if not table.db and name in ctes:
                continue
            source = self.catalog.table(name)
            if source is None:
                raise StatementError("TABLE_NOT_FOUND", f"Table '{name}' does not exist")
            needed = partitions_needed(source, table)
            key = (name, tuple(partition.location for partition in needed))
            if key not in read:
                read[key] = self._scan(connection, f"athena_{number}_{name}", source, needed, query)
            scan = read[key]
            scanned += scan.bytes
            replacement = exp.to_table(scan.view)
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name))
            replacement.set("alias", alias.copy())
            for argument in ("joins", "sample"):
                if table.args.get(argument):
                    replacement.set(argument, table.args[argument])
            table.replace(replacement)
        if self.scan_limit is not None and scanned > self.scan_limit:
            raise StatementError(SCAN_LIMIT_EXCEEDED, f"Bytes scanned limit was exceeded: {scanned} bytes")
        return query, scanned

    def _scan(
        self,
        connection: duckdb.DuckDBPyConnection,
        view: str,
        source: TableSource,
        needed: Sequence[Partition],
        query: exp.Expr,
    ) -> _Scan:
        selects = []
        files_read: list[str] = []
        for partitions in _by_layout(source, needed):
            in_paths = _values_in_path(source, partitions[0])
            for group in [partitions] if in_paths else [[p] for p in partitions]:
                files = [str(file) for partition in group for file in self.catalog.files(partition.location)]
                if files:
                    files_read += files
                    selects.append(_select_files(connection, source, files, None if in_paths else group[0]))
        if not selects:
            declared = [(f.name, duckdb_of_hive(f.type)) for f in (*source.columns, *source.keys)]
            nulls = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in declared)
            selects.append(f"SELECT {nulls} WHERE false")
        connection.execute(f"CREATE VIEW {quoted(view)} AS {' UNION ALL '.join(selects)}")
        return _Scan(view, _bytes(connection, files_read, _columns_used(source, query)))

    def _unload(
        self,
        connection: duckdb.DuckDBPyConnection,
        statement: Unload,
        sql: str,
        columns: Sequence[ResultColumn],
        scanned: int,
    ) -> Outcome:
        # With partitions Athena does not look: what is there stays, and the rows are added to it.
        if not statement.partitioned_by:
            self._require_empty(statement.location)
        _require_last(columns, statement.partitioned_by)
        target = _Target(statement.location, statement.partitioned_by, statement.compression, scanned)
        return self._write(connection, sql, columns, target)

    def _create(
        self,
        connection: duckdb.DuckDBPyConnection,
        statement: CreateTable,
        sql: str,
        columns: Sequence[ResultColumn],
        scanned: int,
    ) -> Outcome:
        if self.catalog.table(statement.table) is not None:
            raise StatementError("TABLE_ALREADY_EXISTS", f"Table '{statement.table}' already exists")
        if statement.location is None:
            raise StatementError("INVALID_TABLE_PROPERTY", "CREATE TABLE AS needs external_location here")
        self._require_empty(statement.location)
        _require_last(columns, statement.partitioned_by)
        fields = [Field(c.name, hive_of_duckdb(_NARROWED.get(c.duckdb_type, c.duckdb_type))) for c in columns]
        cut = len(fields) - len(statement.partitioned_by)
        target = _Target(statement.location, statement.partitioned_by, statement.compression, scanned)
        outcome = self._write(connection, sql, columns, target)
        keys = tuple(fields[cut:])
        partitions = self._partitions_written(keys, statement.location, outcome) if keys else ()
        if not keys:
            partitions = (Partition((), statement.location),)
        self.catalog.create_table(
            TableSource(statement.table, tuple(fields[:cut]), keys, partitions, statement.location)
        )
        return outcome

    def _insert(
        self,
        connection: duckdb.DuckDBPyConnection,
        statement: Insert,
        sql: str,
        columns: Sequence[ResultColumn],
        scanned: int,
    ) -> Outcome:
        source = self.catalog.table(statement.table)
        if source is None:
            raise StatementError("TABLE_NOT_FOUND", f"Table '{statement.table}' does not exist")
        fields = (*source.columns, *source.keys)
        given = [name.lower() for name in statement.columns] or [field.name for field in fields]
        if len(given) != len(columns):
            raise StatementError(
                "SYNTAX_ERROR", f"Insert query has {len(columns)} expressions for {len(given)} columns"
            )
        taken = dict(zip(given, columns, strict=True))
        unknown = set(taken) - {field.name for field in fields}
        if unknown:
            raise StatementError("COLUMN_NOT_FOUND", f"Columns of no table: {', '.join(sorted(unknown))}")
        values = []
        for field in fields:
            kind = duckdb_of_hive(field.type)
            column = taken.get(field.name)
            if column is not None and not readable_as(
                kind, _NARROWED.get(column.duckdb_type, column.duckdb_type)
            ):
                raise StatementError(
                    "TYPE_MISMATCH", f"Column {field.name} is {field.type} and cannot take {column.type}"
                )
            values.append(
                f"CAST({quoted(column.name) if column else 'NULL'} AS {kind}) AS {quoted(field.name)}"
            )
        names = ", ".join(quoted(column.name) for column in columns)
        ordered = f"SELECT {', '.join(values)} FROM ({sql}) AS q({names})"  # noqa: S608 - the caller's statement
        keys = tuple(key.name for key in source.keys)
        _, described = _describe(connection, ordered)
        target = _Target(source.location, keys, "SNAPPY", scanned)
        outcome = self._write(connection, ordered, described, target)
        if keys:
            partitions = self._partitions_written(source.keys, source.location, outcome)
            self.catalog.add_partitions(source.name, partitions)
        return outcome

    def _require_empty(self, location: str) -> None:
        if not self.catalog.is_empty(location):
            raise StatementError("HIVE_PATH_ALREADY_EXISTS", f"Target directory already exists: {location}")

    def _partitions_written(
        self, keys: Sequence[Field], location: str, outcome: Outcome
    ) -> tuple[Partition, ...]:
        root = self.catalog.folder(location)
        found = set()
        for file in outcome.files_written:
            parts = file.relative_to(root).parts[: len(keys)]
            found.add(tuple(unquote(part.partition("=")[2]) for part in parts))
        return tuple(Partition(values, location + partition_folder(keys, values)) for values in sorted(found))

    def _write(
        self,
        connection: duckdb.DuckDBPyConnection,
        sql: str,
        columns: Sequence[ResultColumn],
        target: _Target,
    ) -> Outcome:
        """Write the rows of a query below a location; nothing is left there if it fails."""
        for column in columns:
            hive_of_duckdb(_NARROWED.get(column.duckdb_type, column.duckdb_type))
        folder = self.catalog.folder(target.location)
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".athena-", dir=folder.parent))
        try:
            options = f"FORMAT PARQUET, COMPRESSION {target.compression}, RETURN_FILES true"
            options += f", ROW_GROUP_SIZE_BYTES '{_GROUP_OF_ROWS}'"
            if target.keys:
                names = ", ".join(map(quoted, target.keys))
                options += f", PARTITION_BY ({names}), FILENAME_PATTERN 'part_{{uuid}}'"
                to = staging
            else:
                to = staging / f"part_{uuid.uuid4().hex}.parquet"
            copied = connection.execute(f"COPY ({_narrowed(sql, columns)}) TO {literal(str(to))} ({options})")
            count = copied.fetchone()
            rows = int(count[0]) if count else 0
            made = list(staging.glob("/".join("*" for _ in target.keys))) if target.keys else []
            if len(made) > OPEN_WRITERS:
                raise StatementError(
                    "HIVE_TOO_MANY_OPEN_PARTITIONS",
                    f"Exceeded limit of {OPEN_WRITERS} open writers for partitions/buckets",
                )
            files = []
            for written in sorted(path for path in staging.rglob("*") if path.is_file()) if rows else []:
                final = folder / written.relative_to(staging)
                final.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(written, final)
                files.append(final)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        self.catalog.written(target.location, files)
        return Outcome((), [], target.scanned, rows, tuple(files), target.location)


def _describe(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, tuple[ResultColumn, ...]]:
    described = connection.execute(f"DESCRIBE {sql}").fetchall()
    return sql, tuple(ResultColumn(name, trino_of_duckdb(kind), kind) for name, kind, *_ in described)


def _bound(connection: duckdb.DuckDBPyConnection, query: exp.Expr) -> tuple[str, tuple[ResultColumn, ...]]:
    """The query in DuckDB's SQL and its columns, once each UNNEST is known to be of a map or of rows."""
    ambiguous = range(len(ambiguous_unnests(query)))
    first: duckdb.Error | None = None
    for count in range(len(ambiguous) + 1):
        for rows in itertools.combinations(ambiguous, count):
            try:
                sql = to_duckdb(query, rows)
                for macro in macros_of(sql):
                    connection.execute(macro)
                return _describe(connection, sql)
            except duckdb.BinderException as error:
                first = first or error
                if "map_entries" not in str(error) and count == 0:
                    raise
    raise first or AssertionError("a query binds or fails")


def _by_layout(source: TableSource, partitions: Sequence[Partition]) -> list[list[Partition]]:
    """Partitions in groups whose locations have the same names of folders: one scan reads such a group."""
    groups: dict[tuple[object, ...], list[Partition]] = {}
    for partition in partitions:
        names = tuple(part.partition("=")[0] for part in partition.location.split("/") if "=" in part)
        groups.setdefault((names, _values_in_path(source, partition)), []).append(partition)
    return list(groups.values())


def _values_in_path(source: TableSource, partition: Partition) -> bool:
    """Whether the folders of a partition's location tell its values."""
    parts = (part.partition("=") for part in partition.location.split("/") if "=" in part)
    told = {name: unquote(value) for name, _, value in parts}
    keys = [key.name for key in source.keys]
    return bool(keys) and all(told.get(k) == v for k, v in zip(keys, partition.values, strict=True))


def _select_files(
    connection: duckdb.DuckDBPyConnection,
    source: TableSource,
    files: Sequence[str],
    partition: Partition | None,
) -> str:
    """A query of the table's columns over files. `partition`: whose values are not in their paths."""
    options = ["union_by_name = true"]
    if partition is None:
        types = ", ".join(f"{quoted(key.name)}: {duckdb_of_hive(key.type)}" for key in source.keys)
        options.append(f"hive_partitioning = true, hive_types = {{{types}}}")
    else:
        options.append("hive_partitioning = false")
    scan = f"read_parquet([{', '.join(map(literal, files))}], {', '.join(options)})"
    found = {
        name.lower(): (name, kind)
        for name, kind, *_ in connection.execute(f"DESCRIBE FROM {scan}").fetchall()
    }
    values = []
    for column in source.columns:
        declared = duckdb_of_hive(column.type)
        name, kind = found.get(column.name.lower(), (None, declared))
        if name is None:
            values.append(f"CAST(NULL AS {declared}) AS {quoted(column.name)}")
            continue
        if not readable_as(declared, kind):
            raise StatementError(
                "HIVE_BAD_DATA",
                f"Field {column.name}'s type {kind} in parquet file is incompatible with type {column.type} "
                f"defined in table schema of {source.name}",
            )
        # Equal types are left bare, so that a scan of one field of a struct reads that field alone.
        same = kind.replace('"', "") == declared.replace('"', "")
        values.append(
            quoted(name) if same else f"CAST({quoted(name)} AS {declared}) AS {quoted(column.name)}"
        )
    for position, key in enumerate(source.keys):
        value = quoted(key.name) if partition is None else literal(partition.values[position])
        values.append(f"CAST({value} AS {duckdb_of_hive(key.type)}) AS {quoted(key.name)}")
    return f"SELECT {', '.join(values)} FROM {scan}"  # noqa: S608 - names and texts are quoted


def _columns_used(source: TableSource, query: exp.Expr) -> set[str]:
    """The columns of a table that a query can read: those whose names occur in it, or all for a star."""
    names = {column.name.lower() for column in source.columns}
    stars = (star for star in query.find_all(exp.Star) if not isinstance(star.parent, exp.Count))
    if any(True for _ in stars):
        return names
    return names & {identifier.name.lower() for identifier in query.find_all(exp.Identifier)}


def _bytes(connection: duckdb.DuckDBPyConnection, files: Sequence[str], columns: set[str]) -> int:
    """The compressed bytes of the columns' chunks in these files."""
    if not files or not columns:
        return 0
    chosen = ", ".join(literal(name) for name in sorted(columns))
    total = connection.execute(
        "SELECT sum(total_compressed_size) FROM parquet_metadata("  # noqa: S608 - names and texts are quoted
        f"[{', '.join(map(literal, files))}]) WHERE lower(split_part(path_in_schema, ', ', 1)) IN ({chosen})"
    ).fetchone()
    return int(total[0] or 0) if total else 0


def _narrowed(sql: str, columns: Sequence[ResultColumn]) -> str:
    """A query whose sums of integers are the bigints that they are in Trino."""
    values = [
        f"CAST({quoted(c.name)} AS {_NARROWED[c.duckdb_type]}) AS {quoted(c.name)}"
        if c.duckdb_type in _NARROWED
        else quoted(c.name)
        for c in columns
    ]
    return f"SELECT {', '.join(values)} FROM ({sql})"  # noqa: S608 - a statement of the caller's


def _presentable(sql: str, columns: Sequence[ResultColumn]) -> str:
    """A query whose timestamps with a time zone are text in Athena's form."""
    values = []
    for position, column in enumerate(columns):
        name = f"c{position}"
        if column.duckdb_type == "TIMESTAMP WITH TIME ZONE":
            name = f"strftime({name}, '%Y-%m-%d %H:%M:%S.%g UTC')"
        elif column.duckdb_type in _NARROWED:
            name = f"CAST({name} AS BIGINT)"
        values.append(f"{name} AS {quoted(column.name)}")
    if not any("(" in value.partition(" AS ")[0] for value in values):
        return sql
    names = ", ".join(f"c{position}" for position in range(len(columns)))
    return f"SELECT {', '.join(values)} FROM ({sql}) AS q({names})"  # noqa: S608 - the caller's statement


def _require_last(columns: Sequence[ResultColumn], keys: Sequence[str]) -> None:
    if keys and [column.name for column in columns[-len(keys) :]] != list(keys):
        raise StatementError(
            "HIVE_COLUMN_ORDER_MISMATCH",
            "Partition keys must be the last columns in the table and in the same order",
        )
    if len(columns) == len(keys):
        raise StatementError("SYNTAX_ERROR", "There is no column besides the partition keys")
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise StatementError("DUPLICATE_COLUMN_NAME", "A column's name is given more than once")


def _failure(error: duckdb.Error) -> StatementError:
    """A failure of DuckDB under the name that Athena has for it."""
    text = str(error).split("\n")[0]
    for own in ("NOT_SUPPORTED", "INVALID_CAST_ARGUMENT", "INVALID_FUNCTION_ARGUMENT"):
        if own in text:
            return StatementError(own, text.partition(own + ": ")[2])
    if "Division by zero" in text:
        return StatementError("DIVISION_BY_ZERO", "Division by zero")
    if isinstance(error, duckdb.OutOfRangeException) or "out of range" in text:
        return StatementError("NUMERIC_VALUE_OUT_OF_RANGE", text)
    if isinstance(error, duckdb.BinderException) and "Referenced column" in text:
        return StatementError("COLUMN_NOT_FOUND", text)
    for kind, code, category in _FAILURES:
        if isinstance(error, kind):
            return StatementError(code, text, category)
    return StatementError("GENERIC_INTERNAL_ERROR", text, category=1)


_FAILURES: tuple[tuple[type[duckdb.Error], str, int], ...] = (
    (duckdb.InterruptException, CANCELLED, 2),
    (duckdb.OutOfMemoryException, "EXCEEDED_LOCAL_MEMORY_LIMIT", 1),
    (duckdb.ConversionException, "INVALID_CAST_ARGUMENT", 2),
    (duckdb.CatalogException, "FUNCTION_NOT_FOUND", 2),
    (duckdb.BinderException, "TYPE_MISMATCH", 2),
    (duckdb.ParserException, "SYNTAX_ERROR", 2),
)
