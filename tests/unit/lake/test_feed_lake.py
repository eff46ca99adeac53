"""From the streams into bronze: nothing lost, nothing held up, no word let through."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.lake.arrivals import TURN_EVENTS, PoisonError, line, place
from silent_infinity.usecases.feed_lake import Fed
from tests.support.lake_events import feedback_item, stream_record, turn_item
from tests.support.lake_intake import Intake, drained
from tests.support.vectors import description, load_vectors

CANARY = "canarylake7q"
VALIDATOR = JsonSchemaValidator()


@pytest.fixture
def lake() -> Intake:
    """An empty one."""
    return Intake()


def _records(*items: dict[str, Any]) -> list[dict[str, Any]]:
    return [stream_record(item, number) for number, item in enumerate(items)]


def test_turns_and_feedback_reach_their_tables(lake: Intake) -> None:
    """One function reads both streams; the key of an item says which table it is from."""
    fed = lake(_records(turn_item("a"), feedback_item("b"), turn_item("c")))

    assert fed == Fed(delivered=3, quarantined=(), again_from=None)
    assert fed.to_payload() == {"batchItemFailures": []}
    assert lake.turns() == ["a", "c"]
    [document] = map(json.loads, lake.feedback.documents)
    assert (document["feedback_id"], document["rating"], document["nps"]) == ("b", 4.0, None)


def test_feedback_leaves_its_words_behind(lake: Intake) -> None:
    """Whatever attribute they are in: only what has a column goes out."""
    lake(_records(feedback_item(text=CANARY, comment=CANARY)))

    [document] = lake.feedback.documents
    assert CANARY not in document.decode()
    assert lake.metrics.total("FieldsDropped") == 0


def test_a_newer_release_does_not_poison_its_turns(lake: Intake) -> None:
    """During a gradual deployment a turn is written by the one and read by the other."""
    item = turn_item("a", tomorrow=CANARY)
    item["latency_ms"] = {**item["latency_ms"], "tomorrow_ms": 3}
    lake(_records(item))

    [document] = lake.turn_events.documents
    assert CANARY not in document.decode()
    assert "tomorrow" not in document.decode()
    assert lake.metrics.total("FieldsDropped") == 2
    assert lake.quarantine.kept == []


def test_an_older_release_is_read_with_defaults(lake: Intake) -> None:
    """Events from before a field was thought of are events."""
    item = turn_item("a")
    del item["assignment_version"]
    lake(_records(item))

    [document] = map(json.loads, lake.turn_events.documents)
    assert document["assignment_version"] == 0


def test_changes_and_deletions_are_none_of_its_business(lake: Intake) -> None:
    """Expiry deletes every turn in the end."""
    records = [stream_record(turn_item(), number, name) for number, name in enumerate(("MODIFY", "REMOVE"))]
    del records[1]["dynamodb"]["NewImage"]

    assert lake(records) == Fed(0, (), None)
    assert lake.turn_events.documents == []


@pytest.mark.parametrize("case", load_vectors("lake_poison.json"), ids=description)
def test_poison_is_named_and_what_is_behind_it_goes_on(case: dict[str, Any], lake: Intake) -> None:
    """By place and rule. One line that cannot be converted would take all others of its object with it."""
    bad, good = stream_record(turn_item("bad"), 1), stream_record(turn_item("good"), 2)
    bad["dynamodb"]["NewImage"].update(case["attributes"])
    for name in case.get("without", []):
        del bad["dynamodb"]["NewImage"][name]
    fed = lake([bad, good])

    assert lake.turns() == ["good"]
    [facts] = lake.quarantine.kept
    assert (facts["table"], facts["at"], facts["rule"]) == ("turn_events", case["at"], case["rule"])
    assert (facts["key"], facts["sequence_number"]) == ("bad", "1001")
    assert "canary" not in json.dumps(facts)
    assert fed.again_from is None
    assert lake.metrics.total("EventsQuarantined") == 1
    assert lake.metrics.total("EventsDelivered") == 1


BROKEN: dict[str, Any] = {
    "no record": None,
    "no change": {"eventName": "INSERT"},
    "no image": {"eventName": "INSERT", "dynamodb": {"Keys": {"turn_id": {"S": "a"}}, "SequenceNumber": "7"}},
    "no name": {"dynamodb": {}},
    "another table": {
        "eventName": "INSERT",
        "dynamodb": {"Keys": {"pk": {"S": "a"}}, "NewImage": {"pk": {"S": CANARY}}, "SequenceNumber": "7"},
    },
    "no type": {
        "eventName": "INSERT",
        "dynamodb": {"Keys": {"turn_id": {"S": "a"}}, "NewImage": {"turn_id": CANARY}},
    },
}


@pytest.mark.parametrize("record", BROKEN.values(), ids=BROKEN)
def test_what_is_no_record_is_poison(record: Any, lake: Intake) -> None:
    """It is no reason to stop the stream."""
    fed = lake([record, stream_record(turn_item("good"), 2)])

    assert lake.turns() == ["good"]
    assert fed.again_from is None
    [facts] = lake.quarantine.kept
    assert (facts["table"], facts["rule"]) == ("unknown", "unreadable")
    assert CANARY not in json.dumps(facts)


def test_a_document_that_is_too_large_is_poison(lake: Intake) -> None:
    """No retry makes it smaller."""
    lake.turn_events.largest_bytes = 5_000
    lake(_records(turn_item("large", page_url="/" * 6_000), turn_item("small")))

    assert lake.turns() == ["small"]
    assert [facts["rule"] for facts in lake.quarantine.kept] == ["size"]


@pytest.mark.parametrize("refused", range(4))
def test_the_stream_is_read_again_from_the_first_that_was_refused(refused: int, lake: Intake) -> None:
    """Lambda takes the lowest number that it is told and brings everything from there on."""
    lake.turn_events.refusals = [[refused]]
    fed = lake(_records(*(turn_item(str(number)) for number in range(4))))

    assert fed.to_payload() == {"batchItemFailures": [{"itemIdentifier": str(1000 + refused)}]}
    assert fed.delivered == 3
    assert lake.metrics.total("EventsPostponed") == 1


@pytest.mark.parametrize("number", range(4))
def test_poison_stays_in_the_stream_while_the_quarantine_is_away(number: int, lake: Intake) -> None:
    """A record is either delivered, or kept, or still to come."""
    lake.quarantine.unavailable = True
    items = [turn_item(str(each), cost_usd="x" if each == number else 0.0) for each in range(4)]
    fed = lake(_records(*items))

    assert fed.again_from == str(1000 + number)
    assert fed.quarantined == ()
    lake.quarantine.unavailable = False
    assert lake(_records(*items)[number:]).again_from is None
    assert lake.poison() == [str(number)]


def test_poison_behind_a_refused_record_is_kept_once(lake: Intake) -> None:
    """It comes again with the next batch; told twice, people would look for two."""
    items = [turn_item("a"), turn_item("bad", cost_usd="x")]
    lake.turn_events.refusals = [[0]]
    lake(_records(*items))
    assert lake.poison() == []
    lake(_records(*items))

    assert lake.poison() == ["bad"]


def test_a_record_without_a_number_has_the_whole_batch_come_again(lake: Intake) -> None:
    """Lambda repeats the batch for an empty identifier; a made-up one would skip records."""
    lake.quarantine.unavailable = True

    assert lake([None]).to_payload() == {"batchItemFailures": [{"itemIdentifier": ""}]}


@given(
    kinds=st.lists(st.sampled_from(("good", "poison", "newer")), max_size=12),
    size=st.integers(1, 6),
    refusals=st.lists(st.sets(st.integers(0, 5)), max_size=5),
    outages=st.lists(st.booleans(), max_size=5),
    deaths=st.lists(st.booleans(), max_size=5),
)
def test_every_record_arrives_whatever_fails(
    kinds: list[str], size: int, refusals: list[set[int]], outages: list[bool], deaths: list[bool]
) -> None:
    """Refusals at any place, a quarantine that is down at times, a process that dies after it delivered."""
    lake = Intake()
    lake.turn_events.deaths = deaths
    lake.turn_events.refusals = [frozenset(each) for each in refusals]
    changes: dict[str, dict[str, Any]] = {
        "good": {},
        "poison": {"retry_count": "x"},
        "newer": {"tomorrow": 1},
    }
    items = [turn_item(str(number), **changes[kind]) for number, kind in enumerate(kinds)]

    def invoke(batch: Any) -> Fed:
        lake.quarantine.unavailable = bool(outages) and outages.pop(0)
        return lake(batch)

    drained(_records(*items), size, invoke)

    poison = {str(number) for number, kind in enumerate(kinds) if kind == "poison"}
    assert set(lake.poison()) == poison
    assert set(lake.turns()) == {item["turn_id"] for item in items} - poison


def test_without_faults_every_event_goes_out_once(lake: Intake) -> None:
    """Duplicates are for silver to find, and not for every night to pay for."""
    records = _records(*(turn_item(str(number)) for number in range(25)))

    assert drained(records, 10, lake) == 3
    assert lake.turns() == [str(number) for number in range(25)]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["cost_usd", "rating"])
def test_what_is_no_number_in_json_is_poison(name: str, number: float) -> None:
    """Python would write `NaN`, which only Python reads."""
    event = {**TURN_EVENTS.offered(turn_item()), name: number}

    with pytest.raises(PoisonError, match=f"/{name} double"):
        line(TURN_EVENTS, event)


def test_an_event_without_a_key_is_poison() -> None:
    """All of them would be one and the same turn to silver."""
    with pytest.raises(PoisonError, match="/turn_id empty"):
        line(TURN_EVENTS, TURN_EVENTS.offered(turn_item("")))


def test_a_key_that_is_no_identifier_is_not_kept(lake: Intake) -> None:
    """It could be a sentence. The record's own number is left to look for it."""
    lake([stream_record(turn_item(f"{CANARY} said so", retry_count="x"), 5)])

    [facts] = lake.quarantine.kept
    assert (facts["key"], facts["turn_id"], facts["sequence_number"]) == ("", "", "1005")


PLACES = {
    "/latency_ms/total_ms": "/latency_ms/total_ms",
    "/model_calls/0/notes/1": "/model_calls/0/notes/1",
    f"/exposures/{CANARY}": "/exposures/*",
    "/exposures/what she said": "/exposures/*",
    "/exposures/5550123456": "/exposures/*",
    "": "",
}


@pytest.mark.parametrize(("pointer", "shown"), PLACES.items())
def test_a_place_shows_no_key_that_a_person_could_have_written(pointer: str, shown: str) -> None:
    """The quarantine is read by people, and its messages are logged."""
    assert place(TURN_EVENTS, pointer) == shown


@given(
    st.dictionaries(
        st.sampled_from(
            ["retry_count", "cost_usd", "rating", "page_url", "exposures", "latency_ms", "degraded"]
        ),
        st.one_of(
            st.none(),
            st.integers(),
            st.floats(),
            st.text(max_size=3),
            st.lists(st.text(max_size=2), max_size=2),
            st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2),
        ),
    )
)
def test_a_line_is_one_document_with_every_column_or_poison(changes: dict[str, Any]) -> None:
    """Neither a line break inside of it nor a number that JSON does not have."""
    event = TURN_EVENTS.offered(turn_item(**changes))
    if VALIDATOR.violations("turn_event", event):
        return
    written, rule = b"", ""
    try:
        written = line(TURN_EVENTS, event)
    except PoisonError as poison:
        rule = poison.rule

    if rule:
        assert rule in {"bigint", "double", "encoding"}
        return
    assert b"\n" not in written

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads(written, parse_constant=refuse)
    assert len(document) == len(event)
