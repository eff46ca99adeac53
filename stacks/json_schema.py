"""JSON Schema draft 2020-12, in which boundaries are written, to the draft-04 of API Gateway's models."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

DRAFT_04 = "http://json-schema.org/draft-04/schema#"
# Annotations and identifiers, which no validator needs. `$id` would make API Gateway look for other
# documents.
_DROPPED = frozenset({"$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly"})
_ANNOTATIONS = _DROPPED | {"title", "description", "default"}
_SAME = frozenset(
    {
        *("type", "enum", "title", "description", "default", "format", "required"),
        *("minLength", "maxLength", "pattern", "minimum", "maximum", "multipleOf"),
        *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
    }
)
# Pairs that draft-04 writes into one keyword, so that one would silently win over the other.
_EITHER_OR = (("const", "enum"), ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


class UnsupportedKeywordError(ValueError):
    """A keyword has no counterpart in draft-04. Names the keyword and where it stands."""


def to_draft_04(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a whole draft 2020-12 schema to draft-04.

    The result accepts the same documents, with the one difference that draft-04 does not take 1.0 for an
    integer. What draft-04 cannot say is refused, never dropped.

    Raises:
        UnsupportedKeywordError: a keyword, or a pair of them, has no counterpart.
    """
    return {"$schema": DRAFT_04, **_converted(schema, "#")}


def _converted(schema: Any, place: str) -> dict[str, Any]:
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    for first, second in _EITHER_OR:
        if first in schema and second in schema:
            raise UnsupportedKeywordError(f"draft-04 cannot say {first!r} beside {second!r} at {place}")
    if "$ref" in schema and schema.keys() - _ANNOTATIONS - {"$ref"}:
        raise UnsupportedKeywordError(f"draft-04 ignores everything beside '$ref' at {place}")
    result: dict[str, Any] = {}
    for keyword, value in schema.items():
        where = f"{place}/{keyword}"
        if keyword in _SAME:
            result[keyword] = value
        elif keyword in _CONVERTERS:
            result |= _CONVERTERS[keyword](value, where)
        elif keyword not in _DROPPED:
            raise UnsupportedKeywordError(f"draft-04 has no counterpart of {keyword!r} at {where}")
    return result


def _reference(value: str, place: str) -> dict[str, Any]:
    if not value.startswith("#/$defs/"):
        raise UnsupportedKeywordError(
            f"only references into $defs can be converted, not {value!r} at {place}"
        )
    return {"$ref": value.replace("#/$defs/", "#/definitions/", 1)}


def _by_name(keyword: str) -> Callable[[Any, str], dict[str, Any]]:
    return lambda value, place: {
        keyword: {name: _converted(one, f"{place}/{name}") for name, one in value.items()}
    }


def _list(keyword: str) -> Callable[[Any, str], dict[str, Any]]:
    return lambda value, place: {
        keyword: [_converted(one, f"{place}/{index}") for index, one in enumerate(value)]
    }


_CONVERTERS: Mapping[str, Callable[[Any, str], dict[str, Any]]] = MappingProxyType(
    {
        "const": lambda value, _: {"enum": [value]},
        "$defs": _by_name("definitions"),
        "$ref": _reference,
        "properties": _by_name("properties"),
        "patternProperties": _by_name("patternProperties"),
        "additionalProperties": lambda value, place: {
            "additionalProperties": value if isinstance(value, bool) else _converted(value, place)
        },
        "items": lambda value, place: {"items": _converted(value, place)},
        "not": lambda value, place: {"not": _converted(value, place)},
        "allOf": _list("allOf"),
        "anyOf": _list("anyOf"),
        "oneOf": _list("oneOf"),
        "exclusiveMinimum": lambda value, _: {"minimum": value, "exclusiveMinimum": True},
        "exclusiveMaximum": lambda value, _: {"maximum": value, "exclusiveMaximum": True},
        # Draft-04 wants at least one name in each list; an empty one requires nothing anyway.
        "dependentRequired": lambda value, _: {
            "dependencies": {name: names for name, names in value.items() if names}
        },
    }
)
