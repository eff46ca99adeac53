"""What a statement reads and writes in a lake of folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.athena.engine import Engine
from local.athena.errors import StatementError
from local.athena.tables import Field, FolderCatalog, TableSource

DAYS = [f"2026-11-{day:02d}" for day in range(1, 9)]
CONDITIONS = st.one_of(
    st.builds("dt {} '{}'".format, st.sampled_from(["=", "<", "<=", ">", ">=", "<>"]), st.sampled_from(DAYS)),
    st.builds("dt BETWEEN '{}' AND '{}'".format, st.sampled_from(DAYS), st.sampled_from(DAYS)),
    st.builds("dt IN ('{}', '{}')".format, st.sampled_from(DAYS), st.sampled_from(DAYS)),
    st.builds("'{}' < dt".format, st.sampled_from(DAYS)),
    st.sampled_from(["n > 3", "substr(dt, 10) = '4'", "dt IS NOT NULL"]),
)
COMBINED = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(NOT {})".format, inner),
    ),
    max_leaves=5,
)


def unload(query: str, location: str, compression: str = "ZSTD") -> str:
    """An UNLOAD partitioned by day."""
    options = f"format = 'PARQUET', compression = '{compression}', partitioned_by = ARRAY['dt']"
    return f"UNLOAD ({query}) TO '{location}' WITH ({options})"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> FolderCatalog:
    """Eight days with one row each; half of them in the folder of another run."""
    made = FolderCatalog(tmp_path_factory.mktemp("lake"))
    columns, keys = (Field("n", "bigint"),), (Field("dt", "string"),)
    made.tables["t"] = TableSource("t", columns, keys, (), "s3://lake/t/")
    values = ", ".join(f"({n}, '{day}')" for n, day in enumerate(DAYS, start=1))
    query = f"SELECT CAST(n AS bigint) AS n, dt FROM (VALUES {values}) AS v(n, dt)"  # noqa: S608 - constants
    for run in ("one", "two"):
        Engine(made).run(unload(query, f"s3://lake/t/run={run}/"))
    for number, day in enumerate(DAYS):
        made.swap("t", (day,), f"s3://lake/t/run={'one' if number % 2 else 'two'}/dt={day}/")
    return made


@settings(max_examples=60, deadline=None)
@given(condition=COMBINED)
def test_pruning_never_changes_the_rows(catalog: FolderCatalog, condition: str) -> None:
    """The same condition over a subquery, where nothing is pruned, gives the same rows."""
    pruned = Engine(catalog).run(f"SELECT n, dt FROM t WHERE {condition} ORDER BY n")  # noqa: S608 - generated
    whole = Engine(catalog).run(f"SELECT n, dt FROM (SELECT n, dt FROM t) AS s WHERE {condition} ORDER BY n")  # noqa: S608

    assert pruned.rows == whole.rows
    assert pruned.bytes_scanned <= whole.bytes_scanned


def test_each_use_of_a_table_is_pruned_by_its_own_conditions(catalog: FolderCatalog) -> None:
    """A join of two days of one table reads two days."""
    one = Engine(catalog).run("SELECT n, dt FROM t WHERE dt = '2026-11-01'").bytes_scanned
    days = "a.dt = '2026-11-01' AND b.dt = '2026-11-02'"
    sql = f"SELECT a.n, b.n FROM t AS a JOIN t AS b ON a.n + 1 = b.n WHERE {days}"  # noqa: S608 - constants
    both = Engine(catalog).run(sql)

    assert both.rows == [(1, 2)]
    assert both.bytes_scanned == pytest.approx(2 * one, rel=0.2)


def test_a_second_partitioned_unload_to_one_place_doubles_the_rows(tmp_path: Path) -> None:
    """As on AWS: a retry needs a place of its own, or rows come twice."""
    catalog = FolderCatalog(tmp_path)
    for _ in range(2):
        Engine(catalog).run(unload("SELECT 1 AS n, 'x' AS dt", "s3://lake/twice/"))

    assert len(catalog.files("s3://lake/twice/")) == 2


def test_an_unpartitioned_unload_wants_an_empty_place(tmp_path: Path) -> None:
    """Athena looks only then."""
    catalog = FolderCatalog(tmp_path)
    sql = "UNLOAD (SELECT 1 AS n) TO 's3://lake/once/' WITH (format = 'PARQUET')"
    Engine(catalog).run(sql)

    with pytest.raises(StatementError, match="HIVE_PATH_ALREADY_EXISTS"):
        Engine(catalog).run(sql)


def test_a_time_with_a_zone_cannot_be_written(tmp_path: Path) -> None:
    """Hive has no such type: on AWS the statement fails, so it does here."""
    sql = unload("SELECT from_iso8601_timestamp('2026-11-01T00:00:00Z') AS t, 'x' AS dt", "s3://lake/zone/")

    with pytest.raises(StatementError, match="timestamp with time zone"):
        Engine(FolderCatalog(tmp_path)).run(sql)


def test_work_that_does_not_fit_into_memory_goes_to_disk(tmp_path: Path) -> None:
    """A rollup over ten million events has to run on a laptop."""
    engine = Engine(FolderCatalog(tmp_path), memory_limit="64MB", temp_directory=tmp_path, threads=1)
    sql = """SELECT count(*), max(c) FROM (
        SELECT a.n * 1000 + b.n AS n, count(*) AS c, min(a.n) AS a, max(b.n) AS b
        FROM UNNEST(sequence(1, 2000)) AS a(n) CROSS JOIN UNNEST(sequence(1, 1000)) AS b(n) GROUP BY 1)"""

    assert engine.run(sql).rows == [(2000000, 1)]
