"""How statements are rendered, and that the files are what the generator makes."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from silent_infinity.data import load
from silent_infinity.domain.lake import statements
from silent_infinity.domain.lake.arms import Arm
from silent_infinity.domain.lake.metrics import ALL, ANY, EXPOSED, MEAN, MOST, RATE, RATIO, SUM, metrics
from silent_infinity.domain.lake.refined import REFINED, SILVER_TURNS
from silent_infinity.domain.lake.statements import StatementError
from silent_infinity.schemas.lake import statements as generated
from tests.support.lake import Lake

SQL = Path(__file__).parents[3] / "statemachines" / "sql"
DAY = date(2026, 11, 20)
LOCATION = "s3://lake/gold/costs/run=night-1/"
FUNCTIONS = {"IF", "CARDINALITY", "FILTER", "COALESCE"}
"""What an expression in a data file may call."""


def _unload(table: str = "gold_experiments", **changes: Any) -> str:
    values: dict[str, Any] = {
        "first": DAY,
        "last": DAY,
        "through": DAY,
        "arrived_until": DAY,
        "location": LOCATION,
        "arms": [Arm("LLM_MODEL", "opus", DAY, ("sonnet",))],
        **changes,
    }
    return statements.unload(table, **values)


@pytest.mark.parametrize("name", sorted(generated()))
def test_the_file_is_what_the_generator_makes(name: str) -> None:
    """Whoever changes a metric and forgets the statements is told here, not by a night's figures."""
    assert (SQL / f"{name}.sql").read_text(encoding="utf-8") == generated()[name]


@pytest.mark.parametrize("table", [one.name for one in REFINED])
def test_every_refined_table_has_a_statement_that_renders_whole(table: str) -> None:
    """A placeholder that is left over would reach Athena at half past one at night."""
    sql = _unload(table)

    assert sql.startswith("UNLOAD (")
    assert f"TO '{LOCATION}'" in sql
    assert "$" not in sql
    assert len(sql.encode()) < 262_144


@pytest.mark.parametrize(
    "location",
    [
        "s3://lake/gold/costs/run=1",
        "s3://lake/",
        "s3://lake/a'b/",
        "s3://lake/a/../b/",
        "s3://lake/a//b/",
        "s3://lake/a/\n",
        "s3://LAKE/a/",
        "https://lake/a/",
        "s3://lake/a/' WITH (format = 'CSV')/",
        "",
        None,
        7,
    ],
)
def test_a_location_is_a_folder_of_a_bucket_or_nothing(location: Any) -> None:
    """It stands between quotes in a statement that may write: nothing else may come out of it."""
    with pytest.raises(StatementError, match="location"):
        _unload(location=location)


@pytest.mark.parametrize(
    "value", ["2026-11-20", "2026-11-20' OR '1' = '1", datetime(2026, 11, 20, tzinfo=UTC), None, 20261120]
)
def test_a_day_is_a_date_and_not_a_text_that_looks_like_one(value: Any) -> None:
    """Texts come from requests; a date has been parsed by somebody."""
    with pytest.raises(StatementError, match="last"):
        _unload(last=value)


@pytest.mark.parametrize(
    "arm",
    [
        Arm("LLM_MODEL'", "a", DAY, ()),
        Arm("LLM_MODEL", "a'), ('", DAY, ()),
        Arm("LLM_MODEL", "a", DAY, ("b", "c'")),
        Arm("", "a", DAY, ()),
        Arm("LLM_MODEL", "a\n", DAY, ()),
        Arm("LLM_MODEL", "a", "2026-11-20", ()),  # type: ignore[arg-type]
    ],
)
def test_an_arm_whose_names_are_no_names_is_refused(arm: Arm) -> None:
    """Variant ids come from the registry, which operators write."""
    with pytest.raises(StatementError):
        _unload(arms=[arm])


def test_more_arms_than_can_run_are_refused() -> None:
    """A broken snapshot must not make a statement that Athena refuses for its length."""
    with pytest.raises(StatementError, match="arms"):
        _unload(arms=[Arm("LLM_MODEL", f"a{number}", DAY, ()) for number in range(101)])


@given(st.text(max_size=80))
def test_no_text_gets_out_of_a_word(text: str) -> None:
    """Whatever is taken comes out between the same two quotes, and has none inside."""
    try:
        sql = _unload(arms=[Arm("LLM_MODEL", text, DAY, ())])
    except StatementError:
        return

    assert f"('LLM_MODEL', '{text}', '{text}', '2026-11-20')" in sql
    assert re.fullmatch(r"[A-Za-z0-9._-]+", text)


def test_values_that_are_missing_or_too_many_are_refused() -> None:
    """A statement that silently ignores a bound reads, or replaces, other days than it was told."""
    with pytest.raises(StatementError, match="takes"):
        statements.render("gold_intents", first=DAY, last=DAY)
    with pytest.raises(StatementError, match="takes"):
        statements.render("gold_intents", first=DAY, last=DAY, location=LOCATION, through=DAY)


@pytest.mark.parametrize("name", ["../../prompts/x", "nothing", "", "gold_intents.sql", "Gold_Intents"])
def test_only_the_statements_that_exist_can_be_rendered(name: str) -> None:
    """The name of a table comes from a workflow's payload."""
    with pytest.raises(StatementError, match="no such"):
        statements.render(name)
    with pytest.raises(StatementError, match="no such"):
        _unload(name)


def test_a_table_that_is_not_gold_is_not_read_for_publishing() -> None:
    """Silver has pseudonyms: they leave the lake by no statement of ours."""
    with pytest.raises(StatementError, match="no such"):
        statements.gold_rows("silver_turns", DAY, DAY)


def test_days_around_a_day_are_counted_by_the_calendar() -> None:
    """Statements read the day before and the week after, over the ends of months and years."""
    sql = _unload("unit_days", first=date(2026, 12, 31), last=date(2026, 12, 31))

    assert "'2027-01-07'" in sql
    assert "'2026-12-30'" in _unload("silver_turns", first=date(2026, 12, 31), last=date(2026, 12, 31))


def test_a_statement_without_arms_compares_nothing(lake: Lake) -> None:
    """A registry without experiments is usual, and no error."""
    lake.refresh(DAY, DAY, tables=["gold_experiments"])

    assert lake.rows("gold_experiments") == []


@pytest.mark.parametrize("table", [one.name for one in REFINED])
def test_a_statement_gives_the_columns_of_its_table_in_their_order(lake: Lake, table: str) -> None:
    """Parquet files are read by name, so that a misspelt column would be null for good and never noticed."""
    query = re.sub(r"\)\nTO .*", "", _unload(table), flags=re.DOTALL).removeprefix("UNLOAD (")
    [definition] = [one for one in REFINED if one.name == table]
    columns = lake.columns(query)

    assert columns == [(one.name, one.type) for one in (*definition.columns, *definition.partitions)]


@pytest.mark.parametrize(
    "text", [text for one in metrics() for text in (one.numerator, one.denominator) if text]
)
def test_an_expression_of_a_metric_says_what_it_may(text: str) -> None:
    """It is put into a statement as it is: columns of silver, comparisons, and a few functions."""
    _check_expression(text)


@pytest.mark.parametrize("row", load("failure_categories.json")["failures"], ids=lambda row: row["name"])
def test_a_condition_of_a_failure_says_what_it_may(row: dict[str, str]) -> None:
    """As with metrics."""
    _check_expression(row["condition"])

    assert re.fullmatch(r"[a-z_]+", row["name"])


def _check_expression(text: str) -> None:
    tree = sqlglot.parse_one(text, read="trino")
    columns = {column.name for column in tree.find_all(exp.Column)} - {"mark"}
    called = {
        (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).upper()
        for call in tree.find_all(exp.Func)
        if not isinstance(call, exp.Connector | exp.Binary)
    }

    assert columns <= {column.name for column in SILVER_TURNS.columns}
    assert called <= FUNCTIONS | {"ARRAY_SIZE", "ARRAY_FILTER"}
    assert not list(tree.find_all(exp.Select, exp.Subquery))
    assert ";" not in text
    assert "--" not in text


def test_metrics_are_whole_definitions() -> None:
    """A mean without a value or a rate without a success would be left out of the statements in silence."""
    names = [metric.name for metric in metrics()]

    assert len(names) == len(set(names))
    for metric in metrics():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
        assert (metric.kind, metric.value, metric.unit_success) in {
            *((MEAN, value, "") for value in (RATIO, SUM)),
            *((RATE, "", success) for success in (ANY, ALL, MOST)),
        }
        assert (metric.population == EXPOSED) == bool(metric.numerator and metric.denominator)
        assert metric.scale >= 1
        assert metric.kind == MEAN or metric.scale == 1
        assert metric.direction in {"lower", "higher", "none"}
        assert metric.unit in {"ms", "usd", "tokens", "share", "points", "turns"}
