"""Writes the JSON Schemas of what is recorded of a turn from their one definition each, the dataclass.

Run `python -m silent_infinity.schemas.generate` after changing `domain/turn_event.py` or the `Observation` of
`domain/sentinel.py`; tests compare.
"""

import json
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

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
        # Events of earlier versions lack what was added since, which therefore has a default.
        "required": [field.name for field in fields(TurnEvent) if field.default is MISSING],
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


def main() -> None:
    """Write the schemas beside this module."""
    for name, content in {
        "turn_event": turn_event_schema(),
        "sentinel_observation": observation_schema(),
    }.items():
        target = Path(__file__).with_name(f"{name}.schema.json")
        target.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        sys.stdout.write(f"{target.name}\n")


if __name__ == "__main__":
    main()
