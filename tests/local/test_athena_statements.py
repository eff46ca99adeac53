"""Athena runs Trino's SQL and writes what a statement writes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.athena_lake import Lake, lake
from tests.local.emulator_process import Emulator

TURNS = {"turn_id": "string", "variants": "map<string,string>", "cost": "double"}
THREE_DAYS = """
    SELECT 'turn-' || CAST(n AS varchar) AS turn_id, map(ARRAY['LLM_MODEL'], ARRAY['v' || CAST(n AS varchar)])
      AS variants, 0.5e0 * n AS cost, '2026-11-0' || CAST(n AS varchar) AS dt
    FROM UNNEST(sequence(1, 3)) AS t(n)
"""


def unload(query: str, location: str) -> str:
    """An UNLOAD partitioned by day."""
    options = "format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt']"
    return f"UNLOAD ({query}) TO '{location}' WITH ({options})"


@pytest.fixture(scope="module")
def filled(emulator: Emulator) -> Lake:
    """A lake with three days in a table of registered partitions, and the same days in a projected one."""
    made = lake(emulator, "athena-filled", {"turns": TURNS, "turns_projected": TURNS})
    for location in ("turns/run=one/", "turns_projected/"):
        made.run(unload(THREE_DAYS, f"s3://athena-filled/{location}"))
    for day in (1, 2, 3):
        made.register("turns", f"2026-11-0{day}", f"s3://athena-filled/turns/run=one/dt=2026-11-0{day}/")
    return made


def test_the_bare_emulator_knows_duckdb_only(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    made = lake(bare, "athena-bare", {"turns": TURNS})

    unloaded = made.run("UNLOAD (SELECT 1 AS n) TO 's3://athena-bare/x/' WITH (format = 'PARQUET')")
    exploded = made.run("SELECT k FROM UNNEST(map(ARRAY['a'], ARRAY[1])) AS t(k, v)")

    assert unloaded["Status"]["State"] == "FAILED"
    assert exploded["Status"]["State"] == "FAILED"


def test_unload_writes_one_folder_per_day(filled: Lake) -> None:
    """The swap of partitions points to these folders."""
    folders = {key.rpartition("/")[0] for key in filled.keys("turns/run=one/")}

    assert folders == {f"turns/run=one/dt=2026-11-0{day}" for day in (1, 2, 3)}


@pytest.mark.parametrize("table", ["turns", "turns_projected"])
def test_a_map_is_exploded_over_registered_and_projected_partitions(filled: Lake, table: str) -> None:
    """Both kinds of table are in the lake, and both are read by their `dt`."""
    sql = f"""SELECT dt, k, v, cost FROM {table} CROSS JOIN UNNEST(variants) AS u(k, v)
              WHERE dt BETWEEN '2026-11-02' AND '2026-11-03' ORDER BY dt"""  # noqa: S608 - a test's own table

    assert filled.rows(sql) == [
        ["2026-11-02", "LLM_MODEL", "v2", "1.0"],
        ["2026-11-03", "LLM_MODEL", "v3", "1.5"],
    ]


def test_only_partitions_that_the_text_asks_for_are_scanned(filled: Lake) -> None:
    """The price of a statement is the bytes that it scans."""
    whole = filled.run("SELECT sum(cost) FROM turns")["Statistics"]["DataScannedInBytes"]
    one_day = filled.run("SELECT sum(cost) FROM turns WHERE dt = '2026-11-02'")["Statistics"][
        "DataScannedInBytes"
    ]

    assert 0 < one_day < whole


def test_parameters_take_the_place_of_question_marks(filled: Lake) -> None:
    """A question mark inside of a string stays."""
    sql = "SELECT turn_id, '?' FROM turns WHERE dt = ? AND cost < ?"

    assert filled.rows(sql, ExecutionParameters=["'2026-11-02'", "1.5"]) == [["turn-2", "?"]]


def test_a_parameter_that_is_no_literal_is_refused(filled: Lake) -> None:
    """What comes from outside can only ever be a value."""
    with pytest.raises(ClientError) as refusal:
        filled.start("SELECT ? FROM turns", ExecutionParameters=["1 FROM turns; SELECT 2"])

    assert refusal.value.response["Error"]["Code"] == "InvalidRequestException"


def test_results_carry_types_and_nulls_and_lie_where_the_workgroup_says(filled: Lake) -> None:
    """An enforced workgroup overrides the caller's place, and a NULL has no text at all."""
    sql = "SELECT CAST(NULL AS bigint) AS n, 1e7 AS x, ARRAY[1, 2] AS a, DATE '2026-11-02' AS d, 7 / 2 AS h"
    elsewhere = {"OutputLocation": "s3://athena-filled/elsewhere/"}
    execution = filled.run(sql, ResultConfiguration=elsewhere)
    query_id = execution["QueryExecutionId"]
    result = filled.emulator.client("athena").get_query_results(QueryExecutionId=query_id)["ResultSet"]

    location = execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://athena-filled/results/{query_id}.csv"
    assert filled.text(location) == '"n","x","a","d","h"\n,"1.0E7","[1, 2]","2026-11-02","3"\n'
    assert result["Rows"][1]["Data"][0] == {}
    assert [column["Type"] for column in result["ResultSetMetadata"]["ColumnInfo"]] == [
        "bigint",
        "double",
        "array",
        "date",
        "integer",
    ]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT nothing FROM turns", "COLUMN_NOT_FOUND"),
        ("SELECT 1 FROM nowhere", "TABLE_NOT_FOUND"),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO"),
        ("SELECT frobnicate(1)", "FUNCTION_NOT_FOUND"),
        ("UNLOAD (SELECT 1 AS n) TO 's3://athena-filled/turns/' WITH (format = 'PARQUET')",
         "HIVE_PATH_ALREADY_EXISTS"),
        ("SELECT CAST('x' AS bigint)", "INVALID_CAST_ARGUMENT"),
        (unload("SELECT n, CAST(n AS varchar) AS dt FROM UNNEST(sequence(1, 101)) AS t(n)", "s3://athena-filled/many/"),
         "HIVE_TOO_MANY_OPEN_PARTITIONS"),
    ],
)  # fmt: skip
def test_a_statement_fails_with_athenas_name_for_the_reason(filled: Lake, sql: str, code: str) -> None:
    """Retries and alerts tell reasons apart by these names."""
    status = filled.run(sql)["Status"]

    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith(f"{code}: ")
    assert status["AthenaError"]["ErrorCategory"] == 2


def test_nothing_is_left_of_a_statement_that_fails(filled: Lake) -> None:
    """The limit of partitions is found after rows were made: none of them may reach the bucket."""
    query = "SELECT n, CAST(n AS varchar) AS dt FROM UNNEST(sequence(1, 101)) AS t(n)"
    filled.run(unload(query, "s3://athena-filled/crowd/"))

    assert filled.keys("crowd/") == []


@pytest.mark.parametrize(
    "sql", ["SELEC 1", "SELECT 1 FROM", "UNLOAD SELECT 1 TO 's3://b/' WITH (format = 'PARQUET')"]
)
def test_bad_syntax_is_refused_at_the_start(filled: Lake, sql: str) -> None:
    """Athena parses before it accepts."""
    with pytest.raises(ClientError) as refusal:
        filled.start(sql)

    assert refusal.value.response["Error"]["Code"] == "InvalidRequestException"


def test_a_statement_longer_than_the_limit_is_refused(filled: Lake) -> None:
    """262,144 bytes, not characters: the text below has fewer characters than that."""
    with pytest.raises(ClientError, match="262144"):
        filled.start(f"SELECT '{'é' * 140_000}'")


def test_insert_adds_rows_and_registers_the_days(emulator: Emulator) -> None:
    """INSERT INTO takes values by position, the partition's last."""
    made = lake(emulator, "athena-insert", {"turns": TURNS})
    made.run(
        "INSERT INTO turns SELECT 'a', NULL, 1e0, '2026-11-01' UNION ALL SELECT 'b', NULL, 2e0, '2026-11-02'"
    )
    made.run("INSERT INTO turns (cost, turn_id, dt) SELECT 3e0, 'c', '2026-11-02'")

    assert made.rows("SELECT turn_id, cost, dt FROM turns ORDER BY turn_id") == [
        ["a", "1.0", "2026-11-01"],
        ["b", "2.0", "2026-11-02"],
        ["c", "3.0", "2026-11-02"],
    ]


def test_create_table_as_makes_a_table_that_can_be_read(emulator: Emulator) -> None:
    """Only where the workgroup does not keep the place of results to itself."""
    made = lake(emulator, "athena-ctas", {"turns": TURNS}, EnforceWorkGroupConfiguration=False)
    options = "format = 'PARQUET', external_location = 's3://athena-ctas/made/', partitioned_by = ARRAY['dt']"
    query = "SELECT sum(n) AS total, 'x' AS dt FROM UNNEST(ARRAY[1, 2]) AS t(n)"
    made.run(f"CREATE TABLE made WITH ({options}) AS {query}")

    assert made.rows("SELECT total, dt FROM made") == [["3", "x"]]
    columns = emulator.client("glue").get_table(DatabaseName="athena_ctas", Name="made")["Table"][
        "StorageDescriptor"
    ]
    assert [(c["Name"], c["Type"]) for c in columns["Columns"]] == [("total", "bigint")]


def test_an_enforced_workgroup_takes_no_other_place_for_a_table(filled: Lake) -> None:
    """As on AWS: CREATE TABLE AS with a place of its own fails there, UNLOAD does not."""
    options = "format = 'PARQUET', external_location = 's3://athena-filled/other/'"
    status = filled.run(f"CREATE TABLE other WITH ({options}) AS SELECT 1 AS n")["Status"]

    assert status["State"] == "FAILED"


def test_a_statement_that_would_scan_too_much_is_cancelled(emulator: Emulator) -> None:
    """The workgroup's bound keeps a mistake from costing money."""
    made = lake(emulator, "athena-bounded", {"turns": TURNS}, BytesScannedCutoffPerQuery=150)
    made.run(
        "INSERT INTO turns SELECT 'a', NULL, 1e0, '2026-11-01' UNION ALL SELECT 'b', NULL, 2e0, '2026-11-02'"
    )
    one_day = made.run("SELECT sum(cost) FROM turns WHERE dt = '2026-11-01'")["Status"]
    everything = made.run("SELECT * FROM turns")["Status"]

    assert one_day["State"] == "SUCCEEDED"
    assert everything["State"] == "CANCELLED"
    assert "Bytes scanned limit was exceeded" in everything["StateChangeReason"]


def test_a_running_statement_can_be_stopped(filled: Lake) -> None:
    """A rollup that is given up must not go on scanning."""
    query_id = filled.start(
        "SELECT sum(a.n * b.n) FROM UNNEST(sequence(1, 300000)) AS a(n), UNNEST(sequence(1, 300000)) AS b(n)"
    )
    filled.emulator.client("athena").stop_query_execution(QueryExecutionId=query_id)
    status: dict[str, Any] = filled.ended(query_id)["Status"]

    assert status["State"] == "CANCELLED"
    assert filled.rows("SELECT 1 AS n") == [["1"]]


def test_columns_that_an_old_object_lacks_are_null(emulator: Emulator) -> None:
    """A field that was added yesterday, also inside of a struct, must not hide last month."""
    made = lake(
        emulator, "athena-older", {"turns": {"a": "bigint", "s": "struct<x:bigint,y:string>", "b": "string"}}
    )
    old = "SELECT BIGINT '1' AS a, CAST(ROW(BIGINT '5') AS ROW(x bigint)) AS s, '2026-11-01' AS dt"
    made.run(unload(old, "s3://athena-older/turns/"))
    made.register("turns", "2026-11-01", "s3://athena-older/turns/dt=2026-11-01/")

    assert made.rows("SELECT a, s.x, s.y, b FROM turns") == [["1", "5", None, None]]


def test_a_column_of_another_type_than_declared_is_bad_data(emulator: Emulator) -> None:
    """DuckDB would cast it; Athena does not, so neither may this."""
    made = lake(emulator, "athena-types", {"turns": {"a": "bigint"}})
    made.run(unload("SELECT 1.5e0 AS a, '2026-11-01' AS dt", "s3://athena-types/turns/"))
    made.register("turns", "2026-11-01", "s3://athena-types/turns/dt=2026-11-01/")

    assert made.run("SELECT a FROM turns")["Status"]["StateChangeReason"].startswith("HIVE_BAD_DATA")
