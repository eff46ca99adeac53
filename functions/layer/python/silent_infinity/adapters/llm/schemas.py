"""A JSON Schema as the providers' constrained decoding takes it.

Claude refuses a schema with limits of numbers, of lengths or of counts, and wants `additionalProperties` to
be false. What is left out here is checked by the caller, who holds every answer against the whole schema.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from collections.abc import Mapping
from typing import Any

MOST_CHOICES = 32
"""An integer between limits this many apart is spelt out as an enumeration, which every provider keeps."""

_LEFT_OUT = frozenset(
    {
        "$schema",
        "$id",
        "title",
        "examples",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
    }
)
_OF_NAMES = frozenset({"properties", "$defs", "definitions"})


def enforceable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a schema that every provider with constrained decoding keeps."""
    kept = {key: _part(key, value) for key, value in schema.items() if key not in _LEFT_OUT}
    if schema.get("type") == "integer" and "enum" not in schema and "const" not in schema:
        low, high = schema.get("minimum"), schema.get("maximum")
        if isinstance(low, int) and isinstance(high, int) and 0 <= high - low < MOST_CHOICES:
            kept["enum"] = list(range(low, high + 1))
    if schema.get("type") == "object" or "properties" in schema:
        kept["additionalProperties"] = False
    return kept


def _part(key: str, value: Any) -> Any:
    if key in _OF_NAMES and isinstance(value, Mapping):
        return {name: _part("", part) for name, part in value.items()}
    if key in ("enum", "const", "default", "required"):
        return value
    if isinstance(value, Mapping):
        return enforceable(value)
    if isinstance(value, list):
        return [_part("", part) for part in value]
    return value
