"""The rollup's statements beside what somebody would write by hand, on the same Parquet in one run."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from local.athena.engine import Engine
from local.athena.tables import FolderCatalog
from local.simulation.__main__ import DAYS, UNTIL
from local.tools.errors import LocalError
from local.tools.locations import REPOSITORY, venv_python
from silent_infinity.domain.lake.metrics import EXPOSED, RATE, metrics
from silent_infinity.domain.lake.model import DAY
from silent_infinity.domain.lake.refined import measures
from silent_infinity.domain.lake.tables import TABLES
from silent_infinity.domain.variant_categories import USER, categories
from tests.benchmarks.figures import Result, Row, median
from tests.benchmarks.peer_tools import peers
from tests.benchmarks.rollup_step import BUCKET
from tests.benchmarks.workshop import Workshop

SIZES = (100_000, 1_000_000, 10_000_000)
REPEATED_UP_TO = 1_000_000
REPETITIONS = 3
THREADS = 2
MEMORY = "4GB"
"""What DuckDB may hold, ours and the plain one alike; what does not fit goes to disk."""

MOST_TIMES_PLAIN = 1.3
FIRST = date.fromordinal(UNTIL.toordinal() - DAYS + 1)
OURS = Path(__file__).with_name("rollup_step.py")
PEERS = Path(__file__).with_name("rollup_peers.py")
STEPS = {
    "silver_turns": "bronze to silver",
    "unit_days": "silver to units",
    "gold_variant_days": "the gold statement: units to gold",
    "gold_histograms": "silver to histograms (the plain one: exact quantiles)",
}
COMPARED = ("n", "total", "squares", "numerator", "denominator", "numerator_squares", "denominator_squares")
COUNTS = ("n", "denominator", "denominator_squares")
COUNTED = ("units", "users", "mixed_units", "crisis_turns")
NOT_OF_ALL = (*COUNTED[1:], "returned")
"""What only some of the peers count."""

MOST_ROUNDING = 1e-5
PLAIN_GOLD = "duckdb-plain-gold"
"""The plain gold over the plain units: with it the two are checked as one."""

WORK = {PLAIN_GOLD: "duckdb-gold"}

Times = dict[str, list[float]]


@dataclass
class Measured:
    """What one size of the lake gave: seconds and peak MiB by piece of work."""

    events: int
    seconds: Times = field(default_factory=dict)
    mib: dict[str, float] = field(default_factory=dict)
    scanned: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, name: str, found: Mapping[str, Any]) -> None:
        """Keep one run."""
        self.seconds.setdefault(name, []).append(found["seconds"])
        self.mib[name] = max(found["mib"], self.mib.get(name, 0))
        if "bytes_scanned" in found:
            self.scanned[name] = found["bytes_scanned"]

    def took(self, *names: str) -> float:
        """Return the seconds of several pieces one after the other: medians, added up."""
        return sum(median(self.seconds[name]) for name in names)


def run(workshop: Workshop) -> Result:
    """Measure lakes of 0.1, 1 and 10 million events, up to the size that was asked for."""
    folder = peers(workshop.progress)
    if folder is None:
        raise LocalError("The rollup is measured against its peers, and they could not be installed.", "")
    sizes = [size for size in SIZES if size <= workshop.events]
    if workshop.events not in sizes:
        sizes.append(workshop.events)
    found = []
    for size in sizes:
        with workshop.progress.step(f"Rolling up {size:,} events"):
            found.append(_measured(workshop.folder / f"lake-{size}", size, folder))
    return Result(
        title="the nightly statements on one machine",
        floor="plain DuckDB SQL written by hand, on the same Parquet, as many threads and as much memory",
        rows=tuple(row for each in found for row in _rows(each)) + tuple(_scaling(found)),
        notes=_notes(found),
        failures=tuple(failure for each in found for failure in each.failures),
    )


def _measured(root: Path, size: int, peers_folder: Path) -> Measured:
    lake = root / BUCKET
    lake.parent.mkdir(parents=True)
    _child([sys.executable, "-m", "local.simulation", "--events", str(size), "--folder", str(lake)], None)
    found = Measured(size)
    peer = str(venv_python(peers_folder))
    for number in range(REPETITIONS if size <= REPEATED_UP_TO else 1):
        locations: dict[str, str] = {}
        for table in STEPS:
            _empty(lake, table)
            step = {
                "root": str(root),
                "table": table,
                "first": FIRST.isoformat(),
                "last": UNTIL.isoformat(),
                "locations": locations,
                "threads": THREADS,
                "memory_limit": MEMORY,
            }
            answer = _child([sys.executable, str(OURS)], step)
            locations[table] = answer["location"]
            found.add(table, answer)
            for name, asked in _asked_of_peers(root, table):
                target = root / f"peer-{name}"
                shutil.rmtree(target, ignore_errors=True)
                work = WORK.get(name, name)
                found.add(name, _child([peer, str(PEERS), work], {**asked, "target": str(target)}))
        if number == 0:
            ours = _gold(root, locations["gold_variant_days"])
            for name in ("duckdb-gold", "polars-gold", "pandas-gold", "duckdb-rollup", PLAIN_GOLD):
                found.failures += _differences(f"{size:,} events, {name}", ours, root / f"peer-{name}")
    shutil.rmtree(root)
    return found


def _asked_of_peers(root: Path, table: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the peers that do the work of one of our steps, and what they are told."""
    lake = root / BUCKET
    usual = {"threads": THREADS, "memory_limit": MEMORY}
    silver = f"{lake}/silver/turns/run=1/dt=*/*"
    if table == "silver_turns":
        sources = {
            "source": f"{lake}/bronze/turn_events/*/*/*.parquet",
            "feedback": f"{lake}/bronze/feedback/*/*/*.parquet",
        }
        yield "duckdb-silver", {**usual, **sources}
    if table == "unit_days":
        yield "duckdb-units", {**usual, "source": silver, "through": UNTIL.isoformat(), **_metrics_of_turns()}
    if table == "gold_variant_days":
        asked = {**usual, "source": f"{lake}/units/unit_days/run=1/dt=*/*", "metrics": _metrics_of_units()}
        for name in ("duckdb-gold", "polars-gold", "pandas-gold"):
            yield name, asked
        yield "duckdb-rollup", {**usual, "source": silver, **_metrics_of_turns()}
        own = {
            **asked,
            "source": f"{root}/peer-duckdb-units/days/*/*",
            "metrics": _metrics_of_turns()["metrics"],
        }
        yield PLAIN_GOLD, own
    if table == "gold_histograms":
        yield "duckdb-histograms", {**usual, "source": silver}


def _metrics_of_units() -> list[dict[str, Any]]:
    """The metrics as sums over columns of `unit_days`; those that need other turns too are left out."""
    columns = {key: name for name, key in measures(metrics()).items()} | {("1", 1): "exposed_turns"}
    return [
        {
            "name": metric.name,
            "kind": metric.kind,
            "value": metric.value,
            "unit_success": metric.unit_success,
            "scale": metric.scale if columns[metric.numerator, metric.scale] != "exposed_turns" else 1,
            "numerator": columns[metric.numerator, metric.scale],
            "denominator": columns[metric.denominator, 1],
        }
        for metric in metrics()
        if metric.population == EXPOSED
    ]


def _metrics_of_turns() -> dict[str, Any]:
    """The same, to be computed from turns: what is added up is an expression over the columns of silver."""
    columns = {
        name: expression.replace("cardinality(", "len(")
        for name, (expression, _) in measures(metrics()).items()
    }
    return {
        "measures": columns,
        "metrics": [{**metric, "scale": 1} for metric in _metrics_of_units()],
        "users": [name for name, category in categories().items() if category.unit == USER],
    }


def _gold(root: Path, location: str) -> dict[tuple[str, ...], dict[str, Any]]:
    catalog = FolderCatalog.of(root, TABLES, BUCKET)
    for number in range(DAYS):
        day = date.fromordinal(FIRST.toordinal() + number).isoformat()
        catalog.swap("gold_variant_days", (day,), f"{location}{DAY}={day}/")
    outcome = Engine(catalog).run("SELECT * FROM gold_variant_days")
    names = [column.name for column in outcome.columns]
    rows = [dict(zip(names, row, strict=True)) for row in outcome.rows]
    return {(row["dt"], row["category"], row["variant_id"], row["metric"]): row for row in rows}


def _differences(name: str, ours: Mapping[tuple[str, ...], Mapping[str, Any]], folder: Path) -> list[str]:
    """Return what a peer has found otherwise, the first three of it."""
    rows = json.loads((folder / "gold.json").read_text(encoding="utf-8"))
    theirs = {(str(row["dt"]), row["category"], row["variant_id"]): row for row in rows}
    groups = {key[:-1] for key in ours}
    if theirs.keys() != groups:
        return [f"{name}: {len(theirs.keys() ^ groups)} groups are in one of the two only"]
    found = []
    for key, row in theirs.items():
        own = {metric.name: ours[*key, metric.name] for metric in metrics()}
        for what, wanted, exact in _sums(own):
            if what in NOT_OF_ALL and what not in row:
                continue
            value = row[what] or 0
            if not (value == wanted if exact else math.isclose(value, wanted, rel_tol=MOST_ROUNDING)):
                found.append(f"{name}: {what} of {' '.join(key)} is {value}, and not {wanted}")
    return found[:3]


def _sums(own: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, float, bool]]:
    """Yield what a peer calls each figure of a group (metric to row), the figure, and whether it is a count.

    A peer adds up doubles, and ours are of values rounded to parts of a unit, unless they are counts.
    """
    of_all = own["crisis_flag"]
    for name in COUNTED:
        yield name, of_all[name], True
    yield "returned", own["return_7d"]["total"], True
    for metric in metrics():
        if metric.population != EXPOSED:
            continue
        for column in COMPARED:
            if metric.kind != RATE or column != "squares":
                exact = metric.scale == 1 or column in COUNTS
                yield f"{metric.name}.{column}", float(own[metric.name][column]), exact


def _rows(found: Measured) -> list[Row]:
    events = f"{found.events:,} events"
    plain = {
        "silver_turns": "duckdb-silver",
        "unit_days": "duckdb-units",
        "gold_variant_days": "duckdb-gold",
        "gold_histograms": "duckdb-histograms",
    }
    rows = [
        Row(
            what=f"{events}: silver, units, gold and histograms",
            value=found.took(*STEPS),
            unit="s",
            floor=found.took("duckdb-silver", "duckdb-units", "duckdb-gold", "duckdb-histograms"),
            most_times_floor=MOST_TIMES_PLAIN,
        ),
        Row(
            what=f"{events}: silver to gold",
            value=found.took("unit_days", "gold_variant_days"),
            unit="s",
            floor=found.took("duckdb-units", "duckdb-gold"),
            most_times_floor=MOST_TIMES_PLAIN,
        ),
        Row(
            what=f"{events}: silver to gold (plain: no units kept, no crises, no returns)",
            value=found.took("unit_days", "gold_variant_days"),
            unit="s",
            floor=found.took("duckdb-rollup"),
        ),
    ]
    rows += [
        Row(
            what=f"{events}: {title}",
            value=found.took(table),
            unit="s",
            floor=found.took(plain[table]),
            most_times_floor=MOST_TIMES_PLAIN if table == "gold_variant_days" else None,
        )
        for table, title in STEPS.items()
    ]
    for name, title in {"polars-gold": "Polars, streaming", "pandas-gold": "pandas"}.items():
        rows.append(
            Row(
                what=f"{events}: units to gold with {title}",
                value=found.took(name),
                unit="s",
                floor=found.took("duckdb-gold"),
            )
        )
    rows += [
        Row(
            what=f"{events}: peak memory, {STEPS[table]}",
            value=found.mib[table],
            unit="MiB",
            floor=found.mib[plain[table]],
        )
        for table in STEPS
    ]
    rows += [
        Row(what=f"{events}: peak memory, units to gold with {name.partition('-')[0]}", value=mib, unit="MiB")
        for name, mib in found.mib.items()
        if name in ("polars-gold", "pandas-gold")
    ]
    return rows


def _scaling(found: Sequence[Measured]) -> Iterator[Row]:
    """How much longer ten times the events take: 10 is linear."""
    for small, large in pairwise(found):
        yield Row(
            what=f"{large.events:,} events, beside {small.events:,}: times as long",
            value=large.took(*STEPS) / small.took(*STEPS),
            unit="×",
            floor=large.events / small.events,
        )


def _notes(found: Sequence[Measured]) -> tuple[str, ...]:
    scanned = [
        f"{each.events:,} events: "
        + ", ".join(f"{table} {each.scanned[table] / each.events:.0f}" for table in STEPS)
        for each in found
    ]
    return (
        f"Simulated traffic of {DAYS} days (`python -m local.simulation`), rolled up in one go by the "
        "statements that Athena runs, carried over to DuckDB. The plain statements are those of "
        "`tests/benchmarks/rollup_peers.py`: sums of doubles, no checks of what arrived, no count of "
        "sessions or of turns outside of the experiments, no cross products, no rows by metric.",
        f"Every piece of work in a process of its own, {THREADS} threads; DuckDB may hold {MEMORY} on both "
        f"sides. Up to {REPEATED_UP_TO:,} events the median of {REPETITIONS} runs, ours and theirs in turns; "
        "above that one run each. Seconds are those of the statement, without starting Python.",
        "What the peers add up and count is compared with ours for every day, category and variant: counts "
        "are equal and sums as good as equal, or the benchmark fails.",
        f"Bytes scanned for each event, as Athena would bill them: {'; '.join(scanned)}.",
    )


def _empty(lake: Path, table: str) -> None:
    prefix = next(one.prefix for one in TABLES if one.name == table)
    shutil.rmtree(lake / prefix, ignore_errors=True)


def _child(command: Sequence[str], asked: Mapping[str, Any] | None) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 -- our own scripts
        command,
        input=json.dumps(asked or {}),
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env=_environment(),
    )
    if done.returncode:
        raise LocalError(f"{Path(command[1]).name} failed.", done.stderr.strip()[-2000:])
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _environment() -> dict[str, str]:
    path = f"{REPOSITORY}:{REPOSITORY / 'functions' / 'layer' / 'python'}"
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "LANG": "C.UTF-8"}
