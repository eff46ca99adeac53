"""Frozen dataclasses to JSON payloads and back.

States of the workflow hand each other JSON. During a gradual deployment a function may read what the previous
version wrote, or the other way round: unknown keys are ignored, and missing ones take the field's default.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


class PayloadError(ValueError):
    """A payload lacks a field that has no default. Names the field, never a value."""


_Converter = Callable[[Any], Any]

_PLAIN = frozenset({str, int, float, bool, type(None)})


@cache
def _plan(cls: Any) -> tuple[tuple[str, _Converter | None, bool], ...]:
    hints = get_type_hints(cls)
    return tuple(
        (f.name, _converter(hints[f.name]), f.default is MISSING and f.default_factory is MISSING)
        for f in fields(cls)
    )


@cache
def _names(cls: Any) -> tuple[str, ...] | None:
    """Return the names of a dataclass's fields; None for other classes."""
    return tuple(f.name for f in fields(cls)) if is_dataclass(cls) else None


def to_payload(value: Any) -> Any:
    """Turn dataclasses, tuples and mappings into what `json.dumps` writes; other values pass unchanged."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    # Nearly all that is not plain is a dictionary; asking for the abstract class costs more than the rest.
    if kind is dict or isinstance(value, Mapping):
        return {key: item if type(item) in _PLAIN else to_payload(item) for key, item in value.items()}
    names = _names(cast(Any, kind))
    if names is not None:
        return {name: to_payload(getattr(value, name)) for name in names}
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
    for name, convert, required in _plan(cast(Any, cls)):
        if name in payload:
            value = payload[name]
            values[name] = value if convert is None or value is None else convert(value)
        elif required:
            raise PayloadError(f"{cls.__name__} lacks the field {name!r}")
    return cls(**values)


def _converter(hint: Any) -> _Converter | None:
    """Return what makes a value of a type hint from JSON; None if JSON has it as it is."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = [arg for arg in args if arg is not type(None)]
        return _converter(inner[0]) if len(inner) == 1 else None
    if origin is tuple:
        return partial(_to_tuple, _converter(args[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return partial(_to_dict, _converter(args[1]))
    if is_dataclass(hint) and isinstance(hint, type):
        return partial(from_payload, hint)
    return _to_float if hint is float else None


def _to_tuple(convert: _Converter | None, value: Any) -> tuple[Any, ...]:
    if convert is None:
        return tuple(value)
    return tuple(item if item is None else convert(item) for item in value)


def _to_dict(convert: _Converter | None, value: Any) -> dict[Any, Any]:
    if convert is None:
        return dict(value.items())
    return {key: item if item is None else convert(item) for key, item in value.items()}


def _to_float(value: Any) -> Any:
    return float(value) if isinstance(value, int) else value
