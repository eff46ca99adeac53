"""Objects of two releases under one table: whichever release asks, both are read, by one statement."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from silent_infinity.domain.lake.bronze import TURN_EVENTS
from silent_infinity.domain.lake.evolution import breaches, paths
from silent_infinity.domain.lake.model import Column, Table
from tests.support.lake import BUCKET, Lake, write_parquet
from tests.support.lake_events import turn_item

DAY = date(2026, 11, 21)
CALL = {"turn_class": "TC4", "outcome": "ok", "total_ms": 7, "notes": ["retry"]}
ADDED = {
    "latency_ms": ("intent_ms:bigint>", "intent_ms:bigint,tool_ms:bigint>"),
    "model_calls": ("notes:array<string>>>", "notes:array<string>,seed:bigint>>"),
}
"""A part more in a struct, and in the struct of a list. A column more comes with `tool`."""


def _tomorrow() -> Table:
    columns = [
        replace(column, type=column.type.replace(*ADDED.get(column.name, ("", ""))))
        for column in TURN_EVENTS.columns
    ]
    return replace(TURN_EVENTS, columns=(*columns, Column("tool", "string")))


TOMORROW = _tomorrow()
OLD = turn_item("old", model_calls=[CALL])
NEW = {
    **turn_item("new", model_calls=[{**CALL, "seed": 5}]),
    "latency_ms": {**turn_item()["latency_ms"], "tool_ms": 3},
    "tool": "search",
}


def _lake(tmp_path: Path, reader: Table) -> Lake:
    lake = Lake(tmp_path, tables=[reader])
    folder = lake.catalog.folder(f"s3://{BUCKET}/{TURN_EVENTS.prefix}dt={DAY}/hour=09")
    folder.mkdir(parents=True)
    write_parquet([OLD], TURN_EVENTS, folder / "1.parquet")
    write_parquet([NEW], TOMORROW, folder / "2.parquet")
    return lake


def _asked(lake: Lake, columns: Sequence[str]) -> list[dict[str, Any]]:
    return lake.run(
        f"SELECT turn_id, {', '.join(columns)} FROM bronze_turn_events "  # noqa: S608 -- names of this test
        f"WHERE dt = '{DAY}' ORDER BY turn_id DESC"
    )


def test_the_change_is_one_that_is_allowed() -> None:
    """Else this would show something that the history refuses."""
    assert breaches(paths(TURN_EVENTS.columns), paths(TOMORROW.columns)) == []
    assert len(paths(TOMORROW.columns)) == len(paths(TURN_EVENTS.columns)) + 3


def test_tomorrows_columns_are_null_in_yesterdays_objects(tmp_path: Path) -> None:
    """In the event, in a struct and in the struct of a list; everything else is as it was written."""
    columns = ("tool", "latency_ms.tool_ms AS tool_ms", "model_calls[1].seed AS seed", "cost_usd")
    rows = _asked(_lake(tmp_path, TOMORROW), columns)

    assert rows == [
        {"turn_id": "old", "tool": None, "tool_ms": None, "seed": None, "cost_usd": OLD["cost_usd"]},
        {"turn_id": "new", "tool": "search", "tool_ms": 3, "seed": 5, "cost_usd": NEW["cost_usd"]},
    ]


def test_yesterdays_release_reads_tomorrows_objects(tmp_path: Path) -> None:
    """After a roll-back the objects of the release that was taken back are still there."""
    columns = ("latency_ms.intent_ms AS intent_ms", "model_calls[1].outcome AS outcome", "intent")
    rows = _asked(_lake(tmp_path, TURN_EVENTS), columns)

    assert [row["turn_id"] for row in rows] == ["old", "new"]
    assert {row["outcome"] for row in rows} == {"ok"}
    assert {json.dumps([row["intent_ms"], row["intent"]]) for row in rows} == {
        json.dumps([OLD["latency_ms"]["intent_ms"], OLD["intent"]])
    }


@pytest.mark.parametrize("reader", [TURN_EVENTS, TOMORROW], ids=["yesterday", "tomorrow"])
def test_lists_are_read_whole(reader: Table, tmp_path: Path) -> None:
    """A struct that has grown must not shift what is in the list."""
    rows = _asked(_lake(tmp_path, reader), ["model_calls[1].notes AS notes", "cardinality(model_calls) AS n"])

    assert [(list(row["notes"]), row["n"]) for row in rows] == [(["retry"], 1), (["retry"], 1)]
