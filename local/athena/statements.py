"""What a statement does besides its query: nothing, UNLOAD, INSERT INTO, CREATE TABLE AS.

UNLOAD is Athena's own and no part of Trino's grammar:
https://docs.aws.amazon.com/athena/latest/ug/unload.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from local.athena.errors import StatementError, unsupported
from local.athena.transpile import parse, trino_tokens

COMPRESSIONS = {"SNAPPY", "GZIP", "ZSTD", "NONE", "UNCOMPRESSED"}
"""What Parquet can be compressed with. LZ4, which Athena has too, is left out: DuckDB means another format.
https://docs.aws.amazon.com/athena/latest/ug/compression-formats.html"""


@dataclass(frozen=True, slots=True)
class Unload:
    """`UNLOAD (query) TO 'location' WITH (…)`."""

    query: exp.Expr
    query_text: str
    location: str
    compression: str
    partitioned_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Insert:
    """`INSERT INTO table [(columns)] query`."""

    query: exp.Expr
    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateTable:
    """`CREATE TABLE table WITH (…) AS query`. Without `location` the result's location takes the files."""

    query: exp.Expr
    table: str
    location: str | None
    compression: str
    partitioned_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """A query whose rows are the result."""

    query: exp.Expr


Statement = Select | Unload | Insert | CreateTable


def read(sql: str) -> Statement:
    """What a statement asks for.

    Raises:
        StatementError: it does not parse, or is none of the four.
    """
    tokens = trino_tokens(sql)
    if tokens and tokens[0].text.upper() == "UNLOAD":
        return _unload(sql, tokens)
    tree = parse(sql)
    if isinstance(tree, exp.Insert):
        target = tree.this
        columns = tuple(c.name for c in target.expressions) if isinstance(target, exp.Schema) else ()
        table = target.this if isinstance(target, exp.Schema) else target
        return Insert(tree.expression, _table_name(table), columns)
    if isinstance(tree, exp.Create):
        return _create(tree)
    if isinstance(tree, exp.Query):
        return Select(tree)
    if isinstance(tree, exp.DML | exp.DDL | exp.Command):
        raise StatementError(
            "NOT_SUPPORTED", "The local engine runs SELECT, UNLOAD, INSERT INTO and CTAS only"
        )
    raise StatementError("SYNTAX_ERROR", "This is no statement")


def _table_name(table: exp.Expr) -> str:
    if not isinstance(table, exp.Table):
        raise StatementError("SYNTAX_ERROR", "A table's name is missing")
    return table.name.lower()


def _unload(sql: str, tokens: list[Token]) -> Unload:
    if tokens[-1].token_type == TokenType.SEMICOLON:
        tokens = tokens[:-1]
    if len(tokens) < 2 or tokens[1].token_type != TokenType.L_PAREN:
        raise StatementError("SYNTAX_ERROR", "UNLOAD needs its query in parentheses")
    depth, end = 0, None
    for position, token in enumerate(tokens[1:], start=1):
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if depth == 0:
            end = position
            break
    if end is None:
        raise StatementError("SYNTAX_ERROR", "The parenthesis of UNLOAD is not closed")
    query_text = sql[tokens[1].end + 1 : tokens[end].start]
    rest = tokens[end + 1 :]
    if len(rest) < 3 or rest[0].text.upper() != "TO" or rest[1].token_type != TokenType.STRING:
        raise StatementError("SYNTAX_ERROR", "UNLOAD needs TO and a location in quotes")
    if rest[2].text.upper() != "WITH":
        raise StatementError("SYNTAX_ERROR", "UNLOAD needs WITH and its properties")
    location = rest[1].text
    properties = _unload_properties(rest[3:])
    unknown = set(properties) - {"format", "compression", "partitioned_by"}
    if unknown:
        raise StatementError("INVALID_TABLE_PROPERTY", f"Properties of UNLOAD: {', '.join(sorted(unknown))}")
    if not location.startswith("s3://"):
        raise StatementError("SYNTAX_ERROR", f"The location of UNLOAD is no S3 address: {location}")
    _require_parquet(properties.get("format"))
    partitioned = properties.get("partitioned_by", ())
    return Unload(
        parse(query_text),
        query_text,
        location if location.endswith("/") else location + "/",
        _compression(properties.get("compression")),
        partitioned if isinstance(partitioned, tuple) else (partitioned,),
    )


def _unload_properties(tokens: list[Token]) -> Mapping[str, str | tuple[str, ...]]:
    """The properties in `(name = 'value', name = ARRAY['a', 'b'])`."""
    texts = [(token.token_type == TokenType.STRING, token.text) for token in tokens]
    if len(texts) < 2 or texts[0][1] != "(" or texts[-1][1] != ")":
        raise StatementError("SYNTAX_ERROR", "The properties of UNLOAD are not in parentheses")
    found: dict[str, str | tuple[str, ...]] = {}
    rest = texts[1:-1]
    while rest:
        if len(rest) < 3 or rest[1] != (False, "="):
            raise StatementError("SYNTAX_ERROR", "A property of UNLOAD is not name = value")
        name = rest[0][1].lower()
        if rest[2][0]:
            found[name], rest = rest[2][1], rest[3:]
        elif rest[2][1].upper() == "ARRAY" and (False, "]") in rest:
            close = rest.index((False, "]"))
            found[name] = tuple(text for is_string, text in rest[3:close] if is_string)
            rest = rest[close + 1 :]
        else:
            raise StatementError("SYNTAX_ERROR", f"The value of {name} is no string and no ARRAY of strings")
        if rest:
            if rest[0] != (False, ","):
                raise StatementError("SYNTAX_ERROR", "A comma is missing between properties of UNLOAD")
            rest = rest[1:]
    return found


def _require_parquet(format_: object) -> None:
    if format_ is None or str(format_).upper() != "PARQUET":
        raise unsupported("formats other than PARQUET")


def _compression(name: object) -> str:
    chosen = "GZIP" if name is None else str(name).upper()
    if chosen not in COMPRESSIONS:
        raise StatementError("INVALID_TABLE_PROPERTY", f"Parquet cannot be compressed with {chosen}")
    return {"NONE": "UNCOMPRESSED"}.get(chosen, chosen)


def _create(tree: exp.Create) -> CreateTable:
    if tree.kind != "TABLE" or tree.expression is None:
        raise StatementError("NOT_SUPPORTED", "The local engine creates tables from queries only")
    if isinstance(tree.this, exp.Schema):
        raise StatementError("SYNTAX_ERROR", "CREATE TABLE AS takes no list of columns")
    given: dict[str, exp.Expr | str] = {}
    properties = tree.args.get("properties")
    for item in properties.expressions if properties else ():
        if isinstance(item, exp.FileFormatProperty):
            given["format"] = item.name
        elif isinstance(item, exp.PartitionedByProperty):
            given["partitioned_by"] = item.this
        elif isinstance(item, exp.Property):
            given[item.name.lower()] = item.args["value"]
    partitioned = given.get("partitioned_by")
    location = given.get("external_location")
    compression = given.get("write_compression") or given.get("parquet_compression")
    _require_parquet(given.get("format"))
    return CreateTable(
        tree.expression,
        _table_name(tree.this),
        None if location is None else _slashed(location.name if isinstance(location, exp.Expr) else location),
        _compression(compression.name if isinstance(compression, exp.Expr) else compression),
        tuple(e.name for e in partitioned.expressions) if isinstance(partitioned, exp.Expr) else (),
    )


def _slashed(location: str) -> str:
    return location if location.endswith("/") else location + "/"
