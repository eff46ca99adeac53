"""Trino's SQL, as Athena engine version 3 runs it, in DuckDB's words and with Trino's meaning.

sqlglot carries most of the language over. What it leaves different is rewritten here on the syntax tree, or
calls one of the `MACROS`, which a connection has to hold: DuckDB chooses among the variants of a macro by the
types of its arguments, so that `/` of two integers stays an integer without the tree having to know types.

What cannot be carried over with the same result is refused with `NOT_SUPPORTED`, for example a division of
decimals, whose scale Trino rounds to.

Functions: https://trino.io/docs/current/functions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

import sqlglot
from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from local.athena.errors import StatementError, unsupported

SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET preserve_insertion_order = false",
    "SET default_null_order = 'NULLS_LAST'",
    "SET parquet_metadata_cache = true",
    "SET partitioned_write_flush_threshold = 8192",
)
"""What a connection needs besides the macros. Trino sorts nulls last in both directions.

A statement is bound several times before it reads, and its files may be many: footers are kept for it.
What it writes by day is sorted into the days' files every so many rows: by default half a million a thread.
"""

_TO_WHOLE = "(x DOUBLE) AS CAST(round(x) AS {type}), (x VARCHAR) AS {text}, (x) AS CAST(x AS {type})"
# A cast that fails, not error(): TRY takes casts, and refuses functions with effects.
_STRICT = "CAST(CASE WHEN regexp_full_match(x, '[+-]?[0-9]+') THEN x ELSE 'not whole: ' || x END AS {type})"
_LENIENT = "CASE WHEN regexp_full_match(x, '[+-]?[0-9]+') THEN TRY_CAST(x AS {type}) END"
_WHOLE_TYPES = ("TINYINT", "SMALLINT", "INT", "BIGINT")


def _whole_number_macros() -> list[str]:
    """Casts to whole numbers: Trino rounds halves away from zero and takes no text with a decimal point."""
    made = []
    for name in _WHOLE_TYPES:
        made.append(f"trino_to_{name.lower()}" + _TO_WHOLE.format(type=name, text=_STRICT.format(type=name)))
        made.append(
            f"trino_try_to_{name.lower()}(x DOUBLE) AS TRY_CAST(round(x) AS {name}), "
            f"(x VARCHAR) AS {_LENIENT.format(type=name)}, (x) AS TRY_CAST(x AS {name})"
        )
    return made


_REFUSED_DECIMAL = (
    "error('NOT_SUPPORTED: The local engine does not carry over {what} of decimals: cast to double')"
)

MACROS: dict[str, str] = {
    macro.partition("(")[0]: f"CREATE OR REPLACE MACRO {macro}"
    for macro in (
        "trino_divide(a INTEGER, b INTEGER) AS a // b, (a BIGINT, b BIGINT) AS a // b, "
        "(a HUGEINT, b HUGEINT) AS CAST(a // b AS BIGINT), "
        "(a DOUBLE, b DOUBLE) AS a / b, "
        f"(a DECIMAL(38, 9), b DECIMAL(38, 9)) AS {_REFUSED_DECIMAL.format(what='division')}",
        "trino_shift(d DATE, i INTERVAL) AS CAST(d + i AS DATE), (d TIMESTAMP, i INTERVAL) AS d + i, "
        "(d TIMESTAMPTZ, i INTERVAL) AS d + i",
        "trino_trunc(u, d DATE) AS CAST(date_trunc(u, d) AS DATE), "
        "(u, d TIMESTAMP) AS CAST(date_trunc(u, d) AS TIMESTAMP), (u, d TIMESTAMPTZ) AS date_trunc(u, d)",
        "trino_sequence(a DATE, b DATE, i INTERVAL) AS CAST(generate_series(a, b, i) AS DATE[]), "
        "(a TIMESTAMP, b TIMESTAMP, i INTERVAL) AS generate_series(a, b, i), "
        "(a BIGINT, b BIGINT) AS generate_series(a, b, CASE WHEN a <= b THEN 1 ELSE -1 END), "
        "(a BIGINT, b BIGINT, i BIGINT) AS generate_series(a, b, i), "
        "(a DATE, b DATE) AS CAST(generate_series(a, b, INTERVAL 1 DAY) AS DATE[])",
        "trino_from_iso8601_timestamp(x) AS "
        "to_timestamp(0) + to_milliseconds(epoch_us(CAST(x AS TIMESTAMPTZ)) // 1000)",
        "trino_map_value(m, k) AS CASE WHEN m IS NULL OR map_contains(m, k) THEN m[k] "
        "ELSE error('INVALID_FUNCTION_ARGUMENT: Key not present in map: ' || k) END",
        "trino_array_value(a, i) AS CASE WHEN a IS NULL OR i BETWEEN 1 AND len(a) THEN a[i] "
        "ELSE error('INVALID_FUNCTION_ARGUMENT: Array subscript out of bounds') END",
        "trino_from_base(x, radix) AS CASE radix WHEN 16 THEN CAST('0x' || x AS BIGINT) "
        "WHEN 10 THEN CAST(x AS BIGINT) WHEN 2 THEN CAST('0b' || x AS BIGINT) "
        "ELSE error('NOT_SUPPORTED: The local engine has from_base of 2, 10 and 16 only') END",
        "trino_left_shift(x, n) AS CAST(x AS BIGINT) << CAST(n AS BIGINT)",
        # Trino's shift to the right fills up with zeros, which is the same for what is not negative.
        "trino_right_shift(x, n) AS CASE WHEN x < 0 THEN error('NOT_SUPPORTED: The local engine does not "
        "carry over bit shifts of negative numbers') ELSE CAST(x AS BIGINT) >> CAST(n AS BIGINT) END",
        *_whole_number_macros(),
    )
}
"""By name: those that a statement in DuckDB's SQL calls have to be there before it."""

_MACRO_CALL = re.compile(r"\btrino_\w+(?=\()", re.IGNORECASE)


def macros_of(duckdb_sql: str) -> list[str]:
    """The definitions of the macros that a statement calls."""
    called = {name.lower() for name in _MACRO_CALL.findall(duckdb_sql)}
    return [definition for name, definition in MACROS.items() if name in called]


Rewrite = Callable[[exp.Expr], exp.Expr]


def parse(sql: str) -> exp.Expr:
    """The syntax tree of one statement in Trino's SQL.

    Raises:
        StatementError: it does not parse, or it is more than one statement.
    """
    try:
        statements = [s for s in sqlglot.parse(sql, read="trino") if s is not None]
    except SqlglotError as error:
        raise StatementError("SYNTAX_ERROR", _plain(str(error))) from None
    if len(statements) != 1:
        raise StatementError("SYNTAX_ERROR", f"Expected one statement and found {len(statements)}")
    if isinstance(statements[0], exp.Command):
        raise StatementError(
            "NOT_SUPPORTED", "The local engine runs SELECT, UNLOAD, INSERT INTO and CTAS only"
        )
    return statements[0]


def trino_tokens(sql: str) -> list[Token]:
    """The tokens of a text in Trino's SQL, without comments.

    Raises:
        StatementError: a quote is not closed.
    """
    try:
        return list(Trino().tokenize(sql))
    except SqlglotError as error:
        raise StatementError("SYNTAX_ERROR", _plain(str(error))) from None


def to_duckdb(tree: exp.Expr, row_arrays: Collection[int] = ()) -> str:
    """The statement in DuckDB's SQL. The tree is left as it is.

    `UNNEST` of one expression into several columns takes a map, or an array of rows: the tree does not tell
    which. `row_arrays` holds the positions, among `ambiguous_unnests`, of those that are arrays of rows.

    Raises:
        StatementError: it uses something that is not carried over.
    """
    tree = tree.copy()
    for position, unnest in enumerate(ambiguous_unnests(tree)):
        unnest.set("expressions", [_entries(unnest.expressions[0], rows=position in row_arrays)])
    for unnest in list(tree.find_all(exp.Unnest)):
        _rewrite_unnest(unnest)
    # Children before parents: what a rewrite puts around a node is not looked at again.
    for node in reversed(list(tree.walk(bfs=False))):
        rewritten = _rewrite(node)
        if rewritten is not node:
            if node is tree:
                tree = rewritten
            else:
                node.replace(rewritten)
    try:
        return tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except SqlglotError as error:
        raise unsupported(_plain(str(error))) from None


def ambiguous_unnests(tree: exp.Expr) -> list[exp.Unnest]:
    """Those `UNNEST` of one expression which give several columns, in the order of the text."""
    found = tree.find_all(exp.Unnest, bfs=False)
    return [node for node in found if len(node.expressions) == 1 and len(_columns(node)[0]) > 1]


def _plain(message: str) -> str:
    """A message without the terminal's underlining."""
    return message.replace("\x1b[4m", "").replace("\x1b[0m", "").split("\n")[0]


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def _macro(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of one of `MACROS` that has variants by type.

    DuckDB chooses the variant before it has bound aggregates and windows, whose types it does not know then.
    Where an argument holds one, the call goes into a lambda, which is bound after its arguments.
    """
    if not any(argument.find(*_BOUND_LATE) for argument in arguments):
        return _call(name, *arguments)
    entry = exp.to_identifier("trino_late")
    packed = _call("row", *arguments)
    positions = [exp.Literal.number(position + 1) for position in range(len(arguments))]
    body = _call(name, *(_call("struct_extract_at", entry, position) for position in positions))
    applied = _call(
        "list_transform", exp.Array(expressions=[packed]), exp.Lambda(this=body, expressions=[entry])
    )
    return exp.Bracket(this=applied, expressions=[exp.Literal.number(1)], offset=1, safe=True)


_BOUND_LATE = (exp.AggFunc, exp.Window, exp.Filter, exp.WithinGroup)


def _columns(node: exp.Unnest) -> tuple[list[exp.Identifier], exp.Identifier | None]:
    """The names of the columns of an `UNNEST`, and that of its ordinality."""
    alias = node.args.get("alias")
    names = list(alias.columns) if isinstance(alias, exp.TableAlias) else []
    offset = node.args.get("offset")
    return names, offset if isinstance(offset, exp.Identifier) else None


def _entries(expression: exp.Expr, *, rows: bool) -> exp.Expr:
    return expression if rows else _call("map_entries", expression.copy())


def _rewrite_unnest(node: exp.Unnest) -> None:
    """`UNNEST(a, b) AS t(x, y)` as `LATERAL (SELECT unnest(a), unnest(b)) AS t(x, y)`, which DuckDB zips.

    Its optimiser takes such a subquery away again: it is as fast as an UNNEST of its own.
    """
    names, ordinality = _columns(node)
    if not names:
        raise unsupported("an UNNEST without names for its columns: write UNNEST(…) AS t(x)")
    if node.args.get("offset") is True:
        raise unsupported("WITH ORDINALITY without a name for its column")
    arguments = node.expressions
    if len(arguments) == 1 and len(names) > 1:
        deep = exp.PropertyEQ(this=exp.to_identifier("max_depth"), expression=exp.Literal.number(2))
        values: list[exp.Expr] = [_call("unnest", arguments[0].copy(), deep)]
    elif len(arguments) == len(names):
        values = [_call("unnest", argument.copy()) for argument in arguments]
    else:
        raise unsupported("an UNNEST of several expressions of which one is not a plain array")
    if ordinality is not None:
        longest = [_call("len", argument.copy()) for argument in arguments]
        last = longest[0] if len(longest) == 1 else _call("greatest", *longest)
        values.append(_call("unnest", _call("range", exp.Literal.number(1), exp.Paren(this=last) + 1)))
        names = [*names, ordinality]
    alias = node.args["alias"].copy()
    alias.set("columns", [name.copy() for name in names])
    subquery = exp.Subquery(this=exp.Select(expressions=values))
    node.replace(exp.Lateral(this=subquery, alias=alias))


def _rewrite(node: exp.Expr) -> exp.Expr:
    """One node in DuckDB's words."""
    rewrite = _REWRITES.get(type(node))
    if rewrite is not None:
        return rewrite(node)
    if isinstance(node, exp.Anonymous):
        rewrite_call = _FUNCTIONS.get(node.name.lower())
        if rewrite_call is not None:
            return rewrite_call(node)
    return node


def _divide(node: exp.Expr) -> exp.Expr:
    return _macro("trino_divide", node.this, node.expression)


def _add(node: exp.Expr) -> exp.Expr:
    if isinstance(node.expression, exp.Interval):
        return _macro("trino_shift", node.this, node.expression)
    if isinstance(node.this, exp.Interval):
        return _macro("trino_shift", node.expression, node.this)
    return node


def _subtract(node: exp.Expr) -> exp.Expr:
    if isinstance(node.expression, exp.Interval):
        return _macro("trino_shift", node.this, exp.Neg(this=node.expression))
    return node


def _unit(node: exp.Expr) -> exp.Expr:
    return exp.Literal.string(node.args["unit"].name.lower())


def _date_add(node: exp.Expr) -> exp.Expr:
    if node.args["unit"].name.upper() == "QUARTER":
        raise unsupported("date_add of quarters")
    length = exp.Mul(
        this=_call(f"to_{node.args['unit'].name.lower()}s", exp.Literal.number(1)),
        expression=exp.Paren(this=node.expression),
    )
    return _macro("trino_shift", node.this, length)


def _date_diff(node: exp.Expr) -> exp.Expr:
    # Trino counts whole units between the two; DuckDB's function of the same name counts boundaries crossed.
    return _call("date_sub", _unit(node), node.expression, node.this)


def _date_trunc(node: exp.Expr) -> exp.Expr:
    return _macro("trino_trunc", _unit(node), node.this)


def _sequence(node: exp.Expr) -> exp.Expr:
    step = node.args.get("step")
    return _macro("trino_sequence", node.args["start"], node.args["end"], *([step] if step else []))


def _bracket(node: exp.Expr) -> exp.Expr:
    """`m['k']` and `a[1]`, which fail in Trino where there is no such entry; `element_at` gives NULL."""
    if node.args.get("safe") or len(node.expressions) != 1:
        return node
    key = node.expressions[0]
    if not isinstance(key, exp.Literal):
        return node
    if key.is_string:
        return _call("trino_map_value", node.this, key)
    # sqlglot counts from zero where it read a subscript.
    position = int(key.name) + (1 if not node.args.get("offset") else 0)
    return _call("trino_array_value", node.this, exp.Literal.number(position))


def _arg_extreme(name: str) -> Rewrite:
    def rewrite(node: exp.Expr) -> exp.Expr:
        if node.args.get("count") is not None:
            return node
        # DuckDB's plain arg_max passes over rows whose value is NULL, which Trino returns.
        return _call(name, node.this, node.expression)

    return rewrite


def _cast(node: exp.Expr) -> exp.Expr:
    to = node.args["to"]
    kind = to.this.value
    if kind in _WHOLE_TYPES:
        prefix = "trino_try_to_" if isinstance(node, exp.TryCast) else "trino_to_"
        return _macro(prefix + kind.lower(), node.this)
    if kind == "DECIMAL" and not to.expressions:
        raise unsupported("a DECIMAL without its precision and scale")
    if kind in {"TIMESTAMP", "TIMESTAMPTZ"} and to.expressions:
        node = node.copy()
        node.args["to"].set("expressions", [])
    if kind == "JSON":
        raise unsupported("casts to JSON")
    return node


def _quantile(node: exp.Expr) -> exp.Expr:
    # Exact, therefore the same on every run; Trino's is an approximation of it.
    return _call("quantile_disc", node.this, node.args["quantile"])


def _replace_names(body: exp.Expr, names: dict[str, exp.Expr]) -> exp.Expr:
    """A lambda's body with its parameters replaced."""

    def replaced(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and not node.table and node.name in names:
            return names[node.name].copy()
        if (
            isinstance(node, exp.Identifier)
            and not isinstance(node.parent, exp.Column)
            and node.name in names
        ):
            return names[node.name].copy()
        return node

    return body.copy().transform(replaced)


def _parts(node: exp.Lambda) -> tuple[list[str], exp.Expr]:
    return [parameter.name for parameter in node.expressions], node.this


def _reduce(node: exp.Expr) -> exp.Expr:
    reduced = _call("list_reduce", node.this, node.args["merge"], node.args["initial"])
    finish = node.args.get("finish")
    if finish is None:
        return reduced
    names, body = _parts(finish)
    if body.name == names[0] and not isinstance(body, exp.Func | exp.Binary):
        return reduced
    applied = _call("list_transform", exp.Array(expressions=[reduced]), finish)
    return exp.Bracket(this=applied, expressions=[exp.Literal.number(1)], offset=1, safe=True)


def _match(aggregate: str, when_empty: bool, *, negated: bool = False) -> Rewrite:
    def rewrite(node: exp.Expr) -> exp.Expr:
        array, condition = node.expressions
        found = _call(aggregate, _call("list_transform", array.copy(), condition))
        whole = exp.Coalesce(this=found, expressions=[exp.Boolean(this=when_empty)])
        result: exp.Expr = exp.Not(this=whole) if negated else whole
        missing = exp.Is(this=array.copy(), expression=exp.Null())
        return exp.Paren(this=exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=result))

    return rewrite


def _map_agg(node: exp.Expr) -> exp.Expr:
    key, value = node.expressions
    pair = _call("struct_pack", _named("key", key), _named("value", value))
    gathered: exp.Expr = _call("list", pair)
    # A FILTER around the call goes to the aggregate inside.
    parent = node.parent
    if isinstance(parent, exp.Filter):
        raise unsupported("map_agg with FILTER: use map_agg over rows chosen before")
    return _call("map_from_entries", gathered)


def _named(name: str, value: exp.Expr) -> exp.Expr:
    return exp.PropertyEQ(this=exp.to_identifier(name), expression=value)


def _over_entries(function: str, make: Callable[[exp.Expr, exp.Expr], exp.Expr]) -> Rewrite:
    def rewrite(node: exp.Expr) -> exp.Expr:
        the_map, lambda_ = node.expressions
        names, body = _parts(lambda_)
        entry = exp.to_identifier("trino_entry")
        key, value = (exp.Dot(this=entry.copy(), expression=exp.to_identifier(f)) for f in ("key", "value"))
        body = _replace_names(body, dict(zip(names, (key, value), strict=True)))
        inner = exp.Lambda(this=make(key, body), expressions=[entry])
        return _call("map_from_entries", _call(function, _call("map_entries", the_map), inner))

    return rewrite


def _pair(key: exp.Expr, value: exp.Expr) -> exp.Expr:
    return _call("struct_pack", _named("key", key), _named("value", value))


def _renamed(name: str) -> Rewrite:
    return lambda node: _call(name, *node.expressions)


def _constant(text: str) -> Rewrite:
    return lambda node: exp.cast(exp.Literal.string(text), "double")


def _refused(what: str) -> Rewrite:
    def rewrite(node: exp.Expr) -> exp.Expr:
        raise unsupported(what)

    return rewrite


def _at_timezone(node: exp.Expr) -> exp.Expr:
    if node.expressions[1].name != "UTC":
        raise unsupported("time zones other than UTC")
    timestamp: exp.Expr = node.expressions[0]
    return timestamp


_REWRITES: dict[type[exp.Expr], Rewrite] = {
    exp.Div: _divide,
    exp.Add: _add,
    exp.Sub: _subtract,
    exp.DateAdd: _date_add,
    exp.DateDiff: _date_diff,
    exp.TimestampTrunc: _date_trunc,
    exp.DateTrunc: _date_trunc,
    exp.GenerateSeries: _sequence,
    exp.Bracket: _bracket,
    exp.ArgMax: _arg_extreme("arg_max_null"),
    exp.ArgMin: _arg_extreme("arg_min_null"),
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.ApproxQuantile: _quantile,
    exp.Reduce: _reduce,
    exp.ArrayDistinct: _refused("array_distinct, of which DuckDB leaves NULL out"),
    exp.Typeof: _refused("typeof"),
    exp.ArraySize: lambda node: _call("cardinality", node.this),
    exp.FromISO8601Timestamp: lambda node: _call("trino_from_iso8601_timestamp", node.this),
    exp.FromBase: lambda node: _call("trino_from_base", node.this, node.expression),
}

_FUNCTIONS: dict[str, Rewrite] = {
    "any_match": _match("list_bool_or", False),
    "all_match": _match("list_bool_and", True),
    "none_match": _match("list_bool_or", False, negated=True),
    "map_agg": _map_agg,
    "map_filter": _over_entries("list_filter", lambda key, body: body),
    "transform_values": _over_entries("list_transform", _pair),
    "arrays_overlap": _renamed("list_has_any"),
    "array_intersect": _renamed("list_intersect"),
    "zip": _renamed("list_zip"),
    "is_finite": _renamed("isfinite"),
    "nan": _constant("nan"),
    "infinity": _constant("inf"),
    "at_timezone": _at_timezone,
    "array_union": _refused("array_union"),
    "to_base": lambda node: _call("lower", _call("to_base", *node.expressions)),
    "typeof": _refused("typeof"),
    "multimap_agg": _refused("multimap_agg"),
    "checksum": _refused("checksum"),
    "every": _renamed("bool_and"),
    "bitwise_left_shift": _renamed("trino_left_shift"),
    "bitwise_right_shift": _renamed("trino_right_shift"),
    "bitwise_right_shift_arithmetic": _renamed("trino_right_shift"),
    "format_datetime": _refused("format_datetime: use date_format"),
}
