"""Athena runs Trino's SQL and writes what a statement writes.

Gap: statements go to DuckDB as they are, so UNNEST of a map, approx_percentile, UNLOAD, INSERT INTO, CREATE
TABLE AS and `?` parameters fail and `/` of integers gives fractions; partitions are taken from paths instead
of the catalogue; a workgroup's enforced settings and its bound of bytes scanned are ignored; the result lies
at another place than OutputLocation says.
Fix: SELECT, UNLOAD, INSERT INTO and CREATE TABLE AS run in `local.athena` over the emulator's catalogue and
objects. Projected tables find their partitions in the keys of their objects. A statement with bad syntax is
refused at its start, others fail with Athena's names of errors.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from local.athena import statements
from local.athena.engine import CANCELLED, SCAN_LIMIT_EXCEEDED, Engine, Outcome
from local.athena.errors import StatementError
from local.athena.limits import QUERY_BYTES
from local.athena.parameters import with_parameters
from local.athena.tables import Field, Partition, TableSource, partition_folder, visible
from local.athena.text import csv_of, datum
from local.emulator import seams

SUMMARY = "Athena runs Trino's SQL: UNLOAD, INSERT INTO, CREATE TABLE AS, parameters, partitions, scan limits"

MEMORY_LIMIT = "1GB"
_EMULATORS = {"SHOW", "DESCRIBE", "ALTER", "DROP", "MSCK", "EXPLAIN", "PREPARE", "EXECUTE", "DEALLOCATE"}


@dataclass
class _Running:
    """A statement that was started: its text, its workgroup's settings, and how to stop it."""

    sql: str
    settings: dict[str, Any]
    interrupt: Callable[[], None] = field(default=lambda: None)
    stopped: bool = False


_running: dict[str, _Running] = {}


def install() -> None:
    """Wrap the start, the run and the stop of a query."""
    athena = seams.module("services.athena")
    responses = seams.module("core.responses")
    start = seams.original(athena, "_start_query_execution")
    execute = seams.original(athena, "_execute_query")
    stop = seams.original(athena, "_stop_query_execution")

    def refused(message: str, code: str = "INVALID_INPUT") -> Any:
        extra = {"AthenaErrorCode": code}
        return responses.error_response_json("InvalidRequestException", message, 400, extra=extra)

    def start_query(data: dict[str, Any]) -> Any:
        group = athena._workgroups.get(data.get("WorkGroup", "primary"))
        if group is None:
            return refused(f"WorkGroup {data.get('WorkGroup')} is not found.")
        settings = group.get("Configuration") or {}
        location = (settings.get("ResultConfiguration") or {}).get("OutputLocation")
        if settings.get("EnforceWorkGroupConfiguration") and location:
            data = {**data, "ResultConfiguration": settings["ResultConfiguration"]}
        text = data.get("QueryString", "")
        if not text or len(text.encode()) > QUERY_BYTES:
            return refused(f"A query string has 1 to {QUERY_BYTES} bytes")
        ours = _is_ours(text, athena)
        if ours:
            try:
                text = with_parameters(text, data.get("ExecutionParameters") or [])
                statements.read(text)
            except StatementError as error:
                if error.code == "SYNTAX_ERROR":
                    return refused(str(error), "MALFORMED_QUERY")
        answer = start(data)
        if answer[0] >= 300:
            return answer
        query_id = _id_of(answer)
        chosen = str((data.get("ResultConfiguration") or {}).get("OutputLocation") or location)
        _describe(athena._executions[query_id], data, f"{chosen.rstrip('/')}/{query_id}.csv")
        if ours:
            _running[query_id] = _Running(text, settings)
        return answer

    async def execute_query(query_id: str, query: str, database: str, ddl: Any, catalog: Any = None) -> None:
        running = _running.get(query_id)
        if running is None:
            await execute(query_id, query, database, ddl, catalog)
            return
        try:
            await _execute(athena, query_id, running, database)
        finally:
            _running.pop(query_id, None)

    def stop_query(data: dict[str, Any]) -> Any:
        running = _running.get(data.get("QueryExecutionId", ""))
        if running is not None:
            running.stopped = True
            running.interrupt()
        return stop(data)

    seams.replace(athena, "_start_query_execution", start_query)
    seams.replace(athena, "_execute_query", execute_query)
    seams.replace(athena, "_stop_query_execution", stop_query)


def _describe(execution: dict[str, Any], data: dict[str, Any], location: str) -> None:
    """Put right what the emulator says of a query that was started."""
    execution["ResultConfiguration"]["OutputLocation"] = location
    if data.get("ExecutionParameters"):
        execution["ExecutionParameters"] = data["ExecutionParameters"]
    if execution["Query"].lstrip()[:6].upper() == "UNLOAD":
        execution["StatementType"] = "DML"


def _id_of(answer: Any) -> str:
    return str(seams.module("services.athena").json.loads(answer[2])["QueryExecutionId"])


def _is_ours(text: str, athena: Any) -> bool:
    """Whether a statement is none of those which stay with the emulator."""
    words = text.replace("(", " ").split()
    first = words[0].upper() if words else ""
    return first not in _EMULATORS and (first != "CREATE" or athena._parse_ddl(text) is None)


async def _execute(athena: Any, query_id: str, running: _Running, database: str) -> None:
    """Run a statement and put down how it went."""
    execution = athena._executions.get(query_id)
    if execution is None or running.stopped:
        return
    status, statistics = execution["Status"], execution["Statistics"]
    status["State"] = "RUNNING"
    started = time.time()
    workdir = Path(tempfile.mkdtemp(prefix="emulated-athena-"))
    try:
        catalog = _Catalog(workdir, database)
        limit = running.settings.get("BytesScannedCutoffPerQuery")
        engine = Engine(
            catalog,
            memory_limit=MEMORY_LIMIT,
            temp_directory=workdir,
            scan_limit=int(limit) if limit else None,
        )

        def on_start(connection: Any) -> None:
            running.interrupt = connection.interrupt
            if running.stopped:  # before there was anything to interrupt
                raise StatementError(CANCELLED, "Query was cancelled by user")

        enforced = bool(running.settings.get("EnforceWorkGroupConfiguration"))
        read = statements.read(running.sql)
        if enforced and isinstance(read, statements.CreateTable) and read.location is not None:
            raise StatementError(
                "INVALID_TABLE_PROPERTY",
                "The workgroup enforces its own output location: no external_location",
            )
        outcome = await asyncio.to_thread(engine.run, running.sql, on_start)
        if status["State"] != "RUNNING":
            return
        statistics["DataScannedInBytes"] = outcome.bytes_scanned
        catalog.upload()
        _save(execution, query_id, outcome, catalog)
        execution["_results"] = {
            "columns": [column.name for column in outcome.columns],
            "rows": [[datum(value) for value in row] for row in outcome.rows],
        }
        execution["_column_types"] = [column.type for column in outcome.columns]
        status["State"] = "SUCCEEDED"
    except StatementError as error:
        _failed(execution, error)
    except Exception as error:
        athena.logger.exception("Athena query %s failed", query_id)
        _failed(execution, StatementError("GENERIC_INTERNAL_ERROR", str(error), category=1))
    finally:
        shutil.rmtree(workdir, ignore_errors=True)
        elapsed = int((time.time() - started) * 1000)
        statistics["EngineExecutionTimeInMillis"] = statistics["TotalExecutionTimeInMillis"] = elapsed
        status["CompletionDateTime"] = int(time.time())


def _failed(execution: dict[str, Any], error: StatementError) -> None:
    status = execution["Status"]
    stopped = error.code in {CANCELLED, SCAN_LIMIT_EXCEEDED}
    status["State"] = "CANCELLED" if stopped else "FAILED"
    status["StateChangeReason"] = str(error).partition(": ")[2] if stopped else str(error)
    execution["_error"] = str(error)
    if not stopped:
        status["AthenaError"] = {
            "ErrorCategory": error.category,
            "ErrorType": 1000 if error.category == 2 else 0,
            "Retryable": False,
            "ErrorMessage": str(error),
        }


def _save(execution: dict[str, Any], query_id: str, outcome: Outcome, catalog: _Catalog) -> None:
    """Put the result's file, or the list of the files written, at the place of results."""
    location = execution["ResultConfiguration"]["OutputLocation"]
    if outcome.location is None:
        rows = [[datum(value) for value in row] for row in outcome.rows]
        body = csv_of([column.name for column in outcome.columns], rows)
        _put(location, body.encode())
    else:
        base = location.rpartition("/")[0] + f"/{query_id}"
        execution["ResultConfiguration"]["OutputLocation"] = base
        execution["Statistics"]["DataManifestLocation"] = f"{base}-manifest.csv"
        _put(f"{base}-manifest.csv", "".join(f"{address}\n" for address in catalog.addresses).encode())


def _put(address: str, body: bytes) -> None:
    """Store one object.

    Raises:
        StatementError: S3 refuses it.
    """
    bucket, _, key = address.removeprefix("s3://").partition("/")
    headers = {"content-type": "application/octet-stream", "content-length": str(len(body))}
    answer = seams.module("services.s3")._put_object(bucket, key, body, headers)
    if answer[0] >= 300:
        raise StatementError("HIVE_WRITER_OPEN_ERROR", f"S3 refused {address} with {answer[0]}")


@dataclass
class _Catalog:
    """One database of the emulator's catalogue, its objects copied to a folder as they are needed.

    What a statement writes stays in the folder until `upload`, which also registers it: it runs on the
    emulator's own thread.
    """

    workdir: Path
    database: str
    addresses: list[str] = field(default_factory=list)
    _files: list[tuple[str, Path]] = field(default_factory=list)
    _tables: list[TableSource] = field(default_factory=list)
    _partitions: list[tuple[str, Partition]] = field(default_factory=list)

    def table(self, name: str) -> TableSource | None:
        glue = seams.module("services.glue")
        table = glue._tables.get(f"{self.database}/{name}")
        if table is None:
            return None
        storage = table.get("StorageDescriptor") or {}
        columns = tuple(
            Field(c["Name"].lower(), c.get("Type", "string")) for c in storage.get("Columns") or []
        )
        keys = tuple(
            Field(c["Name"].lower(), c.get("Type", "string")) for c in table.get("PartitionKeys") or []
        )
        location = _slashed(storage.get("Location") or "")
        source = TableSource(name, columns, keys, (), location)
        if not keys:
            return replace(source, partitions=(Partition((), location),))
        if str((table.get("Parameters") or {}).get("projection.enabled", "")).lower() == "true":
            return replace(source, partitions=_projected(source))
        registered = tuple(
            Partition(
                tuple(p.get("Values") or []),
                _slashed((p.get("StorageDescriptor") or {}).get("Location") or location),
            )
            for p in glue._partitions.get(f"{self.database}/{name}", [])
        )
        return replace(source, partitions=registered)

    def files(self, location: str) -> Sequence[Path]:
        found = []
        for bucket, key in _keys(location):
            path = self.workdir / "objects" / bucket / key
            if not visible(path):
                continue
            if not path.exists():
                body = seams.module("services.s3")._get_object_data(bucket, key)
                if body is None:
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
            found.append(path)
        return found

    def is_empty(self, location: str) -> bool:
        return not _keys(location)

    def folder(self, location: str) -> Path:
        if not location.startswith("s3://") or not location[5:].partition("/")[0]:
            raise StatementError("INVALID_TABLE_PROPERTY", f"Not an S3 location: {location}")
        return self.workdir / "written" / location.removeprefix("s3://")

    def written(self, location: str, files: Sequence[Path]) -> None:
        root = self.workdir / "written"
        self._files += [(f"s3://{file.relative_to(root)}", file) for file in files]

    def create_table(self, table: TableSource) -> None:
        self._tables.append(table)
        self._partitions += [(table.name, partition) for partition in table.partitions if partition.values]

    def add_partitions(self, table: str, partitions: Sequence[Partition]) -> None:
        self._partitions += [(table, partition) for partition in partitions]

    def upload(self) -> None:
        """Store the files and register tables and partitions."""
        glue = seams.module("services.glue")
        for address, file in self._files:
            _put(address, file.read_bytes())
            self.addresses.append(address)
        for table in self._tables:
            glue._create_table({"DatabaseName": self.database, "TableInput": _table_input(table)})
        for name, partition in self._partitions:
            stored = glue._tables.get(f"{self.database}/{name}") or {}
            storage = {**(stored.get("StorageDescriptor") or {}), "Location": partition.location}
            given = {"Values": list(partition.values), "StorageDescriptor": storage}
            # One that is there already stays: its location is the one that was written to.
            glue._create_partition(
                {"DatabaseName": self.database, "TableName": name, "PartitionInput": given}
            )


def _slashed(location: str) -> str:
    return location if location.endswith("/") else location + "/"


def _keys(location: str) -> list[tuple[str, str]]:
    """The objects below a location, as bucket and key."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    stored = seams.module("services.s3")._buckets.get(bucket)
    if stored is None:
        raise StatementError("HIVE_METASTORE_ERROR", f"The bucket of {location} does not exist", category=1)
    return [(bucket, k) for k in sorted(stored["objects"]) if k.startswith(prefix) and not k.endswith("/")]


def _projected(source: TableSource) -> tuple[Partition, ...]:
    """The partitions of a projected table that have an object: those without one give no rows anyway."""
    prefix = source.location.removeprefix("s3://").partition("/")[2]
    found = set()
    for _, key in _keys(source.location):
        parts = key.removeprefix(prefix).split("/")[: len(source.keys)]
        named = [part.partition("=") for part in parts]
        if [name for name, _, _ in named] == [key.name for key in source.keys]:
            found.add(tuple(value for _, _, value in named))
    return tuple(
        Partition(values, source.location + partition_folder(source.keys, values)) for values in sorted(found)
    )


def _table_input(table: TableSource) -> dict[str, Any]:
    parquet = "org.apache.hadoop.hive.ql.io.parquet"
    return {
        "Name": table.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
        "PartitionKeys": [{"Name": key.name, "Type": key.type} for key in table.keys],
        "StorageDescriptor": {
            "Columns": [{"Name": column.name, "Type": column.type} for column in table.columns],
            "Location": table.location,
            "InputFormat": f"{parquet}.MapredParquetInputFormat",
            "OutputFormat": f"{parquet}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{parquet}.serde.ParquetHiveSerDe"},
        },
    }
