"""The judgement of the load: the one benchmark that can fail must fail for every kind of wrong record."""

import pytest

from tests.benchmarks.load import PEOPLE, TURNS, Records, conversations, disagreements
from tests.benchmarks.traffic import Answer, Series

ACCEPTED = [
    {"turn_id": "t1", "session_id": "s1"},
    {"turn_id": "t2", "session_id": "s1"},
    {"turn_id": "t3", "session_id": "s2"},
]
EVENTS = (("t1", "s1"), ("t2", "s1"), ("t3", "s2"))
COUNTED = {"s1": 2, "s2": 1}


def test_a_load_whose_records_agree_passes() -> None:
    """Three answers, three events, two sessions that count three turns."""
    assert disagreements(ACCEPTED, Records(EVENTS, COUNTED)) == []


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (Records(EVENTS[:2], COUNTED), ["1 accepted turns have no turn event"]),
        (Records((*EVENTS, ("t9", "s2")), COUNTED), ["1 turn events belong to no accepted turn"]),
        (Records((*EVENTS, EVENTS[0]), COUNTED), ["1 turns have two turn events"]),
        (Records(EVENTS, {"s1": 3, "s2": 1}), ["1 sessions count more or fewer turns than were accepted"]),
        (Records(EVENTS, {"s1": 2}), ["1 sessions count more or fewer turns than were accepted"]),
    ],
    ids=["lost", "for nobody", "double", "counted twice", "never counted"],
)
def test_a_wrong_record_is_found(records: Records, expected: list[str]) -> None:
    """A check that was never seen failing proves nothing about a thousand turns."""
    assert disagreements(ACCEPTED, records) == expected


def test_one_turn_id_for_two_answers_is_found() -> None:
    """Two messages would then share one event, and sets alone would not show it."""
    twice = [*ACCEPTED, {"turn_id": "t3", "session_id": "s2"}]

    assert disagreements(twice, Records(EVENTS, {"s1": 2, "s2": 2})) == [
        "1 turn ids were given to two answers"
    ]


def test_the_conversations_are_a_thousand_turns_and_the_same_every_time() -> None:
    """Two runs are comparable only if they say the same."""
    talks = conversations()

    assert sum(len(talk.messages) for talk in talks) == TURNS
    assert {talk.person for talk in talks} == set(range(PEOPLE))
    assert any(len(talk.messages) == 1 for talk in talks)
    assert any(len(talk.messages) > 5 for talk in talks)
    assert max(len(message) for talk in talks for message in talk.messages) == 4000
    assert talks == conversations()


def test_a_series_tells_latency_throughput_and_statuses() -> None:
    """Two series become one by their answers and their time, as if one had followed the other."""
    one = Series((Answer(200, b"", 10), Answer(503, b"", 30)), seconds=1)
    both = one + Series((Answer(200, b"", 20), Answer(200, b"", 40)), seconds=3)

    assert both.ms(50) == 20
    assert both.per_second == 1
    assert both.statuses == {200: 3, 503: 1}
