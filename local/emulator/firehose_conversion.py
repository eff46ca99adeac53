"""Firehose converts the documents of a record together.

Gap: a record's documents are inserted into DuckDB one by one: 1.6 s for 500 turn events, and nothing else is
answered meanwhile.
Fix: they are read as one file of lines.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.athena.types import literal
from local.emulator import seams

SUMMARY = "Firehose converts the documents of a record to Parquet together"

_ONE_BY_ONE = """con.executemany(f"INSERT INTO t VALUES ({', '.join('?' for _ in columns)})", rows)"""
_TOGETHER = "_insert_together(con, columns, rows)"


def install() -> None:
    """Replace the insertion in the conversion."""
    firehose = seams.module("services.firehose")
    firehose._insert_together = _insert_together
    seams.recompile(firehose, "_convert_to_parquet", _ONE_BY_ONE, _TOGETHER)


def _insert_together(
    connection: Any, columns: Sequence[dict[str, Any]], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows into the empty table `t`, whose columns have the types that the text is read as."""
    types = dict(connection.execute("SELECT column_name, column_type FROM (DESCRIBE t)").fetchall())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        lines = (json.dumps({c["Name"]: v for c, v in zip(columns, row, strict=True)}) for row in rows)
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        # Names and types are the catalogue's, in quotes.
        named = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types.items())
        connection.execute(
            f"INSERT INTO t SELECT * FROM read_json({literal(str(file))}, columns = {{{named}}}, "  # noqa: S608
            "format = 'newline_delimited', maximum_object_size = 1100000)"
        )
