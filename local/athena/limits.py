"""What Athena refuses whatever the SQL says, each with its source."""

from __future__ import annotations

QUERY_BYTES = 262_144
"""Bytes of a query string in UTF-8. https://docs.aws.amazon.com/athena/latest/ug/service-limits.html"""

OPEN_WRITERS = 100
"""Partitions that one UNLOAD, INSERT INTO or CREATE TABLE AS writes at most.
https://docs.aws.amazon.com/athena/latest/ug/unload.html
https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html"""

NAME = r"[a-z][a-z0-9_]{0,254}"
"""Names of tables and columns: lower case, digits and underscores, at most 255 of them. Athena takes a
leading underscore only in backquotes. https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html"""

_TRINO = "https://trino.io/docs/current/functions"

_BY_PAGE = {
    "aggregate": (
        "any_value approx_distinct approx_percentile arbitrary array_agg avg bitwise_and_agg "
        "bitwise_or_agg bool_and bool_or corr count count_if covar_samp every histogram map_agg max max_by "
        "min min_by stddev "
        "sum var_samp variance"
    ),
    "array": (
        "all_match any_match array_except array_intersect array_join array_max array_min "
        "array_position array_remove array_sort arrays_overlap cardinality concat contains "
        "element_at filter none_match reduce sequence slice transform zip"
    ),
    "bitwise": ("bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor"),
    "conditional": ("coalesce greatest if least nullif try"),
    "conversion": ("cast try_cast"),
    "datetime": (
        "date date_add date_diff date_format date_parse date_trunc day day_of_week from_iso8601_date "
        "from_iso8601_timestamp from_unixtime hour month to_unixtime year"
    ),
    "map": ("map map_concat map_entries map_filter map_from_entries map_keys map_values transform_values"),
    "math": (
        "abs ceil ceiling exp floor from_base infinity is_finite is_nan ln log log10 mod nan pow power round "
        "sign sqrt to_base truncate"
    ),
    "regexp": ("regexp_extract regexp_like"),
    "string": ("length lower lpad replace split split_part starts_with strpos substr substring trim upper"),
    "window": ("first_value lag last_value lead rank dense_rank row_number"),
}

FUNCTIONS = {f"{_TRINO}/{page}.html": frozenset(names.split()) for page, names in _BY_PAGE.items()}
"""The functions that statements may use, by the page that describes them.

Athena's engine version 3 has the functions of Trino but for those named on its own page
(https://docs.aws.amazon.com/athena/latest/ug/functions-env3.html); these are the ones that are known to be
there and to be carried over by `transpile`.
"""
