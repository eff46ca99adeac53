"""Writes what is said about records and tables elsewhere, from their one definition each.

The dataclasses of the turn event, of the feedback event and of what the sentinel keeps give the JSON Schemas;
the tables of the lake give `lake_tables.json`, which the stacks read.

Run `python -m silent_infinity.schemas.generate` after changing `domain/turn_event.py`, the `Observation` of
`domain/sentinel.py` or anything under `domain/lake/`; tests compare.

To add a field to an event: put it last, with a default; raise `SCHEMA_VERSION`; run this. A field of a part
of the event (`ModelCall`, `LatencyBreakdown`) says in its metadata `since` which version. Why nothing else is
possible stands in `domain/lake/evolution.py`. Until the stack of analytics is deployed too, the field is left
out of what reaches the lake.
"""

import json
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from silent_infinity.domain.lake.bronze import FEEDBACK, TURN_EVENTS
from silent_infinity.domain.lake.evolution import Paths, breaches, paths
from silent_infinity.domain.lake.feedback_event import FEEDBACK_SCHEMA_VERSION, FeedbackEvent
from silent_infinity.domain.lake.model import Table
from silent_infinity.domain.lake.parquet_schema import message
from silent_infinity.domain.lake.tables import TABLES
from silent_infinity.domain.sentinel import Observation
from silent_infinity.domain.turn_event import SCHEMA_VERSION, TurnEvent

HISTORY = "event_history.json"
SINCE = "since"
"""Metadata of a field that was added to a part of an event later: the schema version that added it. Earlier
events lack it. Fields of the event itself need none: there, having a default says the same.
"""

History = dict[str, dict[str, Paths]]
"""Table to schema version to columns."""

_EVENTS: tuple[tuple[Table, Any, int], ...] = (
    (TURN_EVENTS, TurnEvent, SCHEMA_VERSION),
    (FEEDBACK, FeedbackEvent, FEEDBACK_SCHEMA_VERSION),
)

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def turn_event_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a turn event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:silent-infinity:schema:turn-event",
        "title": "TurnEvent",
        "description": "The immutable record of one turn, without a word of what was said.",
        **_of(TurnEvent),
        "required": _without_default(TurnEvent),
    }


def feedback_event_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of feedback as the lake is told of it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:silent-infinity:schema:feedback-event",
        "title": "FeedbackEvent",
        "description": "Explicit feedback without its words.",
        **_of(FeedbackEvent),
        "required": _without_default(FeedbackEvent),
    }


def observation_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what the sentinel keeps of a turn."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:silent-infinity:schema:sentinel-observation",
        "title": "Observation",
        "description": "What the sentinel noticed in one turn, without a word of what was said.",
        **_of(Observation),
    }


def _of(hint: Any) -> dict[str, Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = next(arg for arg in args if arg is not type(None))
        return {"type": [_SCALARS[inner], "null"]}
    if origin is tuple:
        return {"type": "array", "items": _of(args[0])}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(args[1])}
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        names = [field.name for field in fields(hint)]
        return {
            "type": "object",
            "additionalProperties": False,
            "required": [field.name for field in fields(hint) if SINCE not in field.metadata],
            "properties": {name: _of(hints[name]) for name in names},
        }
    return {"type": _SCALARS[hint]}


def _without_default(cls: Any) -> list[str]:
    # Events of earlier versions lack what was added since, which therefore has a default.
    return [field.name for field in fields(cls) if field.default is MISSING]


def lake_tables() -> dict[str, Any]:
    """Return the tables of the lake: name, layer, prefix, comment, columns, partitions, projected."""
    return {"tables": [asdict(table) for table in TABLES]}


def history(before: History, events: Sequence[tuple[Table, Any, int]] = _EVENTS) -> History:
    """Return the columns of every version of the events so far: those of this version join what was `before`.

    `events` are the tables with the dataclass of their events and its version.

    Raises:
        ValueError: the columns have changed and the version has not, or they have changed as they must not.
            Says what.
    """
    after = {table: dict(versions) for table, versions in before.items()}
    for table, event, version in events:
        columns = paths(table.columns)
        versions = after.setdefault(table.name, {})
        if versions.setdefault(str(version), columns) != columns:
            raise ValueError(f"{table.name} has changed: raise its schema version")
        broken = [
            breach
            for number in range(1, version)
            for breach in breaches(versions[str(number)], versions[str(number + 1)])
        ]
        known = {path for path, _ in versions["1"]}
        broken += [
            f"{path} is required, and older events lack it"
            for path in _required(event, "")
            if path not in known
        ]
        if broken:
            raise ValueError(f"{table.name}: {'; '.join(broken)}")
    return after


def _required(cls: Any, parent: str) -> Iterator[str]:
    """Return the paths, as in the history, of what the schema of a dataclass demands."""
    rule = _of(cls) if parent else {"required": _without_default(cls)}
    hints = get_type_hints(cls)
    for name in hints:
        path = f"{parent}{name}"
        if name in rule["required"]:
            yield path
        for inner, suffix in ((hints[name], "."), *((arg, "[].") for arg in get_args(hints[name]))):
            if is_dataclass(inner):
                yield from _required(inner, f"{path}{suffix}")


def documents() -> dict[str, str]:
    """Return the generated files: name to content.

    Raises:
        ValueError: the columns of an event have changed as they must not.
    """
    content = {
        "turn_event.schema.json": turn_event_schema(),
        "feedback_event.schema.json": feedback_event_schema(),
        "sentinel_observation.schema.json": observation_schema(),
        "lake_tables.json": lake_tables(),
    }
    target = Path(__file__).with_name(HISTORY)
    known: History = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    return {
        **{name: json.dumps(document, indent=2) + "\n" for name, document in content.items()},
        **{f"{table.name}.parquet.txt": message(table) for table, _, _ in _EVENTS},
        HISTORY: _history_text(history(known)),
    }


def _history_text(versions: History) -> str:
    """Return the history with a line for each column, so that a review sees which one was added."""
    tables = []
    for table, by_version in versions.items():
        lists = [
            f'  "{version}": [\n' + ",\n".join(f"   {json.dumps(column)}" for column in columns) + "\n  ]"
            for version, columns in by_version.items()
        ]
        tables.append(f' "{table}": {{\n' + ",\n".join(lists) + "\n }")
    return "{\n" + ",\n".join(tables) + "\n}\n"


def main() -> None:
    """Write the files beside this module."""
    for name, text in documents().items():
        Path(__file__).with_name(name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
