"""Measures the lake: a simulated one of one copy, a real night over it, and bytes of every use of a table.

Two layouts of objects are measured, because a Parquet file has a footer of some 15 KB and dictionaries of its
own: `small`, objects of as many rows as 15 minutes have at a million turns a month, and `large`, objects of
tens of thousands of rows.
"""

import json
import math
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from boto3.dynamodb.types import TypeSerializer

from costing.lake_scans import Scan, scans
from local.athena.engine import Engine
from local.athena.tables import FolderCatalog
from local.athena.types import literal, quoted
from local.simulation import bronze, bulk
from local.simulation.scenario import Scenario, registry
from local.simulation.simulation import FEEDBACK, TURN, Arrival, arrivals, days
from silent_infinity.adapters.aws import variant_metrics
from silent_infinity.adapters.aws.stream_arrivals import arrivals as from_stream
from silent_infinity.adapters.memory.delivery import MemoryDelivery
from silent_infinity.adapters.memory.metrics import MemoryMetrics
from silent_infinity.adapters.memory.quarantine import MemoryQuarantine
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.lake import days as planning
from silent_infinity.domain.lake import report, statements
from silent_infinity.domain.lake.arms import Arm
from silent_infinity.domain.lake.arrivals import SOURCES, line
from silent_infinity.domain.lake.model import BRONZE, DAY, GOLD
from silent_infinity.domain.lake.published import variant_days
from silent_infinity.domain.lake.tables import TABLES, table
from silent_infinity.domain.weeks import Week
from silent_infinity.usecases.feed_lake import DeliverEvents, FeedLake

DAYS = 48
"""What a night reads that has to make all of the last month anew."""

UNTIL = date(2026, 11, 20)
ARM_DAYS = 28
SMALL_ROWS = {TURN: 342, FEEDBACK: 27}
"""A million turns a month, in 15 minutes: 1,000,000 * 12 / 365 / 96, and the feedback of so many."""

LARGE_ROWS = 40_000
CPU_EVENTS = 2_000
BATCH = 500
BUCKET = "lake"
_DAY = timedelta(days=1)

Step = Callable[[str], Any]


def measure(folder: Path, events: int, tell: Step = lambda _: None, seed: int = 1) -> dict[str, Any]:
    """Return what was measured as JSON has it. `folder` is empty or missing; `tell` is told each step."""
    arms = registry()
    scenario = bulk.sized(Scenario(1, DAYS, UNTIL, seed, arms), events)
    lake = _Lake(folder)
    tell("simulating events")
    sample = _Sample()
    counts = bronze.write(lake.root, sample.seen(scenario))
    bronze.empty_tables(lake.root)
    _regroup(lake.root)
    tell("refining all days")
    running = [
        Arm(one.category, one.variant_id, UNTIL - (ARM_DAYS - 1) * _DAY, _production(scenario, one.category))
        for one in scenario.arms
    ]
    whole = planning.Window(scenario.first, UNTIL, UNTIL, UNTIL + _DAY, searches=False)
    lake.night(planning.phases(TABLES, whole, []), whole, running)
    tell("running the night")
    window = planning.window_of(planning.Asked(UNTIL.isoformat()), UNTIL + _DAY)
    late = statements.late_days(*window.arrivals, window.first, window.oldest)
    quiet = planning.phases(TABLES, window, [])
    night = [lake.asked("late_days", late)]
    night += lake.night(quiet, window, running)
    night += lake.published(quiet, window)
    tell("looking at what a night reads that makes all of a month anew")
    every = [window.first - (back + 1) * _DAY for back in range((window.first - window.oldest).days)]
    busy = planning.phases(TABLES, window, every)
    all_late = [lake.looked_at("late_days", late)]
    all_late += lake.planned(busy, window, running)
    all_late += [lake.looked_at(name, sql) for name, sql in _publications(busy, window)]
    tell("running the weekly report")
    week = [lake.asked(f"report: {name}", sql) for name, sql in report.queries(_week()).items()]
    return {
        "description": "What `./run cost lake --json` measured on a simulated lake of one copy.",
        "events": counts[TURN],
        "feedback": counts[FEEDBACK],
        "days": DAYS,
        "rows_an_object": {"small": SMALL_ROWS[TURN], "large": LARGE_ROWS},
        "json_bytes": {
            name: round(total / max(sample.counts[name], 1), 1) for name, total in sample.bytes.items()
        },
        "item_bytes": round(sample.item_bytes()),
        "consumer_cpu_ms": round(sample.cpu_ms(), 3),
        "variant_metrics": lake.items(UNTIL),
        "tables": lake.tables(),
        "night": night,
        "night_all_late": all_late,
        "week": week,
    }


def _week() -> Week:
    year, week, _ = (UNTIL - 7 * _DAY).isocalendar()
    return Week.of(f"{year}-W{week:02d}")


def _production(scenario: Scenario, category: str) -> tuple[str, ...]:
    return tuple(one.variant_id for one in scenario.variants if one.category == category and one.is_default)


@dataclass
class _Sample:
    """What is learnt of events while they are made."""

    counts: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    kept: list[Mapping[str, Any]] = field(default_factory=list)

    def seen(self, scenario: Scenario) -> Iterator[Arrival]:
        for day in days(scenario):
            for number, arrival in enumerate(arrivals(day, scenario.disorder, scenario.seed)):
                # One of ten: making a line costs as much as simulating it.
                if number % 10 == 0:
                    self.counts[arrival.stream] += 1
                    self.bytes[arrival.stream] += len(_line(arrival)) + 1
                if arrival.stream == TURN and len(self.kept) < CPU_EVENTS:
                    self.kept.append(arrival.event)
                yield arrival

    def records(self) -> list[dict[str, Any]]:
        """The events as the stream of their table has them."""
        put = TypeSerializer().serialize
        return [
            {
                "eventID": str(number),
                "eventName": "INSERT",
                "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/TurnEvents/stream/1",
                "dynamodb": {
                    "Keys": {"turn_id": {"S": event["turn_id"]}},
                    "NewImage": put(json.loads(json.dumps(event), parse_float=Decimal))["M"],
                    "SequenceNumber": str(number),
                },
            }
            for number, event in enumerate(self.kept)
        ]

    def item_bytes(self) -> float:
        """The mean size of an item of TurnEvents as DynamoDB counts it."""
        sizes = [size_of(record["dynamodb"]["NewImage"]) for record in self.records()]
        return sum(sizes) / len(sizes)

    def cpu_ms(self) -> float:
        """Processor time of an event in the consumer's own code, the best of five: what is above it was
        taken by something else.
        """
        records = self.records()
        best = math.inf
        for _ in range(5):
            delivery, quarantine = MemoryDelivery(), MemoryQuarantine()
            deliver = DeliverEvents(
                validator=JsonSchemaValidator(),
                deliveries=dict.fromkeys(SOURCES, delivery),
                metrics=MemoryMetrics(),
                environment="local",
            )
            feed = FeedLake(deliver, quarantine)
            started = time.process_time()
            fed = [
                feed(from_stream(records[first : first + BATCH])) for first in range(0, len(records), BATCH)
            ]
            best = min(best, time.process_time() - started)
            if sum(one.delivered for one in fed) != len(records):
                raise ValueError("the consumer did not take every simulated event")
        return best * 1000 / len(records)


def _line(arrival: Arrival) -> bytes:
    return line(SOURCES[arrival.stream], arrival.event)


def size_of(item: Mapping[str, Any]) -> int:
    """Return the bytes of an item's attributes as DynamoDB counts them.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(value: Mapping[str, Any]) -> int:
    [(kind, found)] = value.items()
    if kind == "M":
        return 3 + sum(len(name.encode()) + _value(inner) + 1 for name, inner in found.items())
    if kind == "L":
        return 3 + sum(_value(inner) + 1 for inner in found)
    if kind == "N":
        return len(found.strip("-").replace(".", "").strip("0")) // 2 + 2
    return len(found.encode()) if kind == "S" else 1


def _regroup(root: Path) -> None:
    """Write the arrivals of each day as objects of SMALL_ROWS, instead of one for each hour."""
    with duckdb.connect() as database:
        for stream, rows in SMALL_ROWS.items():
            for day in sorted((root / bronze.TABLES[stream].prefix).iterdir()):
                database.execute(
                    f"CREATE OR REPLACE TEMP TABLE arrived AS FROM read_parquet('{day}/*/*.parquet', "
                    "hive_partitioning = false)"
                )
                shutil.rmtree(day)
                [(count,)] = database.execute("SELECT count(*) FROM arrived").fetchall()
                for number in range(math.ceil(count / rows)):
                    hour = day / f"hour={number % 24:02d}"
                    hour.mkdir(parents=True, exist_ok=True)
                    database.execute(
                        f"COPY (FROM arrived LIMIT {rows} OFFSET {number * rows}) "
                        f"TO '{hour}/{number:05d}.parquet' (FORMAT parquet, COMPRESSION snappy)"
                    )


@dataclass
class _File:
    """A Parquet file: its size, its rows, and the compressed bytes of each column."""

    size: int
    rows: int
    columns: dict[str, int]

    @property
    def footer(self) -> int:
        return self.size - sum(self.columns.values())


class _Lake:
    """A lake in a folder: runs statements and says what they read."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / BUCKET
        self.root.mkdir(parents=True)
        self.catalog = FolderCatalog.of(folder, TABLES, BUCKET)
        self._runs = 0
        self._files: dict[Path, _File] = {}
        self._large: dict[str, dict[str, float]] = {}

    def night(
        self, phases: Iterable[planning.Phase], window: planning.Window, arms: Sequence[Arm]
    ) -> list[dict[str, Any]]:
        """Run every statement of a night, and swap."""
        return [self._made(item, window, arms) for phase in phases for item in phase.items]

    def planned(
        self, phases: Iterable[planning.Phase], window: planning.Window, arms: Sequence[Arm]
    ) -> list[dict[str, Any]]:
        """Say what the statements of a night would read, without running them."""
        return [
            self.looked_at(item.table, self._unload(item, window, arms), len(item.days))
            for phase in phases
            for item in phase.items
        ]

    def _unload(self, item: planning.Item, window: planning.Window, arms: Sequence[Arm]) -> str:
        self._runs += 1
        return statements.unload(
            item.table,
            first=item.first,
            last=item.last,
            through=window.through,
            arrived_until=item.arrived_until,
            location=f"s3://{BUCKET}/{table(item.table).prefix}run={self._runs}/",
            arms=arms,
        )

    def _made(self, item: planning.Item, window: planning.Window, arms: Sequence[Arm]) -> dict[str, Any]:
        sql = self._unload(item, window, arms)
        result = self.asked(item.table, sql, len(item.days))
        location = f"s3://{BUCKET}/{table(item.table).prefix}run={self._runs}/"
        for day in item.days:
            self.catalog.swap(item.table, (day.isoformat(),), f"{location}{DAY}={day}/")
        return result

    def asked(self, name: str, sql: str, written_days: int = 0) -> dict[str, Any]:
        """Run a statement and say what it read and wrote."""
        found = self.looked_at(name, sql, written_days)
        started = time.perf_counter()
        outcome = Engine(self.catalog, memory_limit="3GB").run(sql)
        return {
            **found,
            "seconds": round(time.perf_counter() - started, 2),
            "engine_bytes": outcome.bytes_scanned,
            "written_rows": outcome.rows_written,
            "written_bytes": sum(path.stat().st_size for path in outcome.files_written),
        }

    def looked_at(self, name: str, sql: str, written_days: int = 0) -> dict[str, Any]:
        """Say what a statement reads: one entry for each table."""
        reads: dict[str, dict[str, Any]] = {}
        for scan in scans(sql, self.catalog, [one.name for one in TABLES]):
            read = reads.setdefault(
                scan.table, {"uses": 0, "columns": 0, "days": 0, "objects": 0, "small": 0, "large": 0}
            )
            files = self._of(scan)
            read["uses"] += 1
            read["columns"] += len(scan.columns)
            read["days"] = max(read["days"], len({part.values[0] for part in scan.partitions}))
            read["objects"] += len(files)
            read["small"] += sum(
                one.footer + sum(one.columns.get(column, 0) for column in scan.columns) for one in files
            )
            if table(scan.table).layer == GOLD:
                read["large"] = read["small"]
                continue
            rows = sum(one.rows for one in files)
            read["large"] += round(rows * sum(self._widths(scan.table).get(c, 0.0) for c in scan.columns))
        return {"statement": name, "written_days": written_days, "reads": reads}

    def published(self, phases: Iterable[planning.Phase], window: planning.Window) -> list[dict[str, Any]]:
        """Run the statements that read gold for publishing."""
        return [self.asked(name, sql) for name, sql in _publications(phases, window)]

    def items(self, last: date) -> dict[str, Any]:
        """Say how many items a day has in VariantMetrics, and how many units writing one takes."""
        rows = [self._rows(statements.gold_rows(name, last, last)) for name in PUBLISHED]
        sizes = [size_of(variant_metrics._item(day)) for day in variant_days(*rows)]
        return {
            "items_a_day": len(sizes),
            "bytes": round(sum(sizes) / len(sizes)),
            "units": round(sum(math.ceil(size / 1024) for size in sizes) / len(sizes), 2),
        }

    def _rows(self, sql: str) -> list[dict[str, str | None]]:
        outcome = Engine(self.catalog).run(sql)
        names = [column.name for column in outcome.columns]
        return [
            {n: None if v is None else str(v) for n, v in zip(names, row, strict=True)}
            for row in outcome.rows
        ]

    def tables(self) -> dict[str, dict[str, Any]]:
        """Say how large a row of each table is as stored, in both layouts."""
        found = {}
        for one in TABLES:
            source = self.catalog.table(one.name)
            partitions = source.partitions if source else ()
            files = self._of(Scan(one.name, (), tuple(partitions)))
            rows = sum(file.rows for file in files)
            found[one.name] = {
                "grows": one.layer != GOLD,
                "layer": one.layer,
                "rows": rows,
                "days": len({part.values[0] for part in partitions}),
                "objects": len(files),
                "small": sum(file.size for file in files),
                "large": round(rows * sum(self._widths(one.name).values()))
                if one.layer != GOLD
                else sum(file.size for file in files),
            }
        return found

    def _of(self, scan: Scan) -> list[_File]:
        paths = [path for part in scan.partitions for path in self.catalog.files(part.location)]
        unknown = [path for path in paths if path not in self._files]
        if unknown:
            self._files.update(_described(unknown))
        return [self._files[path] for path in paths]

    def _widths(self, name: str) -> Mapping[str, float]:
        """Return the bytes of a row by column in a large object; for gold, nothing is merged."""
        if name not in self._large:
            self._large[name] = self._merged(name)
        return self._large[name]

    def _merged(self, name: str) -> dict[str, float]:
        one, source = table(name), self.catalog.table(name)
        paths = [p for part in source.partitions for p in self.catalog.files(part.location)] if source else []
        if not paths:
            return {}
        whole = self.root.parent / f"{name}.parquet"
        kept = ", ".join(quoted(column.name) for column in one.columns)
        kind = "snappy" if one.layer == BRONZE else "zstd"
        with duckdb.connect() as database:
            database.execute(
                f"COPY (SELECT {kept} FROM read_parquet([{', '.join(literal(str(p)) for p in paths)}], "  # noqa: S608
                f"union_by_name = true) LIMIT {LARGE_ROWS}) TO {literal(str(whole))} "
                f"(FORMAT parquet, COMPRESSION {kind})"
            )
        file = _described([whole])[whole]
        # Its footer is spread over the columns: of tens of thousands of rows it is next to nothing.
        share = file.size / max(sum(file.columns.values()), 1)
        return (
            {column: size * share / file.rows for column, size in file.columns.items()} if file.rows else {}
        )


PUBLISHED = ("gold_variant_days", "gold_histograms")


def _publications(phases: Iterable[planning.Phase], window: planning.Window) -> Iterator[tuple[str, str]]:
    made = [
        day
        for phase in phases
        for item in phase.items
        if item.table == PUBLISHED[0]
        for day in item.days
    ]  # fmt: skip
    for first, last in planning.chunks(made, planning.PUBLISHED_DAYS):
        for name in PUBLISHED:
            yield f"rows of {name}", statements.gold_rows(name, first, last)
    yield "rows of gold_experiments", statements.gold_rows("gold_experiments", window.last, window.last)


def _described(paths: Sequence[Path]) -> dict[Path, _File]:
    columns: dict[str, dict[str, int]] = defaultdict(dict)
    listed = ", ".join(literal(str(path)) for path in paths)
    with duckdb.connect() as database:
        for path, column, size in database.execute(
            "SELECT file_name, lower(split_part(path_in_schema, ', ', 1)), sum(total_compressed_size) "  # noqa: S608
            f"FROM parquet_metadata([{listed}]) GROUP BY ALL"
        ).fetchall():
            columns[path][column] = int(size)
        rows = dict(
            database.execute(
                f"SELECT file_name, num_rows FROM parquet_file_metadata([{listed}])"  # noqa: S608
            ).fetchall()
        )
    return {p: _File(p.stat().st_size, int(rows[str(p)]), columns[str(p)]) for p in paths}
