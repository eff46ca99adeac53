"""Which partitions of a table a query can need, by the conditions on them that are literally in its text.

Athena decides the same from the conditions of the WHERE clause before it reads anything, and the price of a
statement depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp

from local.athena.tables import Partition, TableSource

Condition = Callable[[str], bool]


def partitions_needed(source: TableSource, table: exp.Table) -> list[Partition]:
    """The partitions that satisfy every condition of the form `key <op> 'literal'` on this use of it."""
    names = [key.name.lower() for key in source.keys]
    conditions = [(names.index(key), test) for key, test in _conditions(table, names)]
    return [p for p in source.partitions if all(test(p.values[index]) for index, test in conditions)]


def _conditions(table: exp.Table, keys: Sequence[str]) -> Iterator[tuple[str, Condition]]:
    select = table.find_ancestor(exp.Select)
    if select is None:
        return
    where = select.args.get("where")
    if where is None:
        return
    tables = [t for t in select.find_all(exp.Table) if t.find_ancestor(exp.Select) is select]
    qualifier = (table.alias or table.name).lower()
    top = where.this.unnest()
    for condition in top.flatten() if isinstance(top, exp.And) else [top]:
        column, test = literal_condition(condition)
        if column is None or test is None or column.name.lower() not in keys:
            continue
        if column.table.lower() in ({qualifier, ""} if len(tables) == 1 else {qualifier}):
            yield column.name.lower(), test


def literal_condition(condition: exp.Expr) -> tuple[exp.Column | None, Condition | None]:
    """The column and the test of `column <op> 'literal'`; None where a condition is anything else."""
    condition = condition.unnest()
    column = condition.this.unnest() if isinstance(condition.this, exp.Expr) else None
    return (column if isinstance(column, exp.Column) else None), _test(condition)


def _text(node: exp.Expr | None) -> str | None:
    return node.name if isinstance(node, exp.Literal) and node.is_string else None


def _test(node: exp.Expr) -> Condition | None:
    if isinstance(node, exp.Between):
        low, high = _text(node.args["low"]), _text(node.args["high"])
        return (lambda value: low <= value <= high) if low is not None and high is not None else None
    if isinstance(node, exp.In):
        values = [_text(item) for item in node.expressions]
        return (lambda value: value in values) if values and None not in values else None
    bound = _text(node.args.get("expression"))
    if bound is None:
        return None
    tests: dict[type[exp.Expr], Condition] = {
        exp.EQ: lambda value: value == bound,
        exp.GTE: lambda value: value >= bound,
        exp.GT: lambda value: value > bound,
        exp.LTE: lambda value: value <= bound,
        exp.LT: lambda value: value < bound,
    }
    return tests.get(type(node))
