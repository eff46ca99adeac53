"""No turn, and no client, can make a night fail for everybody else."""

import time
from datetime import date, timedelta
from typing import Any

import pytest

from silent_infinity.domain.lake.published import variant_days
from tests.support import lake_traffic
from tests.support.lake import Lake

DAY = date(2026, 11, 10)
LARGEST = 2**63 - 1
ALL_NIGHT = 20.0
"""Seconds. The session below takes less than one; compared turn by turn it took minutes, and all memory."""


def _texts(rows: list[dict[str, Any]]) -> list[dict[str, str | None]]:
    return [{name: None if value is None else str(value) for name, value in row.items()} for row in rows]


@pytest.mark.parametrize(
    "hostile",
    [
        {"exposures": {"LLM_MODEL": ""}},
        {"exposures": {"": "x"}},
        {"exposures": {f"C{number}": "v" * 64 for number in range(2000)}},
        {"model_calls": [lake_traffic.call(tokens_input=LARGEST) for _ in range(2)]},
        {"model_calls": [lake_traffic.call(tokens_cache_read=LARGEST) for _ in range(2)]},
        {"model_calls": [lake_traffic.call(tokens_output=-LARGEST) for _ in range(2)]},
        {"model_calls": [lake_traffic.call(cost_usd=1e300)]},
        {"model_calls": [lake_traffic.call(cost_usd=-1e300)]},
        {"screen_model": lake_traffic.screen(model_id="m", tokens_input=LARGEST)},
        {"tokens_cache_read": LARGEST, "turn_number": LARGEST, "referrals": LARGEST, "retry_count": LARGEST},
        {"turn_id": "x" * 5000, "session_id": "'; DROP TABLE silver_turns; --"},
        {"intent": "<script>\u202e\x1b[2J", "page_url": "/" + "\x1b]0;x\x07" * 40, "turn_class": "=1+1"},
        {"timestamp": "0001-01-01T00:00:00+00:00"},
        {"timestamp": "9999-12-31T23:59:59.999999+00:00"},
    ],
    ids="-".join,
)
def test_a_night_with_a_hostile_turn_ends_and_keeps_everybody_elses(
    lake: Lake, hostile: dict[str, Any]
) -> None:
    """What a schema lets through is not what a sum can take: one turn must never cost a night."""
    good = [lake_traffic.turn(f"2026-11-10T10:0{minute}", turn_id=f"good-{minute}") for minute in range(3)]
    at = "2026-11-10T11:00"
    bad = [lake_traffic.turn(at, **{"turn_id": f"bad-{number}", **hostile}) for number in range(2)]
    lake.arrive(DAY, turns=good + bad)

    lake.refresh(DAY, DAY)

    assert {row["turn_id"] for row in lake.rows("silver_turns")} >= {turn["turn_id"] for turn in good}
    published = variant_days(_texts(lake.rows("gold_variant_days")), _texts(lake.rows("gold_histograms")))
    [service] = [day for day in published if day.category == "SERVICE"]
    assert service.counts is not None
    assert service.counts.turns >= len(good)
    assert lake.rows("gold_costs") is not None


def test_a_session_that_swings_between_crisis_and_talk_all_day_costs_no_more_than_others(lake: Lake) -> None:
    """At the pace that a client is allowed it has 28,000 turns a day: their pairs must not be laid out."""
    start = lake_traffic.turn("2026-11-10T00:00", session_id="busy")
    turns = []
    for number in range(12_000):
        moment = timedelta(seconds=6 * number)
        at = f"2026-11-10T{moment // timedelta(hours=1):02d}:{moment.seconds // 60 % 60:02d}"
        turns.append(
            {
                **start,
                "turn_id": f"t{number:05d}",
                "timestamp": f"{at}:{moment.seconds % 60:02d}.000000+00:00",
                "crisis_flag_level": 3 * (number % 2),
            }
        )
    lake.arrive(DAY, turns=turns)
    lake.refresh(DAY, DAY, tables=["silver_turns"])

    begun = time.monotonic()
    lake.refresh(DAY, DAY, tables=["unit_days"])

    assert time.monotonic() - begun < ALL_NIGHT
    [unit] = [row for row in lake.rows("unit_days") if row["category"] == "SERVICE"]
    assert (unit["exposed_turns"], unit["crisis_turns"]) == (6000, 6000)
