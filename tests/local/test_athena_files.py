"""Every statement of the lake is one that AWS takes: grammar, limits, known functions, types."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.athena import grammar
from local.athena.check import problems, schema_of
from local.athena.engine import Engine
from local.athena.limits import QUERY_BYTES
from local.athena.statements import Unload, read
from local.athena.tables import FolderCatalog
from local.tools.catalogue import SQL
from silent_infinity.domain.lake import statements
from silent_infinity.domain.lake.arms import Arm
from silent_infinity.domain.lake.refined import REFINED
from silent_infinity.domain.lake.tables import TABLES
from tests.local.emulator_process import ROOT

FILES = sorted(path.stem for path in (ROOT / "statemachines" / "sql").glob("*.sql"))
TODAY = date(2026, 11, 20)
ARMS = [Arm("LLM_MODEL", f"arm-{number}", TODAY, ("production",)) for number in range(100)]
EXAMPLES: dict[str, Any] = {
    "day": TODAY,
    "prefix": "s3://bucket/silver/turns/run=one/",
    "word": "LLM_MODEL",
    "identifier": "gold_costs",
    "identifiers": ["dt", "calls"],
    "count": 7,
    "arms": ARMS,
}


@cache
def rendered(name: str) -> str:
    """A statement with the largest values that its placeholders take."""
    text = (ROOT / "statemachines" / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    declared = re.findall(r"^-- ([a-z_]+): ([a-z]+), ", text, flags=re.MULTILINE)
    return statements.render(name, **{key: EXAMPLES[kind] for key, kind in declared if kind in EXAMPLES})


def query_of(sql: str) -> str:
    """What Trino's grammar covers: an UNLOAD around it is Athena's own."""
    statement = read(sql)
    return statement.query_text if isinstance(statement, Unload) else sql


def test_there_are_statements_for_every_table() -> None:
    """The tests below run over the files: none of them may be missing."""
    assert {table.name for table in REFINED} <= set(FILES)


def test_every_statement_fits_trinos_grammar() -> None:
    """sqlglot takes much that Trino refuses."""
    assert grammar.errors({name: query_of(rendered(name)) for name in FILES}, SQL) == {}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT FROM t",
        "SELECT a b c FROM t",
        "SELECT cross FROM t",
        "SELECT a FROM t LIMIT 1 OFFSET 2",
        "SELECT * EXCLUDE (a) FROM t",
        "SELECT a FROM t QUALIFY row_number() OVER (ORDER BY a) = 1",
        "SELECT a::bigint FROM t",
        "",
        "SELECT 1; SELECT 2",
    ],
)
def test_the_grammar_refuses_what_trino_refuses(sql: str) -> None:
    """A check that takes everything would prove nothing: most of these run in DuckDB."""
    assert list(grammar.errors({"bad": sql, "good": "SELECT a FROM t WHERE b > 1"}, SQL)) == ["bad"]


def test_without_the_grammar_nothing_passes(tmp_path: Path) -> None:
    """A missing tool must not look like a clean statement."""
    with pytest.raises(grammar.GrammarUnavailableError):
        grammar.errors({"good": "SELECT 1"}, tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_statement_keeps_athenas_limits(name: str) -> None:
    """Bytes, names, partitions last, functions on the list, no comparison of text with anything else."""
    assert problems(rendered(name), schema_of(TABLES)) == []


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT list_sum(ARRAY[1])", "list_sum is not in the list"),
        ("SELECT count(*) FROM silver_turns WHERE dt >= DATE '2026-11-20'", "text and time"),
        ("SELECT count(*) FROM silver_turns WHERE dt = 20261120", "number and text"),
        ("SELECT count(*) FROM (SELECT 1 AS n) AS t WHERE n = '1'", "number and text"),
        ("SELECT coalesce(turn_id, 0) FROM silver_turns", "number and text"),
        ("SELECT turn_id + 1 FROM silver_turns", "number and text"),
        ("SELECT bitwise_left_shift(BIGINT '1', date_diff('day', DATE '2026-11-19', DATE '2026-11-20'))", "no integer"),  # noqa: E501
        ("SELECT bitwise_right_shift(attempts, attempts) FROM silver_turns", "no integer"),
        (f"SELECT '{'x' * QUERY_BYTES}'", "bytes are more than"),
        ("UNLOAD (SELECT 1 AS dt, 2 AS n) TO 's3://b/' WITH (format = 'PARQUET', partitioned_by = ARRAY['dt'])",  # noqa: E501
         "not the last"),
        ('UNLOAD (SELECT 1 AS "A b") TO \'s3://b/\' WITH (format = \'PARQUET\')', "no name of a column"),
        ("UNLOAD (SELECT 1 AS n, 2 AS n) TO 's3://b/' WITH (format = 'PARQUET')", "more than once"),
        ("SELECT 1 FROM", "SYNTAX_ERROR"),
    ],
)  # fmt: skip
def test_a_statement_that_athena_refuses_has_a_problem(sql: str, problem: str) -> None:
    """Each of these but the last runs in DuckDB."""
    assert any(problem in found for found in problems(sql, schema_of(TABLES)))


@pytest.mark.parametrize("name", [table.name for table in REFINED])
def test_a_statement_runs_over_a_lake_without_objects(name: str, tmp_path: Path) -> None:
    """The first night of a new environment; it also binds every column and type of the statement."""
    outcome = Engine(FolderCatalog.of(tmp_path, TABLES, "bucket")).run(rendered(name))

    assert outcome.location == EXAMPLES["prefix"]
