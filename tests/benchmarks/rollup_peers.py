# ruff: noqa: S608 -- every name in these statements is the benchmark's own
"""Does the work of the rollup with another tool. Runs in the peers' own environment.

The argument names the work, `ENGINE-STEP`; the rest comes as JSON on stdin: `{source, target, metrics,
measures, memory_limit, threads, through, users}`. `source` is a glob of Parquet objects below `dt=…` folders,
`target` a folder to write to. Seconds and peak memory go to stdout; the sums of `gold` and `rollup` lie in
`target/gold.json`.

These are what somebody would write who had no Athena: doubles for sums, one statement for each step.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

Asked = Mapping[str, Any]
KEYS = ("dt", "category", "variant_id")
SUMS = ("n", "total", "squares", "numerator", "denominator", "numerator_squares", "denominator_squares")


def duckdb_silver(asked: Asked) -> None:
    """Write each turn once, by its day, with what the later steps need of it and its last rating."""
    bronze = f"read_parquet('{asked['source']}', hive_partitioning = false)"
    _write_days(
        asked,
        f"""
        WITH copied AS MATERIALIZED (SELECT turn_id FROM {bronze} GROUP BY turn_id HAVING count(*) > 1),
        turns AS (
            SELECT * FROM {bronze} WHERE turn_id NOT IN (FROM copied)
            UNION ALL
            (SELECT DISTINCT ON (turn_id) * FROM {bronze} WHERE turn_id IN (FROM copied)
             ORDER BY turn_id, recorded_at)
        ),
        ends AS (SELECT session_id, max("timestamp") AS ended FROM {bronze} GROUP BY session_id),
        ratings AS (
            SELECT turn_id, arg_max(rating, created_at) AS rating
            FROM read_parquet('{asked["feedback"]}', hive_partitioning = false)
            WHERE rating IS NOT NULL GROUP BY turn_id
        )
        SELECT t.*, r.rating AS given, t."timestamp" < e.ended AS continued, t."timestamp"[:10] AS dt
        FROM turns AS t LEFT JOIN ends AS e USING (session_id) LEFT JOIN ratings AS r USING (turn_id)
        """,
    )


def duckdb_units(asked: Asked) -> None:
    """Write what each unit had of each variant on each day, with who came back and the crises after."""
    silver = f"read_parquet('{asked['source']}', hive_partitioning = true, hive_types_autocast = false)"
    measures = ", ".join(f"sum({expression}) AS {name}" for name, expression in asked["measures"].items())
    by_user = ", ".join(f"'{category}'" for category in asked["users"])
    unit = f'CASE WHEN "key" IN ({by_user}) THEN user_id_hash ELSE session_id END'
    laid_out = (
        "unnest(list_concat(map_entries(exposures), [{'key': 'SERVICE', 'value': 'all'}]), recursive := true)"
    )
    _write_days(
        asked,
        f"""
        WITH units AS (
            SELECT dt, "key" AS category, "value" AS variant_id, {unit} AS unit_id,
                any_value(user_id_hash) AS user_id_hash,
                count(*) AS exposed_turns, {measures}
            FROM (SELECT *, {laid_out} FROM {silver} WHERE screened AND crisis_flag_level < 2)
            GROUP BY ALL
        ),
        troubled AS (
            SELECT *, {laid_out} FROM {silver} WHERE screened AND crisis_flag_level < 2
                AND session_id IN (SELECT session_id FROM {silver} WHERE crisis_flag_level >= 2)
        ),
        crises AS (
            SELECT e.dt, e."key" AS category, e."value" AS variant_id, e.unit_id, count(*) AS crisis_turns
            FROM (
                SELECT session_id, received_at, dt, "key"
                FROM {silver} JOIN (SELECT DISTINCT session_id, "key" FROM troubled) USING (session_id)
                WHERE crisis_flag_level >= 2
            ) AS k
            ASOF JOIN (
                SELECT session_id, received_at, dt, "key", "value", {unit} AS unit_id FROM troubled
            ) AS e
                ON e.session_id = k.session_id AND e."key" = k."key" AND e.received_at < k.received_at
            WHERE k.dt::DATE - e.dt::DATE <= 1
            GROUP BY ALL
        ),
        visits AS (
            SELECT DISTINCT user_id_hash, day
            FROM (SELECT user_id_hash, session_id, min(dt) AS day FROM {silver} GROUP BY ALL)
        ),
        returns AS (
            SELECT d.user_id_hash, d.dt, coalesce(v.day::DATE - d.dt::DATE <= 7, false) AS returned
            FROM (SELECT DISTINCT user_id_hash, dt FROM {silver}) AS d
            ASOF LEFT JOIN visits AS v ON v.user_id_hash = d.user_id_hash AND v.day > d.dt
            WHERE d.dt::DATE + 7 <= DATE '{asked["through"]}'
        )
        SELECT u.*, coalesce(k.crisis_turns, 0) AS crisis_turns, r.returned
        FROM units AS u
        LEFT JOIN crises AS k USING (dt, category, variant_id, unit_id)
        LEFT JOIN returns AS r USING (user_id_hash, dt)
        """,
    )


def duckdb_rollup(asked: Asked) -> None:
    """From silver to gold in one statement: every exposure of every turn, its units, their sums."""
    measures = ", ".join(f"sum({expression}) AS {name}" for name, expression in asked["measures"].items())
    by_user = ", ".join(f"'{category}'" for category in asked["users"])
    _write_gold(
        asked,
        f"""
        WITH exposed AS (
            SELECT dt, session_id, user_id_hash, rating, latency_total_ms, latency_llm_ttft_ms, cost_usd,
                screen_cost_usd, quality_score, tokens_input, tokens_output, continued, attempts,
                fallback_used, degraded, screen_answer, guardrail_triggered,
                unnest(list_concat(map_entries(exposures),
                    [{{'key': 'SERVICE', 'value': 'all'}}]), recursive := true)
            FROM read_parquet('{asked["source"]}', hive_partitioning = true, hive_types_autocast = false)
            WHERE screened AND crisis_flag_level < 2
        ),
        units AS (
            SELECT dt, "key" AS category, "value" AS variant_id,
                CASE WHEN "key" IN ({by_user}) THEN user_id_hash ELSE session_id END AS unit_id,
                count(*) AS exposed_turns, {measures}
            FROM exposed GROUP BY ALL
        )
        SELECT dt, category, variant_id, count(*) AS units, {_columns(asked)} FROM units GROUP BY ALL
        """,
    )


def duckdb_gold(asked: Asked) -> None:
    """From units to gold."""
    _write_gold(
        asked,
        f"""
        WITH units AS (
            SELECT * FROM read_parquet('{asked["source"]}', hive_partitioning = true,
                hive_types_autocast = false)
        ),
        mixed AS (SELECT dt, category, unit_id FROM units GROUP BY ALL HAVING count(*) > 1)
        SELECT dt, category, variant_id, count(*) AS units, count(DISTINCT user_id_hash) AS users,
            count(mixed.unit_id) AS mixed_units, sum(crisis_turns) AS crisis_turns,
            count(*) FILTER (WHERE returned) AS returned, {_columns(asked)}
        FROM units LEFT JOIN mixed USING (dt, category, unit_id)
        GROUP BY dt, category, variant_id
        """,
    )


def duckdb_histograms(asked: Asked) -> None:
    """Exact quantiles of the latencies, where the lake has bins that merge."""
    _duckdb(asked).execute(f"""
        COPY (
            SELECT dt, "key" AS category, "value" AS variant_id,
                quantile_cont(latency_total_ms, [0.5, 0.95, 0.99]),
                quantile_cont(latency_llm_ttft_ms, [0.5, 0.95, 0.99]) FILTER (WHERE latency_llm_ttft_ms > 0)
            FROM (
                SELECT dt, latency_total_ms, latency_llm_ttft_ms, unnest(list_concat(map_entries(exposures),
                    [{{'key': 'SERVICE', 'value': 'all'}}]), recursive := true)
                FROM read_parquet('{asked["source"]}', hive_partitioning = true, hive_types_autocast = false)
                WHERE screened AND crisis_flag_level < 2
            ) GROUP BY ALL
        ) TO '{asked["target"]}/quantiles.parquet' (FORMAT PARQUET)
    """)


def polars_gold(asked: Asked) -> None:
    """From units to gold, lazily and in the streaming engine."""
    pl: Any = import_module("polars")
    frame = pl.scan_parquet(asked["source"], hive_partitioning=True, try_parse_hive_dates=False)
    mixed = (
        frame.group_by("dt", "category", "unit_id").len().filter(pl.col("len") > 1).drop("len")
    ).with_columns(mixed=pl.lit(value=True))
    exact = [pl.len().alias("units"), pl.col("user_id_hash").n_unique().alias("users")]
    sums = []
    for metric in asked["metrics"]:
        numerator = pl.col(metric["numerator"]).cast(pl.Float64) / metric["scale"]
        denominator = pl.col(metric["denominator"]).cast(pl.Float64)
        counts = denominator > 0
        if metric["kind"] == "mean":
            value = numerator if metric["value"] == "sum" else (numerator / denominator)
            inside = value if metric["value"] == "sum" else value.filter(counts)
            own = (inside.count(), inside.sum(), (inside * inside).sum())
        else:
            success = {
                "any": numerator > 0,
                "all": numerator >= denominator,
                "most": 2 * numerator > denominator,
            }[metric["unit_success"]]
            own = (counts.sum(), (counts & success).sum(), pl.lit(0.0))
        pairs = (
            numerator.filter(counts).sum(),
            denominator.filter(counts).sum(),
            (numerator * numerator).filter(counts).sum(),
            (denominator * denominator).filter(counts).sum(),
        )
        sums += [
            expression.cast(pl.Float64).alias(f"{metric['name']}.{name}")
            for name, expression in zip(SUMS, (*own, *pairs), strict=True)
        ]
    found = (
        frame.join(mixed, on=["dt", "category", "unit_id"], how="left")
        .group_by(*KEYS)
        .agg(*exact, pl.col("mixed").count().alias("mixed_units"), *sums)
        .collect(engine="streaming")
    )
    _keep(asked, found.to_dicts())


def pandas_gold(asked: Asked) -> None:
    """From units to gold, all of it in memory."""
    pd: Any = import_module("pandas")
    metrics = asked["metrics"]
    needed = {metric[side] for metric in metrics for side in ("numerator", "denominator")}
    root = asked["source"].partition("/dt=")[0]
    frame = pd.read_parquet(
        root, columns=[*KEYS, "unit_id", "user_id_hash", *sorted(needed)], dtype_backend="numpy_nullable"
    )
    for name in KEYS:
        frame[name] = frame[name].astype("category")
    groups = frame.groupby(list(KEYS), observed=True)
    found = groups.agg(units=("unit_id", "size"), users=("user_id_hash", "nunique"))
    several = frame.groupby(["dt", "category", "unit_id"], observed=True)["unit_id"].transform("size") > 1
    found["mixed_units"] = several.groupby([frame[name] for name in KEYS], observed=True).sum()
    for metric in metrics:
        numerator = frame[metric["numerator"]].astype("float64") / metric["scale"]
        denominator = frame[metric["denominator"]].astype("float64")
        counts = denominator > 0
        if metric["kind"] == "mean":
            value = numerator if metric["value"] == "sum" else (numerator / denominator).where(counts)
            parts = [value.notna().astype("float64"), value, value * value]
        else:
            success = {
                "any": numerator > 0,
                "all": numerator >= denominator,
                "most": 2 * numerator > denominator,
            }[metric["unit_success"]]
            parts = [counts.astype("float64"), (counts & success).astype("float64"), numerator * 0]
        inside = numerator.where(counts), denominator.where(counts)
        parts += [*inside, inside[0] ** 2, inside[1] ** 2]
        for name, part in zip(SUMS, parts, strict=True):
            found[f"{metric['name']}.{name}"] = part.groupby(
                [frame[key] for key in KEYS], observed=True
            ).sum()
    _keep(asked, found.reset_index().to_dict("records"))


def _columns(asked: Asked) -> str:
    """The sums of all metrics as plain SQL in doubles."""
    found = []
    for metric in asked["metrics"]:
        numerator = f"({metric['numerator']}::DOUBLE / {metric['scale']})"
        denominator = f"{metric['denominator']}::DOUBLE"
        inside = f"FILTER (WHERE {denominator} > 0)"
        if metric["kind"] == "mean":
            value = numerator if metric["value"] == "sum" else f"({numerator} / nullif({denominator}, 0))"
            own = (f"count({value})", f"sum({value})", f"sum({value} * {value})")
        else:
            success = {
                "any": f"{numerator} > 0",
                "all": f"{numerator} >= {denominator}",
                "most": f"2 * {numerator} > {denominator}",
            }[metric["unit_success"]]
            own = (f"count_if({denominator} > 0)", f"count_if({denominator} > 0 AND {success})", "0")
        pairs = (
            f"sum({numerator}) {inside}",
            f"sum({denominator}) {inside}",
            f"sum({numerator} * {numerator}) {inside}",
            f"sum({denominator} * {denominator}) {inside}",
        )
        found += [
            f'{expression} AS "{metric["name"]}.{name}"'
            for name, expression in zip(SUMS, (*own, *pairs), strict=True)
        ]
    return ", ".join(found)


def _duckdb(asked: Asked) -> Any:
    connection = import_module("duckdb").connect(
        config={"threads": asked["threads"], "memory_limit": asked["memory_limit"]}
    )
    connection.execute(f"SET temp_directory = '{asked['target']}/spill'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET parquet_metadata_cache = true")
    return connection


def _write_days(asked: Asked, sql: str) -> None:
    """Write rows by their `dt`, and hold no more of them in memory than ours does."""
    connection = _duckdb(asked)
    connection.execute("SET partitioned_write_flush_threshold = 8192")
    connection.execute(
        f"COPY ({sql}) TO '{asked['target']}/days' "
        "(FORMAT PARQUET, COMPRESSION zstd, PARTITION_BY (dt), ROW_GROUP_SIZE_BYTES '64MB')"
    )


def _write_gold(asked: Asked, sql: str) -> None:
    answer = _duckdb(asked).execute(sql)
    names = [column[0] for column in answer.description]
    _keep(asked, [dict(zip(names, row, strict=True)) for row in answer.fetchall()])


def _keep(asked: Asked, rows: list[dict[str, Any]]) -> None:
    text = json.dumps(rows, default=float)
    Path(asked["target"], "gold.json").write_text(text, encoding="utf-8")


WORK: Mapping[str, Callable[[Asked], None]] = {
    "duckdb-silver": duckdb_silver,
    "duckdb-units": duckdb_units,
    "duckdb-rollup": duckdb_rollup,
    "duckdb-gold": duckdb_gold,
    "duckdb-histograms": duckdb_histograms,
    "polars-gold": polars_gold,
    "pandas-gold": pandas_gold,
}


def main() -> None:
    """Do the work that the first argument names."""
    name = sys.argv[1]
    asked = json.load(sys.stdin)
    Path(asked["target"]).mkdir(parents=True, exist_ok=True)
    import_module(name.partition("-")[0])
    started = time.perf_counter()
    WORK[name](asked)
    json.dump(
        {
            "seconds": time.perf_counter() - started,
            "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
