"""Writes what is said about records and tables elsewhere, from their one definition each.

The dataclasses of the turn event, of the feedback event and of what the sentinel keeps give the JSON Schemas;
the tables of the lake give `lake_tables.json`, which the stacks read.

Run `python -m silent_infinity.schemas.generate` after changing `domain/turn_event.py`, the `Observation` of
`domain/sentinel.py` or anything under `domain/lake/`; tests compare.
"""

import json
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from silent_infinity.domain.lake.feedback_event import FeedbackEvent
from silent_infinity.domain.lake.tables import TABLES
from silent_infinity.domain.sentinel import Observation
from silent_infinity.domain.turn_event import TurnEvent

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
            "required": names,
            "properties": {name: _of(hints[name]) for name in names},
        }
    return {"type": _SCALARS[hint]}


def _without_default(cls: Any) -> list[str]:
    # Events of earlier versions lack what was added since, which therefore has a default.
    return [field.name for field in fields(cls) if field.default is MISSING]


def lake_tables() -> dict[str, Any]:
    """Return the tables of the lake: name, layer, prefix, comment, columns, partitions, projected."""
    return {"tables": [asdict(table) for table in TABLES]}


def documents() -> dict[str, str]:
    """Return the generated files: name to content."""
    content = {
        "turn_event.schema.json": turn_event_schema(),
        "feedback_event.schema.json": feedback_event_schema(),
        "sentinel_observation.schema.json": observation_schema(),
        "lake_tables.json": lake_tables(),
    }
    return {name: json.dumps(document, indent=2) + "\n" for name, document in content.items()}


def main() -> None:
    """Write the files beside this module."""
    for name, text in documents().items():
        Path(__file__).with_name(name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
