"""The names of types in the three places: the Glue catalogue (Hive), Trino, DuckDB."""

from __future__ import annotations

import re
from collections.abc import Mapping

from local.athena.errors import StatementError

_FROM_HIVE: Mapping[str, str] = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "binary": "BLOB",
}

_TO_TRINO: Mapping[str, str] = {
    "VARCHAR": "varchar",
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "UBIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "TIME": "time",
    "BLOB": "varbinary",
    "INTERVAL": "interval day to second",
    "NULL": "unknown",
    '"NULL"': "unknown",
}

_WIDER: Mapping[str, tuple[str, ...]] = {
    "TINYINT": (),
    "SMALLINT": ("TINYINT",),
    "INTEGER": ("TINYINT", "SMALLINT"),
    "BIGINT": ("TINYINT", "SMALLINT", "INTEGER"),
    "DOUBLE": ("FLOAT",),
    "TIMESTAMP": ("TIMESTAMP_MS", "TIMESTAMP_S", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS"),
}
"""For each declared type those types of a Parquet file which Athena reads as it."""


def duckdb_of_hive(hive: str) -> str:
    """A column's type in the catalogue as DuckDB's: `array<struct<a:string>>` as `STRUCT("a" VARCHAR)[]`.

    Raises:
        StatementError: it is no type that Athena knows.
    """
    hive = hive.strip()
    lowered = hive.lower()
    if lowered in _FROM_HIVE:
        return _FROM_HIVE[lowered]
    if re.fullmatch(r"decimal\(\d+,\s*\d+\)", lowered):
        return lowered.upper()
    if re.fullmatch(r"(varchar|char)\(\d+\)", lowered):
        return "VARCHAR"
    inner = re.fullmatch(r"(array|map|struct)<(.*)>", hive, flags=re.IGNORECASE | re.DOTALL)
    if inner is None:
        raise StatementError("HIVE_METASTORE_ERROR", f"Unknown type in the catalogue: {hive}", category=1)
    kind, parts = inner.group(1).lower(), _split(inner.group(2))
    if kind == "array" and len(parts) == 1:
        return f"{duckdb_of_hive(parts[0])}[]"
    if kind == "map" and len(parts) == 2:
        return f"MAP({duckdb_of_hive(parts[0])}, {duckdb_of_hive(parts[1])})"
    if kind == "struct":
        fields = (part.partition(":") for part in parts)
        return "STRUCT(" + ", ".join(f"{quoted(n.strip())} {duckdb_of_hive(t)}" for n, _, t in fields) + ")"
    raise StatementError("HIVE_METASTORE_ERROR", f"Unknown type in the catalogue: {hive}", category=1)


def _split(text: str) -> list[str]:
    """The parts between the commas that are in no brackets."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def quoted(name: str) -> str:
    """An identifier in DuckDB's quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def trino_of_duckdb(duckdb_type: str) -> str:
    """The type of a result's column as `ColumnInfo` has it: without what a nested type is made of."""
    if duckdb_type.endswith("[]"):
        return "array"
    head = duckdb_type.partition("(")[0]
    return {"DECIMAL": "decimal", "MAP": "map", "STRUCT": "row"}.get(
        head, _TO_TRINO.get(duckdb_type, "varchar")
    )


def hive_of_duckdb(duckdb_type: str) -> str:
    """The type in the catalogue of a column that a statement creates.

    Raises:
        StatementError: Athena has no table with such a column.
    """
    for hive, known in _FROM_HIVE.items():
        if duckdb_type == known:
            return hive
    if duckdb_type in {"HUGEINT", "UBIGINT"}:
        return "bigint"
    if duckdb_type.endswith("[]"):
        return f"array<{hive_of_duckdb(duckdb_type[:-2])}>"
    head, _, rest = duckdb_type.partition("(")
    parts = [part.strip() for part in _split(rest[:-1])] if rest else []
    if head == "DECIMAL":
        return f"decimal({','.join(parts)})"
    if head == "MAP":
        return f"map<{','.join(hive_of_duckdb(part) for part in parts)}>"
    if head == "STRUCT":
        pairs = (part.partition(" ") for part in parts)
        return "struct<" + ",".join(f"{n.strip(chr(34))}:{hive_of_duckdb(t)}" for n, _, t in pairs) + ">"
    raise StatementError("NOT_SUPPORTED", f"Unsupported Hive type: {trino_of_duckdb(duckdb_type)}")


def readable_as(declared: str, found: str) -> bool:
    """Whether Athena reads a Parquet column of DuckDB's type `found` as the `declared` one.

    Fields of a struct may be missing or more, as columns of a file may.
    """
    if declared == found or found in _WIDER.get(declared, ()) or found in {'"NULL"', "NULL"}:
        return True
    if declared.endswith("[]") and found.endswith("[]"):
        return readable_as(declared[:-2], found[:-2])
    (head, _, rest), (found_head, _, found_rest) = declared.partition("("), found.partition("(")
    if head != found_head or not rest or not found_rest:
        return False
    parts, found_parts = ([p.strip() for p in _split(text[:-1])] for text in (rest, found_rest))
    if head == "MAP":
        return all(map(readable_as, parts, found_parts))
    if head == "STRUCT":
        fields, found_fields = (
            {name.strip('"').lower(): kind for name, _, kind in (part.partition(" ") for part in some)}
            for some in (parts, found_parts)
        )
        return all(readable_as(kind, found_fields.get(name, kind)) for name, kind in fields.items())
    return False
