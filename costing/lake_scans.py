"""Which columns a statement reads of which table, use by use, as Trino plans it.

Athena bills what is read. Trino puts the query of a WITH in wherever it is named, so that a table behind it
is read once for each use, and of each use only the columns that anything asks for. Of a struct or a map all
of it is counted. Conditions other than those on partitions spare nothing here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from local.athena import statements
from local.athena.pruning import partitions_needed
from local.athena.tables import Catalog, Partition


@dataclass(frozen=True, slots=True)
class Scan:
    """One use of a table: the columns that are read, and the partitions that may hold what is asked for."""

    table: str
    columns: tuple[str, ...]
    partitions: tuple[Partition, ...]


def scans(sql: str, catalog: Catalog, tables: Sequence[str]) -> list[Scan]:
    """Return every use of a table in a statement.

    Raises:
        StatementError: it is no statement that Athena runs.
        KeyError: a table is not in the catalogue.
    """
    sources = {}
    for name in tables:
        source = catalog.table(name)
        if source is None:
            raise KeyError(name)
        sources[name] = source
    query = _in_place(statements.read(sql).query)
    needed: dict[str, tuple[Partition, ...]] = {}
    for number, table in enumerate(_tables(query, sources)):
        # The optimiser copies nodes and keeps their names: a name of its own tells one use from the others.
        alias = f"use_{number}_{table.name}"
        needed[alias] = tuple(partitions_needed(sources[table.name], table))
        table.set("this", exp.to_identifier(alias))
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(alias.split("_", 2)[2])))
    schema: dict[str, object] = {
        alias: {field.name: "unknown" for field in (*sources[_of(alias)].columns, *sources[_of(alias)].keys)}
        for alias in needed
    }
    planned = pushdown_projections(
        qualify(query, schema=schema, dialect="trino", validate_qualify_columns=False)
    )
    read: dict[str, set[str]] = {alias: set() for alias in needed}
    for scope in traverse_scope(planned):
        for name, found in scope.sources.items():
            if isinstance(found, exp.Table) and found.name in read:
                read[found.name].update(column.name for column in scope.source_columns(name))
    return [
        Scan(
            _of(alias),
            tuple(sorted(columns & {field.name for field in sources[_of(alias)].columns})),
            needed[alias],
        )
        for alias, columns in read.items()
    ]


def _of(alias: str) -> str:
    return alias.split("_", 2)[2]


def _tables(query: exp.Expr, sources: Mapping[str, object]) -> Iterator[exp.Table]:
    return (table for table in list(query.find_all(exp.Table)) if table.name in sources and not table.db)


def _in_place(query: exp.Expr) -> exp.Expr:
    """Return the query with each WITH put in where it is named."""
    query = query.copy()
    while (found := query.find(exp.With)) is not None:
        owner = found.parent
        if owner is None:
            raise ValueError("a WITH without a query")
        found.pop()
        known: dict[str, exp.CTE] = {}
        for cte in found.expressions:
            _put_in(cte.this, known)
            known[cte.alias.lower()] = cte
        _put_in(owner, known)
    return query


def _put_in(query: exp.Expr, known: Mapping[str, exp.CTE]) -> None:
    for table in list(query.find_all(exp.Table)):
        cte = known.get(table.name.lower())
        if cte is None or table.db:
            continue
        names = cte.args["alias"].args.get("columns") or []
        alias = exp.TableAlias(
            this=exp.to_identifier(table.alias or table.name), columns=[name.copy() for name in names]
        )
        subquery = exp.Subquery(this=cte.this.copy(), alias=alias)
        if table.args.get("joins"):
            subquery.set("joins", table.args["joins"])
        table.replace(subquery)
