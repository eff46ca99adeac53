"""What AWS would say against a statement that the local engine takes, besides its grammar.

DuckDB compares text with numbers and knows functions that Trino does not, so a statement that runs on a
laptop can still be refused on AWS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from local.athena import statements
from local.athena.errors import StatementError
from local.athena.limits import FUNCTIONS, NAME, QUERY_BYTES
from local.athena.tables import TableLike
from local.athena.transpile import trino_tokens
from local.athena.types import duckdb_of_hive

Schema = Mapping[str, Mapping[str, exp.DataType]]

_SYNTAX = (
    "all and any array as between by case cube decimal distinct else end except exists filter from "
    "grouping having in intersect interval is join lateral like not on or order over partition row "
    "rows select sets then timestamp union unload unnest using values varchar when where window with "
)
_WORDS_BEFORE_PARENTHESES = frozenset(_SYNTAX.split())
_KNOWN = frozenset(name for names in FUNCTIONS.values() for name in names)
_FAMILIES = {
    "text": {"VARCHAR", "TEXT", "CHAR"},
    "number": {"TINYINT", "SMALLINT", "INT", "BIGINT", "INT128", "FLOAT", "DOUBLE", "DECIMAL"},
    "time": {"DATE", "TIMESTAMP", "TIMESTAMPTZ"},
    "boolean": {"BOOLEAN"},
}
# https://github.com/trinodb/trino/blob/master/core/trino-main/src/main/java/io/trino/operator/scalar/BitwiseFunctions.java
_SHIFTS = frozenset({"bitwise_left_shift", "bitwise_right_shift", "bitwise_right_shift_arithmetic"})
_INTEGERS = frozenset({exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT})
_OF_ONE_FAMILY = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.Between,
    exp.In,
    exp.Coalesce,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
)


def schema_of(tables: Iterable[TableLike]) -> Schema:
    """The types of the columns of tables, as `problems` takes them."""
    return {
        table.name: {
            column.name: exp.DataType.build(duckdb_of_hive(column.type), dialect="duckdb")
            for column in (*table.columns, *table.partitions)
        }
        for table in tables
    }


def problems(sql: str, schema: Schema) -> list[str]:
    """What is wrong with one statement; nothing if AWS would take it, as far as this can tell."""
    try:
        statement = statements.read(sql)
    except StatementError as error:
        return [str(error)]
    found = list(_of_text(sql, statement.query))
    found += _of_types(statement.query, schema)
    found += _of_shifts(statement.query)
    if isinstance(statement, statements.Unload):
        found += _of_output(statement)
    return found


def _of_text(sql: str, query: exp.Expr) -> Iterator[str]:
    if len(sql.encode()) > QUERY_BYTES:
        yield f"{len(sql.encode())} bytes are more than {QUERY_BYTES}"
    # A name before a parenthesis is a function, unless it is a relation with names for its columns.
    relations = {alias.name.lower() for alias in query.find_all(exp.TableAlias)}
    tokens = trino_tokens(sql)
    for token, following in pairwise(tokens):
        name = token.text.lower()
        if following.text != "(" or not re.fullmatch(r"[a-z_][a-z0-9_]*", name) or name in relations:
            continue
        if name not in _KNOWN and name not in _WORDS_BEFORE_PARENTHESES:
            yield f"{name} is not in the list of functions"


def _of_types(query: exp.Expr, schema: Schema) -> Iterator[str]:
    """Comparisons and sums of what Trino does not compare or add: it converts no text by itself."""
    used = {table.name for table in query.find_all(exp.Table)}
    known: dict[str, object] = {name: dict(columns) for name, columns in schema.items() if name in used}
    try:
        typed = annotate_types(
            qualify(query.copy(), schema=known, dialect="trino", validate_qualify_columns=False),
            schema=known,
            dialect="trino",
        )
    except SqlglotError as error:
        yield f"the types could not be told: {error}"
        return
    for node in typed.find_all(*_OF_ONE_FAMILY):
        parts = [
            node.this,
            *(node.args.get(name) for name in ("expression", "low", "high")),
            *node.expressions,
        ]
        families = {_family(part) for part in parts if isinstance(part, exp.Expr)} - {None}
        if len(families) > 1:
            yield f"{' and '.join(sorted(map(str, families)))} in {node.sql('trino')[:120]}"


def _of_shifts(query: exp.Expr) -> Iterator[str]:
    """Trino shifts by an integer only, and turns no bigint, which is what `date_diff` gives, into one."""
    for call in query.find_all(exp.Anonymous):
        if call.name.lower() not in _SHIFTS:
            continue
        by = call.expressions[-1]
        whole = isinstance(by, exp.Literal) and by.is_int
        if not whole and not (isinstance(by, exp.Cast) and by.to.this in _INTEGERS):
            yield f"a shift by what is no integer in {call.sql('trino')[:120]}"


def _family(node: exp.Expr) -> str | None:
    if node.type is None or isinstance(node, exp.Interval):
        return None
    kind = node.type.this.value
    return next((family for family, kinds in _FAMILIES.items() if kind in kinds), None)


def _of_output(statement: statements.Unload) -> Iterator[str]:
    if not isinstance(statement.query, exp.Query):
        yield "UNLOAD takes a query"
        return
    names = [select.alias_or_name for select in statement.query.selects]
    for name in names:
        if not re.fullmatch(NAME, name):
            yield f"{name!r} is no name of a column"
    if len(set(names)) != len(names):
        yield "a column's name is given more than once"
    keys = list(statement.partitioned_by)
    if keys and names[-len(keys) :] != keys:
        yield "the partition's columns are not the last ones"
