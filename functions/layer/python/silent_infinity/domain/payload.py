"""Frozen dataclasses to JSON payloads and back.

States of the workflow hand each other JSON. During a gradual deployment a function may read what the previous
version wrote, or the other way round: unknown keys are ignored, and missing ones take the field's default.
"""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


class PayloadError(ValueError):
    """A payload lacks a field that has no default. Names the field, never a value."""


@cache
def _plan(cls: Any) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(cls)
    return tuple(
        (f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING) for f in fields(cls)
    )


def to_payload(value: Any) -> Any:
    """Turn dataclasses, tuples and mappings into what `json.dumps` writes; other values pass unchanged."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_payload(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_payload(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_payload(item) for item in value]
    return value


def from_payload(cls: type[T], payload: Mapping[str, Any]) -> T:
    """Build the dataclass `cls` from parsed JSON.

    Raises:
        PayloadError: a field without a default is missing, or `payload` is not an object.
    """
    if not isinstance(payload, Mapping):
        raise PayloadError(f"{cls.__name__} needs an object")
    values: dict[str, Any] = {}
    for name, hint, required in _plan(cast(Any, cls)):
        if name in payload:
            values[name] = _convert(hint, payload[name])
        elif required:
            raise PayloadError(f"{cls.__name__} lacks the field {name!r}")
    return cls(**values)


def _convert(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = [arg for arg in args if arg is not type(None)]
        value = _convert(inner[0], value) if len(inner) == 1 else value
    elif origin is tuple:
        value = tuple(_convert(args[0], item) for item in value)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        value = {key: _convert(args[1], item) for key, item in value.items()}
    elif is_dataclass(hint) and isinstance(hint, type):
        value = from_payload(hint, value)
    elif hint is float and isinstance(value, int):
        value = float(value)
    return value
