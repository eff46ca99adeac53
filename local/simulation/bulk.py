"""Millions of events: a simulated lake, and then the same people many times over.

The base is written by the simulation itself. DuckDB then copies it under new names: every copy has people,
sessions, turns and feedback of its own, and fractions of seconds of its own; all else is the base's. So the
distributions are those of the simulation by construction, and the truth is the base's, times the copies.
What is not realistic: values of a copy (latencies, tokens, costs) are those of the base, so that a column's
dictionary is smaller than real traffic's. Measure bytes per event on a lake of one copy.
"""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from local.simulation import bronze
from local.simulation.scenario import Scenario
from local.simulation.simulation import FEEDBACK, TURN, arrivals, days
from local.simulation.truth import Truth

BASE_EVENTS = 200_000
PILOT_SESSIONS = 400
MEMORY = "4GB"

_MACROS = (
    """CREATE MACRO person(user_id_hash, copy) AS sha256(user_id_hash || ':' || copy)""",
    """CREATE MACRO as_uuid4(digest) AS
        digest[1:8] || '-' || digest[9:12] || '-4' || digest[14:16] || '-a' || digest[18:20] || '-'
        || digest[21:32]""",
    """CREATE MACRO talk(session_id, copy) AS as_uuid4(md5(session_id || ':' || copy))""",
    """CREATE MACRO fraction(session_id, copy) AS
        (1 + ('0x' || md5(session_id || '/' || copy)[1:8])::BIGINT % 999999)""",
    """CREATE MACRO as_uuid7(ms, digest) AS
        printf('%012x', ms)[1:8] || '-' || printf('%012x', ms)[9:12] || '-7' || digest[14:16] || '-a'
        || digest[18:20] || '-' || digest[21:32]""",
    """CREATE MACRO millis(id) AS ('0x' || id[1:8] || id[10:13])::BIGINT""",
    """CREATE MACRO renamed(id, session_id, copy) AS as_uuid7(
        millis(id) // 1000 * 1000 + fraction(session_id, copy) // 1000, md5(id || ':' || copy))""",
    """CREATE MACRO moved(iso, session_id, copy) AS
        iso[1:20] || printf('%06d', fraction(session_id, copy)) || '+00:00'""",
    """CREATE MACRO later(iso, session_id, copy, ms) AS
        strftime(iso[1:19]::TIMESTAMP + to_microseconds(fraction(session_id, copy) + ms * 1000),
                 '%Y-%m-%dT%H:%M:%S.%f') || '+00:00'""",
)

_SHARED = {
    "user_id_hash": "person(user_id_hash, copy)",
    "session_id": "talk(session_id, copy)",
    "turn_id": "renamed(turn_id, session_id, copy)",
}
_RENAMED = {
    TURN: {
        **_SHARED,
        "conversation_id": "talk(session_id, copy)",
        "timestamp": 'moved("timestamp", session_id, copy)',
        "recorded_at": 'later("timestamp", session_id, copy, latency_ms.total_ms)',
    },
    FEEDBACK: {
        **_SHARED,
        "feedback_id": "renamed(feedback_id, session_id, copy)",
        "created_at": "moved(created_at, session_id, copy)",
    },
}


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: rows per stream, how many copies, and the truth as JSON has it."""

    turn_events: int
    feedback: int
    copies: int
    truth: dict[str, Any]


def sized(scenario: Scenario, events: int) -> Scenario:
    """Return the scenario with as many sessions as make about so many events."""
    pilot = replace(scenario, sessions=PILOT_SESSIONS * min(scenario.days, 5), days=min(scenario.days, 5))
    seen = [len(session.events) for day in days(pilot) for session in day.sessions]
    return replace(scenario, sessions=max(1, round(events * len(seen) / sum(seen))))


def write(folder: Path, scenario: Scenario, copies: int = 1) -> Written:
    """Write bronze below `folder`: the scenario's arrivals, `copies` times under different names."""
    truth = Truth(scenario)

    def seen() -> Any:
        for day in days(scenario):
            truth.see(day)
            yield from arrivals(day, scenario.disorder, scenario.seed)

    folder.mkdir(parents=True, exist_ok=True)
    if copies == 1:
        counts = bronze.write(folder, seen())
    else:
        with tempfile.TemporaryDirectory(dir=folder, prefix="base-") as base:
            counts = bronze.write(Path(base), seen())
            _copy(Path(base), folder, copies)
    bronze.empty_tables(folder)
    found = truth.finish()
    return Written(
        counts[TURN] * copies, counts[FEEDBACK] * copies, copies, {**times(found, copies), "copies": copies}
    )


def times(truth: dict[str, Any], copies: int) -> dict[str, Any]:
    """Return the truth of so many copies of the same people: counts and sums are so many times larger."""
    fixed = ("scenario", "arms", "effects")
    return {name: value if name in fixed else _times(value, copies) for name, value in truth.items()}


def _times(value: Any, copies: int) -> Any:
    if isinstance(value, dict):
        return {name: _times(one, copies) for name, one in value.items()}
    if isinstance(value, list):
        return [_times(one, copies) for one in value]
    return value * copies if isinstance(value, int | float) else value


def _copy(base: Path, folder: Path, copies: int) -> None:
    """Copy day by day of arrival: what is held in memory does not grow with the days."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="spill-") as spill, duckdb.connect() as database:
        database.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{spill}'")
        database.execute("SET preserve_insertion_order = false")
        for macro in _MACROS:
            database.execute(macro)
        for stream, table in bronze.TABLES.items():
            target = folder / table.prefix
            target.mkdir(parents=True, exist_ok=True)
            names = ", ".join(f'{expression} AS "{name}"' for name, expression in _RENAMED[stream].items())
            for day in sorted((base / table.prefix).iterdir()):
                source = (
                    f"read_parquet('{day}/*/*.parquet', hive_partitioning = true, "
                    "hive_types = {'dt': VARCHAR, 'hour': VARCHAR})"
                )
                database.execute(
                    f"COPY (FROM {source}, range({copies}) AS copies(copy) "
                    f"SELECT * EXCLUDE (copy) REPLACE ({names})) "
                    f"TO '{target}' ({bronze.copy_options('copied')})"
                )
                shutil.rmtree(day)
