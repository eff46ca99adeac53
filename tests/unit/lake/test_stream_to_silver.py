"""From two streams with every fault in their way to silver: each turn one row, with its last rating."""

import json
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.support.lake import Lake
from tests.support.lake_events import feedback_item, stream_record, turn_item
from tests.support.lake_intake import Intake, drained

FIRST = date(2026, 11, 1)
DAYS = 7
TURNS = 1_500
SHARDS = 4


def _id(number: int) -> str:
    return f"01a1fd55-7a80-72d3-a652-{number:012d}"


def _moment(number: int) -> str:
    day = FIRST + timedelta(number % DAYS)
    return f"{day}T{number % 24:02d}:{number % 60:02d}:00+00:00"


def _turns(random: Random) -> list[dict[str, Any]]:
    kinds: dict[str, dict[str, Any]] = {"newer": {"tomorrow": 1}, "poison": {"retry_count": "x"}, "good": {}}
    return [
        turn_item(
            _id(number),
            session_id=f"session-{number // 5}",
            timestamp=_moment(number),
            recorded_at=_moment(number),
            **kinds[random.choices(list(kinds), (5, 1, 94))[0]],
        )
        for number in range(TURNS)
    ]


def _ratings(random: Random) -> list[dict[str, Any]]:
    """Return up to three ratings each of some turns, given up to five days after them."""
    return [
        feedback_item(
            f"feedback-{number}-{times}",
            turn_id=_id(number),
            rating=random.randint(1, 5),
            created_at=f"{FIRST + timedelta(number % DAYS + random.randint(0, 5))}T23:00:0{times}+00:00",
        )
        for number in random.sample(range(TURNS), 300)
        for times in range(random.randint(1, 3))
    ]


def _faulty(intake: Intake, random: Random) -> None:
    """Plan refusals at any place and deaths after delivery for the next hundreds of batches."""
    for delivery in (intake.turn_events, intake.feedback):
        delivery.deaths = [random.random() < 0.1 for _ in range(500)]
        delivery.refusals = [
            set(random.sample(range(40), random.choices((0, 1, 3), (8, 1, 1))[0])) for _ in range(500)
        ]


def test_every_turn_is_one_row_with_its_last_rating(tmp_path: Path) -> None:
    """Poison replayed, batches redelivered, shards read twice, arrivals late and out of order."""
    random = Random(1)
    intake, turns, ratings = Intake(), _turns(random), _ratings(random)
    items = [*turns, *ratings]
    random.shuffle(items)
    for shard in range(SHARDS):
        records = [stream_record(item, number) for number, item in enumerate(items[shard::SHARDS])]
        for _ in range(1 + (shard == 0)):
            _faulty(intake, random)
            drained(records, 40, intake)
    _faulty(intake, random)
    intake.turn_events.deaths = []
    for item in turns:
        intake.stored.items["turn_events", item["turn_id"]] = {**item, "retry_count": 0}
    messages = [(str(place), json.dumps(facts)) for place, facts in enumerate(intake.quarantine.kept)]
    while messages:
        stays = {each.message_id for each in intake.replay(messages) if each.stays}
        messages = [message for message in messages if message[0] in stays]

    lake = Lake(tmp_path)
    arriving: dict[date, tuple[list[Any], list[Any]]] = defaultdict(lambda: ([], []))
    for place, documents in enumerate((intake.turn_events.documents, intake.feedback.documents)):
        for document in map(json.loads, documents):
            happened = date.fromisoformat((document.get("timestamp") or document["created_at"])[:10])
            arriving[happened + timedelta(random.choice((0, 0, 0, 1, 9)))][place].append(document)
    for day, (events, feedback) in arriving.items():
        lake.arrive(day, events, feedback)
    lake.refresh(FIRST, FIRST + timedelta(DAYS - 1), tables=["silver_turns"])

    last: dict[str, dict[str, Any]] = {}
    for rating in sorted(ratings, key=lambda each: (each["created_at"], each["feedback_id"])):
        last[rating["turn_id"]] = rating
    rows = lake.rows("silver_turns")
    assert len(intake.turns()) > TURNS
    assert len(set(intake.poison())) > 5
    assert sorted(row["turn_id"] for row in rows) == [_id(number) for number in range(TURNS)]
    expected = {turn_id: float(rating["rating"]) for turn_id, rating in last.items()}
    assert {row["turn_id"]: row["rating"] for row in rows if row["rating"] is not None} == expected
