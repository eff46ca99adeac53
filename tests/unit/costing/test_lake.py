"""What the lake costs: arithmetic by hand, the design's numbers from the design, the page from the data."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costing import lake, lake_page
from costing.lake import GB, MB, TB, Lake, priced
from silent_infinity.adapters.aws import firehose
from silent_infinity.domain.lake import days, report, run
from silent_infinity.domain.lake.tables import TABLES
from silent_infinity.domain.weeks import Week
from stacks.constructs import delivery_stream, lake_intake

ROOT = Path(__file__).parents[3]


def _table(layer: str, small: int, large: int) -> dict[str, Any]:
    return {"grows": layer != "gold", "layer": layer, "rows": 100, "days": 10, "objects": 1,
            "small": small, "large": large}  # fmt: skip


def _statement(name: str, days: int, **reads: tuple[int, int]) -> dict[str, Any]:
    return {
        "statement": name,
        "written_days": days,
        "reads": {
            table: {"uses": 2, "columns": 1, "days": 1, "objects": 1, "small": small, "large": large}
            for table, (small, large) in reads.items()
        },
    }


MEASURED: dict[str, Any] = {
    "events": 1_000,
    "feedback": 100,
    "days": 10,
    "rows_an_object": {"small": 342, "large": 40_000},
    "json_bytes": {"turn_events": 3_000, "feedback": 300},
    "item_bytes": 2_500,
    "consumer_cpu_ms": 1.0,
    "variant_metrics": {"items_a_day": 10, "bytes": 2_000, "units": 2},
    "tables": {
        "bronze_turn_events": _table("bronze", 300_000, 150_000),
        "silver_turns": _table("silver", 200_000, 100_000),
        "gold_costs": _table("gold", 5_000, 5_000),
    },
    "night": [
        _statement("silver_turns", 8, bronze_turn_events=(200_000, 100_000)),
        _statement("gold_costs", 15, silver_turns=(60_000, 30_000), gold_costs=(500, 400)),
        _statement("gold_variant_days", 15, silver_turns=(60_000, 30_000)),
        _statement("rows of gold_variant_days", 0, gold_costs=(500, 500)),
    ],
    "week": [_statement("report: days", 0, gold_costs=(500, 500))] * 2,
}
"""A hundred turns a day."""
MEASURED["night_all_late"] = MEASURED["night"]

PROD = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]["prod"]
MONTH = 365 / 12


def _lake(turns_a_day: float) -> Lake:
    return Lake(round(turns_a_day * MONTH), MEASURED)


def test_bytes_grow_with_the_turns_of_a_day_and_those_of_gold_do_not() -> None:
    """Gold has a row for a variant and a day, whoever came: scaled along, it would be dear and wrong."""
    found = _lake(100_000).scanned(MEASURED["night"][1])

    assert found == pytest.approx(30_000 * 1_000 + 500, rel=1e-4)


def test_small_objects_of_bronze_are_counted_with_their_footers() -> None:
    """At a million turns a month they are as many bytes again."""
    few, many = 30_000, 3_000_000
    statement = MEASURED["night"][0]

    assert _lake(few).scanned(statement) == pytest.approx(200_000 * few / 100, rel=1e-3)
    assert _lake(many).scanned(statement) == pytest.approx(100_000 * many / 100, rel=1e-3)


@pytest.mark.parametrize(
    ("scanned", "billed"),
    [(0, 10 * MB), (10 * MB, 10 * MB), (10 * MB + 1, 11 * MB), (3 * TB - 1, 3 * TB)],
)
def test_athena_bills_whole_megabytes_and_at_least_ten(scanned: int, billed: int) -> None:
    """The least is what a small lake pays for nearly every statement."""
    assert _lake(100).billed(scanned) == billed


def test_a_months_statements_cost_five_dollars_a_terabyte() -> None:
    """Three statements of the night read 10 MB or less, silver 2,000 MB. By hand."""
    night = {one.statement: one for one in _lake(1_000_000).athena("night")}
    silver = _lake(1_000_000).billed(100_000 * 10_000)

    assert night["silver_turns"].runs == pytest.approx(MONTH)
    assert night["silver_turns"].usd == pytest.approx(MONTH * silver / TB * 5)
    assert night["rows of gold_variant_days"].usd == pytest.approx(MONTH * 10 * MB / TB * 5)
    assert [one.runs for one in _lake(100).athena("week")] == [pytest.approx(2 * MONTH / 7)]


def test_tiers_are_paid_one_after_the_other() -> None:
    """A terabyte of the second tier is cheaper, one of the first is not."""
    price = {"tiers": [[100, 0.5], [300, 0.25], [None, 0.125]]}

    assert [priced(price, each) for each in (0, 100, 200, 300, 500)] == [0, 50, 75, 100, 125]


def test_what_is_free_is_not_paid() -> None:
    """The catalogue's first million requests."""
    assert [priced({"usd": 2.0, "free": 10}, each) for each in (5, 10, 11)] == [0, 0, 2]


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_more_never_costs_less(one: int, other: int) -> None:
    """Neither turns nor gigabytes."""
    less, more = sorted((one, other))
    price = lake.prices()["prices"]["s3_gb_month"]

    assert priced(price, less) <= priced(price, more)
    assert Lake(less).firehose_bytes() <= Lake(more).firehose_bytes() * (1 + 1e-9)
    for kind in ("night", "night_all_late"):
        bronze = {Lake(turns).layout("bronze_turn_events") for turns in (less, more)}
        if len(bronze) == 1:
            bills = [sum(line.usd for line in Lake(turns).athena(kind)) for turns in (less, more)]
            assert bills[0] <= bills[1]


def test_an_event_that_is_a_record_of_its_own_is_billed_as_five_kilobytes() -> None:
    """Why the consumer packs: 3,000 bytes cost as much as 5,120, and feedback seventeen times its size."""
    month = _lake(10_000_000)

    assert month.firehose_bytes(packed=False) == pytest.approx(month.turns * 1.1 * 5_120, rel=1e-6)
    assert month.firehose_bytes() == pytest.approx(month.turns * (3_000 + 30), rel=0.02)


def test_the_consumer_is_called_once_a_window_and_shard_until_batches_are_full() -> None:
    """Four shards: 240 calls an hour at little traffic; at much traffic a call for 500 events."""
    little, much = Lake(10_000_000, MEASURED), Lake(500_000_000, MEASURED)
    seconds = MONTH * 86_400

    assert little.batches(1.0) == pytest.approx(seconds / 60 * 4)
    assert little.batches(0.001) == pytest.approx(seconds * 0.001)
    assert much.batches(5_000.0) == pytest.approx(seconds * 10)


def test_storage_is_what_a_day_adds_and_what_the_sweep_has_not_taken() -> None:
    """Silver: a year, and three nights' copies of eight days each. Bronze has no copies."""
    found = _lake(3_000_000).stored(12, "night")

    assert found["bronze"] == pytest.approx(150_000 * 3_000 * 365, rel=1e-4)
    assert found["silver"] == pytest.approx(100_000 * 3_000 * (365 + 24), rel=1e-4)
    assert found["gold"] == pytest.approx(500 * (365 + 45), rel=1e-4)


def test_a_bill_adds_up_line_by_line() -> None:
    """Each price that there is has its line; a line that nobody made would be missing without a word."""
    lines = Lake(100_000_000).bill()
    money = lake.prices()["prices"]
    by = {(line.service, line.what): line for line in lines}

    assert len(lines) == len(money)
    assert by["Firehose", "conversion"].usd == pytest.approx(0.018 * Lake(100_000_000).firehose_bytes() / GB)
    assert by["DynamoDB", "stream reads"].usd == 0
    assert sum(line.usd for line in lines) > sum(line.usd for line in Lake(100_000_000).bill("night"))


def test_every_price_says_where_it_is_from() -> None:
    """A figure without a source cannot be checked when it changes."""
    for each in (*lake.prices()["prices"].values(), *lake.prices()["limits"].values()):
        assert each["source"].startswith(("https://aws.amazon.com/", "https://docs.aws.amazon.com/"))


def test_the_designs_numbers_are_those_of_the_design() -> None:
    """The page would go on about a batch of 500 when nobody batches any more."""
    assert lake.BATCH == lake_intake.BATCH
    assert lake_intake.WINDOW.to_seconds() == lake.BATCH_SECONDS
    assert lake_intake._MEMORY_MB == lake.CONSUMER_MB
    assert lake.BUFFER_MB == delivery_stream.BUFFER_MB
    assert lake.RECORD_BYTES == firehose.RECORD_BYTES
    assert run.KEPT.days == lake.SWEPT_AFTER_DAYS
    assert PROD["lake_buffer_seconds"] == lake.BUFFER_SECONDS
    assert PROD["athena_scan_limit_gb"] == lake.SCAN_LIMIT_GB


def test_a_night_has_as_many_states_as_are_billed() -> None:
    """Counted along the workflow: a night in which all goes well, with three phases."""
    machine = json.loads((ROOT / "statemachines/nightly_rollup.asl.json").read_text(encoding="utf-8"))
    states, phases = machine["States"], 3
    chosen = {"Is the lake free?", "Are late arrivals looked for?", "May this run act?"}
    count, name = 0, machine["StartAt"]
    while True:
        count += 1
        state = states[name]
        if state["Type"] == "Succeed":
            break
        if name in chosen or (name == "Is another phase left?" and phases):
            phases -= name == "Is another phase left?"
            name = state["Choices"][0]["Next"]
        else:
            name = state.get("Next") or state["Default"]
    inside = states["Rebuild the partitions"]["ItemProcessor"]["States"]
    item = ["Begin the partitions"]
    while "Next" in inside[item[-1]]:
        item.append(inside[item[-1]]["Next"])

    assert count == lake.STATES_A_NIGHT
    assert len(item) == lake.STATES_AN_ITEM


def test_the_page_has_the_tables_of_the_data() -> None:
    """Whoever changes a price, a measurement or the arithmetic runs `python -m costing.lake_page`."""
    text = lake_page.PAGE.read_text(encoding="utf-8")

    assert lake_page.written(text) == text
    assert all(f"made by costing/lake_page.py: {name} -->" in text for name in lake_page.tables())


def test_the_night_that_was_measured_is_the_night_that_is_planned() -> None:
    """A statement that is new, or a window that is longer, has to be measured again."""
    window = days.window_of(days.Asked("2026-11-20"), date(2026, 11, 21))
    every = [window.oldest + timedelta(number) for number in range((window.first - window.oldest).days)]
    for kind, late in (("night", []), ("night_all_late", every)):
        planned = [
            (item.table, len(item.days))
            for phase in days.phases(TABLES, window, late)
            for item in phase.items
        ]
        measured = [(one["statement"], one["written_days"]) for one in lake.measured()[kind]]

        assert [one for one in measured if one[1]] == planned
    assert len(lake.measured()["week"]) == len(report.queries(Week.of("2026-W46")))


def test_every_table_has_a_title_in_the_terminal() -> None:
    """The command would end in the middle of its tables."""
    assert set(lake_page.TITLES) == set(lake_page.tables())


def test_a_table_that_was_changed_by_hand_is_made_anew() -> None:
    """The test above would hold of a page whose tables nothing writes."""
    text = lake_page.PAGE.read_text(encoding="utf-8")
    broken = text.replace("| `late_days` | 30 |", "| `late_days` | 31 |")

    assert broken != text
    assert lake_page.written(broken) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1000, "1000 B"), (1024, "1.00 kB"), (15 * GB, "15.0 GB")],
)
def test_sizes_have_three_digits(count: int, text: str) -> None:
    """Nobody compares numbers of fourteen digits."""
    assert lake_page.size(count) == text
