"""What the statements make of turns, one case after the other."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.support import lake_traffic
from tests.support.lake import Lake, needed
from tests.support.vectors import description, load_vectors

CASES = load_vectors("lake_rows.json")
FIRST, LAST = date(2026, 11, 10), date(2026, 11, 20)
"""The days of the cases, of which the last one is the last complete one."""


def _turns(case: dict[str, Any]) -> list[tuple[date, dict[str, Any]]]:
    found = []
    for given in case.get("turns", ()):
        row = dict(given)
        at, times, arrives = row.pop("at"), row.pop("times", 1), row.pop("arrives", None)
        if row.get("screen_model"):
            row["screen_model"] = lake_traffic.screen(**row["screen_model"])
        if calls := row.pop("calls", None):
            row["model_calls"] = [lake_traffic.call(**call) for call in calls]
        event = lake_traffic.turn(at, **row)
        found += [(date.fromisoformat(arrives or at[:10]), event)] * times
    return found


@pytest.mark.parametrize("case", CASES, ids=description)
def test_a_case_gives_the_rows_that_it_says(lake: Lake, case: dict[str, Any]) -> None:
    """Each is a rule about who counts, and for what: an experiment is judged by the sum of them."""
    for day, row in _turns(case):
        lake.arrive(day, turns=[row])
    for given in case.get("feedback", ()):
        row = dict(given)
        arrives = row.pop("arrives", row["at"][:10])
        lake.arrive(date.fromisoformat(arrives), feedback=[lake_traffic.feedback(**row)])

    asked = {row["table"] for row in case["rows"]}
    lake.refresh(FIRST, LAST, tables=needed(asked))

    for expected in case["rows"]:
        found = [
            row
            for row in lake.rows(expected["table"])
            if all(row[name] == value for name, value in expected["where"].items())
        ]
        if expected["row"] is None:
            assert found == []
        else:
            [row] = found
            assert {name: row[name] for name in expected["row"]} == expected["row"]


def test_a_day_without_turns_has_no_rows_and_fails_nothing(lake: Lake) -> None:
    """The first night of an environment, and every quiet one."""
    lake.refresh(FIRST, FIRST + timedelta(1))

    assert all(rows == [] for rows in lake.everything().values())


def test_copies_that_differ_leave_the_least_one(lake: Lake) -> None:
    """Nothing writes them; if they ever come, every night must choose the same."""
    turns = [
        lake_traffic.turn(
            "2026-11-10T10:00", turn_id="a", recorded_at=f"2026-11-10T10:00:0{second}+00:00", intent=intent
        )
        for second, intent in ((7, "late"), (3, "early"), (5, "later"))
    ]
    for turn in turns:
        lake.arrive(FIRST, turns=[turn])

    lake.refresh(FIRST, FIRST)

    assert [row["intent"] for row in lake.rows("silver_turns")] == ["early"]
