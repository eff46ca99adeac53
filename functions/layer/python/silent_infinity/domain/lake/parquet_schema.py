"""The schema of a table's Parquet objects, in the words of the format.

Maps and lists are the annotated groups of the format's specification
(https://github.com/apache/parquet-format/blob/master/LogicalTypes.md). Writers give the groups inside of them
other names (Hive: `map`, `bag`, `array_element`), which readers go by as little as by the table's name. Every
value may be missing; a writer may say `required` where its file lacks none.
"""

from collections.abc import Iterator

from silent_infinity.domain.lake.hive_types import Array, HiveType, Map, Scalar, Struct, parse
from silent_infinity.domain.lake.model import Column, Table

_SCALARS = {
    "string": ("binary", "STRING"),
    "bigint": ("int64", "INTEGER(64,true)"),
    "double": ("double", ""),
    "boolean": ("boolean", ""),
}
_INDENT = "  "


def message(table: Table) -> str:
    """Return the schema of the table's objects. Partition columns are in no object, but in its name.

    Raises:
        KeyError: a column is of a type that events do not have.
    """
    return "\n".join([f"message {table.name} {{", *_lines(table.columns), "}"]) + "\n"


def _lines(columns: tuple[Column, ...]) -> Iterator[str]:
    for column in columns:
        yield from _field(column.name, parse(column.type), _INDENT)


def _field(name: str, kind: HiveType, indent: str, repetition: str = "optional") -> Iterator[str]:
    if isinstance(kind, Scalar):
        physical, annotation = _SCALARS[kind.name]
        said = f" ({annotation})" if annotation else ""
        yield f"{indent}{repetition} {physical} {name}{said};"
        return
    inside = indent + _INDENT
    yield f"{indent}{repetition} group {name}{_annotation(kind)} {{"
    match kind:
        case Struct(members):
            for member, inner in members:
                yield from _field(member, inner, inside)
        case Map(key, value):
            yield f"{inside}repeated group key_value {{"
            yield from _field("key", key, inside + _INDENT, "required")
            yield from _field("value", value, inside + _INDENT)
            yield f"{inside}}}"
        case Array(element):
            yield f"{inside}repeated group list {{"
            yield from _field("element", element, inside + _INDENT)
            yield f"{inside}}}"
    yield f"{indent}}}"


def _annotation(kind: HiveType) -> str:
    return {Map: " (MAP)", Array: " (LIST)"}.get(type(kind), "")
