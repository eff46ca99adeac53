"""The columns of an event's table, derived from the event's dataclass.

The types are Hive's, as the Glue catalogue keeps them and Firehose's conversion reads them:
https://docs.aws.amazon.com/athena/latest/ug/data-types.html
"""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from silent_infinity.domain.lake.model import Column

_SCALARS: dict[Any, str] = {str: "string", int: "bigint", float: "double", bool: "boolean"}


def columns_of(event: Any, comments: Mapping[str, str] | None = None) -> tuple[Column, ...]:
    """Return one column for each field of the dataclass `event`, in its order and under its names.

    Raises:
        TypeError: a field has a type that no column can hold. Names the type.
    """
    said = comments or {}
    return tuple(Column(name, kind, said.get(name, "")) for name, kind in _members(event))


def hive_type(hint: Any) -> str:
    """Return the column type of a type hint. What may be None has the type that it has otherwise.

    Raises:
        TypeError: no column can hold it. Names the type.
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = [arg for arg in args if arg is not type(None)]
        if len(inner) == 1:
            return hive_type(inner[0])
    if origin is tuple and args[1:] == (...,):
        return f"array<{hive_type(args[0])}>"
    if isinstance(origin, type) and issubclass(origin, Mapping) and args[0] is str:
        return f"map<string,{hive_type(args[1])}>"
    if is_dataclass(hint):
        return f"struct<{','.join(f'{name}:{kind}' for name, kind in _members(hint))}>"
    if hint in _SCALARS:
        return _SCALARS[hint]
    raise TypeError(f"no column can hold {hint}")


def _members(cls: Any) -> list[tuple[str, str]]:
    hints = get_type_hints(cls)
    return [(field.name, hive_type(hints[field.name])) for field in fields(cls)]
