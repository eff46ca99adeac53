"""What a statement reads, use by use: what Athena's price depends on."""

from pathlib import Path

import duckdb
import pytest

from costing.lake_measure import size_of
from costing.lake_scans import scans
from local.athena.engine import Engine
from local.athena.tables import FolderCatalog
from silent_infinity.domain.lake.model import Column, Table

TURNS = Table(
    name="turns",
    layer="silver",
    prefix="turns/",
    comment="",
    columns=(
        Column("id", "string"),
        Column("ms", "bigint"),
        Column("cost", "double"),
        Column("note", "string"),
    ),
    partitions=(Column("dt", "string"),),
)


@pytest.fixture
def catalog(tmp_path: Path) -> FolderCatalog:
    """Two days of turns."""
    found = FolderCatalog.of(tmp_path, [TURNS])
    for day in ("2026-11-20", "2026-11-21"):
        location = f"s3://lake/turns/dt={day}/"
        folder = found.folder(location)
        folder.mkdir(parents=True)
        query = "SELECT n::varchar AS id, n AS ms, n / 7 AS cost, 'x' || n AS note FROM range(5000) AS r(n)"
        duckdb.execute(f"COPY ({query}) TO '{folder}/1.parquet'")
        found.swap("turns", (day,), location)
    return found


def read(sql: str, catalog: FolderCatalog) -> list[tuple[tuple[str, ...], int]]:
    """Return the columns and the number of days of each use."""
    return sorted((scan.columns, len(scan.partitions)) for scan in scans(sql, catalog, ["turns"]))


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT sum(ms) AS s FROM turns", [(("ms",), 2)]),
        ("SELECT sum(ms) AS s FROM turns WHERE dt = '2026-11-21' AND id <> ''", [(("id", "ms"), 1)]),
        ("SELECT s FROM (SELECT ms AS s, note FROM turns WHERE dt >= '2026-11-21') AS q", [(("ms",), 1)]),
        (
            "WITH t AS (SELECT * FROM turns) SELECT a.ms FROM t AS a JOIN t AS b ON a.id = b.id",
            [(("id",), 2), (("id", "ms"), 2)],
        ),
        (
            "WITH t AS (SELECT id, cost FROM turns), u AS (SELECT id FROM t) "
            "SELECT t.cost FROM t LEFT JOIN u ON u.id = t.id",
            [(("cost", "id"), 2), (("id",), 2)],
        ),
        (
            "SELECT id FROM turns WHERE dt = '2026-11-20' UNION ALL SELECT note FROM turns",
            [(("id",), 1), (("note",), 2)],
        ),
    ],
)
def test_each_use_of_a_table_has_its_columns_and_days(
    sql: str, found: list[tuple[tuple[str, ...], int]], catalog: FolderCatalog
) -> None:
    """A WITH that is named twice is read twice, each time with what is asked of it there."""
    assert read(sql, catalog) == found


def test_the_engine_counts_the_same_where_a_table_is_used_once(catalog: FolderCatalog) -> None:
    """Two ways to the same figure: one asks the optimiser, the other the names in the text."""
    [scan] = scans("SELECT id, cost FROM turns", catalog, ["turns"])
    files = [str(path) for part in scan.partitions for path in catalog.files(part.location)]
    names = ", ".join(f"'{column}'" for column in scan.columns)
    [(found,)] = duckdb.execute(
        "SELECT sum(total_compressed_size) "  # noqa: S608 - a test's own names
        f"FROM parquet_metadata({files}) WHERE path_in_schema IN ({names})"
    ).fetchall()

    assert found == Engine(catalog).run("SELECT id, cost FROM turns").bytes_scanned


def test_an_items_size_is_what_dynamodb_counts() -> None:
    """Names and values in UTF-8, two digits of a number to a byte and one more, three for a map and one for
    each of its entries.
    """
    item = {
        "pk": {"S": "añb"},
        "n": {"N": "-12.5"},
        "m": {"M": {"x": {"BOOL": True}, "y": {"L": [{"NULL": True}]}}},
    }

    assert size_of(item) == (2 + 4) + (1 + 3) + (1 + 3 + (1 + 1 + 1) + (1 + 5 + 1))
