"""Rows of gold become the figures that operators see, number by number."""

from datetime import date

import pytest

from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.lake.published import Figures, GoldError, experiments, variant_days
from silent_infinity.domain.lake.refined import GOLD_EXPERIMENTS, GOLD_HISTOGRAMS, GOLD_VARIANT_DAYS
from silent_infinity.domain.variant_sums import Counts, DayOfVariant, Pairs, Sums
from tests.support.gold import gold_row, histogram_rows

COUNTS = Counts(500, 501, 212, 1310, 1290, 3, 1)
COST = Sums("mean", 500, 7.025, 0.1413, Pairs(7.025, 1290.0, 0.1413, 4021.0, 25.5))
COMPLETION = Sums("rate", 500, 431.0, 0.0, Pairs(790.0, 1290.0, 1311.0, 4021.0, 2210.0))
MONDAY = date(2026, 11, 16)


def test_rows_become_days() -> None:
    """One item for each variant and day, with all its metrics, its counts and its histograms."""
    rows = [
        gold_row(("LLM_MODEL", "a"), MONDAY, "cost_usd", COST, COUNTS),
        gold_row(("LLM_MODEL", "a"), MONDAY, "completion", COMPLETION, COUNTS),
        gold_row(("LLM_MODEL", "b"), MONDAY, "cost_usd", COST, COUNTS),
    ]
    drawn = histogram_rows(("LLM_MODEL", "a"), MONDAY, "latency_total_ms", Histogram({170: 3, 171: 9}))

    histograms = {"latency_total_ms": Histogram({170: 3, 171: 9})}
    metrics = {"cost_usd": COST, "completion": COMPLETION}
    assert variant_days(rows, drawn) == (
        DayOfVariant("LLM_MODEL", "a", MONDAY, metrics, COUNTS, histograms),
        DayOfVariant("LLM_MODEL", "b", MONDAY, {"cost_usd": COST}, COUNTS),
    )


def test_a_day_of_answers_alone_is_a_day() -> None:
    """People may tell how likely they are to recommend it on a day on which nobody writes."""
    [day] = variant_days([], histogram_rows(("SERVICE", "all"), MONDAY, "nps", Histogram({9: 2})))

    assert (day.metrics, day.counts, day.histograms) == ({}, None, {"nps": Histogram({9: 2})})


def test_an_arm_stands_beside_its_production() -> None:
    """Each arm has production over the same days: two arms of a category began on different ones."""
    arms = [("new", "new"), ("new", "old"), ("newer", "newer"), ("newer", "old")]
    rows = [
        gold_row(("LLM_MODEL", variant), MONDAY, metric, sums, COUNTS, arm_id=arm, since="2026-11-02")
        for arm, variant in arms
        for metric, sums in (("cost_usd", COST), ("completion", COMPLETION))
    ]
    figures = Figures({"cost_usd": COST, "completion": COMPLETION}, COUNTS)

    assert experiments(rows) == {
        ("LLM_MODEL", "new"): {"new": figures, "old": figures},
        ("LLM_MODEL", "newer"): {"newer": figures, "old": figures},
    }


@pytest.mark.parametrize("column", ["dt", "category", "variant_id", "metric", "kind", "n", "total", "cross"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_row_that_lacks_something_is_an_error(column: str, value: str | None) -> None:
    """Nought in its place would be a figure that looks like one."""
    row = {**gold_row(("LLM_MODEL", "a"), MONDAY, "cost_usd", COST, COUNTS), column: value}

    with pytest.raises(GoldError, match=column):
        variant_days([row])


@pytest.mark.parametrize(("column", "value"), [("n", "1.5"), ("total", "much"), ("dt", "yesterday")])
def test_an_error_names_the_column_and_never_the_value(column: str, value: str) -> None:
    """Errors reach logs."""
    row = {**gold_row(("LLM_MODEL", "a"), MONDAY, "cost_usd", COST, COUNTS), column: value}

    with pytest.raises(GoldError) as caught:
        variant_days([row])
    assert column in str(caught.value)
    assert value not in str(caught.value)


def test_every_column_that_is_read_is_in_the_tables() -> None:
    """The tables are defined elsewhere: a column that is renamed there must not be missed at night."""
    row = gold_row(("LLM_MODEL", "a"), MONDAY, "cost_usd", COST, COUNTS)
    [drawn] = histogram_rows(("LLM_MODEL", "a"), MONDAY, "latency_total_ms", Histogram({1: 1}))
    day = {"dt"}

    assert row.keys() - day <= {column.name for column in GOLD_VARIANT_DAYS.columns}
    assert drawn.keys() - day == {column.name for column in GOLD_HISTOGRAMS.columns}
    assert {*row, "arm_id", "since"} - day <= {column.name for column in GOLD_EXPERIMENTS.columns}
