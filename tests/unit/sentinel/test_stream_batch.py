"""A batch of the stream: no record holds up the ones behind it, and none is lost where it can be kept."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.stream_batch import POSTPONED, QUARANTINED, StreamBatch
from silent_infinity.adapters.memory.quarantine import MemoryQuarantine
from silent_infinity.ports.errors import StoreUnavailableError

CANARY = "canary words that somebody said"


def record(number: int, **fields: Any) -> dict[str, Any]:
    """Return a record as Lambda gets it."""
    image = to_item({"turn_id": f"turn-{number}", "session_id": "session-1", **fields})
    return {
        "eventID": f"event-{number}",
        "eventName": "INSERT",
        "dynamodb": {"SequenceNumber": f"{number:03}", "NewImage": image},
    }


class Handled:
    """Takes items; one whose `fault` says so raises."""

    def __init__(self) -> None:
        self.items: list[Mapping[str, Any]] = []

    def __call__(self, item: Mapping[str, Any]) -> str:
        fault = item.get("fault")
        if fault == "poison":
            raise ValueError(CANARY)
        if fault == "store":
            raise StoreUnavailableError("Throttled")
        self.items.append(item)
        return "observed"


def work(*records: Any, quarantine: MemoryQuarantine | None = None) -> tuple[Any, Handled, MemoryQuarantine]:
    """Work through a batch; return its result, the handler and the quarantine."""
    handled, kept = Handled(), quarantine or MemoryQuarantine()
    return StreamBatch(handled, kept)({"Records": list(records)}), handled, kept


def test_every_record_is_handed_over_as_plain_values() -> None:
    """The wire's attribute values stop here."""
    result, handled, kept = work(record(1, level=2, marks=["a"]), record(2))

    assert [item["turn_id"] for item in handled.items] == ["turn-1", "turn-2"]
    assert (handled.items[0]["level"], handled.items[0]["marks"]) == (2, ["a"])
    assert [outcome["outcome"] for outcome in result.outcomes] == ["observed", "observed"]
    assert result.to_payload() == {"batchItemFailures": []}
    assert kept.kept == []


def test_poison_is_quarantined_and_the_next_record_is_worked_on() -> None:
    """Lambda would deliver the whole batch again, and the shard would wait."""
    result, handled, kept = work(record(1), record(2, fault="poison"), record(3))

    assert [item["turn_id"] for item in handled.items] == ["turn-1", "turn-3"]
    assert result.to_payload() == {"batchItemFailures": []}
    assert kept.kept == [
        {
            "event_id": "event-2",
            "sequence_number": "002",
            "turn_id": "turn-2",
            "session_id": "session-1",
            "error": "ValueError",
        }
    ]


def test_nothing_that_a_record_or_its_error_says_is_kept_or_told() -> None:
    """Identifiers only: the quarantine is read by people, the outcomes are logged."""
    poison = record(2, fault="poison", said=CANARY)
    poison["dynamodb"]["NewImage"]["turn_id"] = {"S": CANARY}
    result, _, kept = work(poison)

    assert kept.kept[0]["turn_id"] == ""
    assert "canary" not in json.dumps(kept.kept)
    assert "canary" not in json.dumps(result.outcomes)


def test_a_store_that_is_down_postpones_its_record_and_no_other() -> None:
    """AWS reads the stream again from there; what was done before is recognised and not paid for again."""
    result, handled, kept = work(record(1), record(2, fault="store"), record(3))

    assert [item["turn_id"] for item in handled.items] == ["turn-1", "turn-3"]
    assert result.to_payload() == {"batchItemFailures": [{"itemIdentifier": "002"}]}
    assert [outcome["outcome"] for outcome in result.outcomes] == ["observed", POSTPONED, "observed"]
    assert kept.kept == []


def test_poison_that_cannot_be_quarantined_is_postponed() -> None:
    """Otherwise nobody would ever hear of it."""
    quarantine = MemoryQuarantine()
    quarantine.unavailable = True
    result, handled, _ = work(record(1, fault="poison"), record(2), quarantine=quarantine)

    assert result.to_payload() == {"batchItemFailures": [{"itemIdentifier": "001"}]}
    assert len(handled.items) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"dynamodb": {}},
        {"dynamodb": None},
        {"dynamodb": {"NewImage": None}},
        {"dynamodb": {"NewImage": {"turn_id": "no attribute"}}},
        {"dynamodb": {"NewImage": {"turn_id": {"S": "turn-1", "N": "1"}}}},
        "text",
        None,
    ],
    ids=str,
)
def test_what_is_no_record_at_all_is_poison(broken: Any) -> None:
    """Whatever a future version of the stream sends, the rest of the batch is worked on."""
    result, handled, kept = work(broken, record(2))

    assert [outcome["outcome"] for outcome in result.outcomes] == [QUARANTINED, "observed"]
    assert len(kept.kept) == 1
    assert len(handled.items) == 1


@given(st.lists(st.sampled_from(["", "poison", "store"]), max_size=12))
@settings(max_examples=80, deadline=None)
def test_every_record_ends_in_exactly_one_way(faults: list[str]) -> None:
    """Worked on, quarantined or postponed: none twice, none not at all."""
    result, handled, kept = work(*(record(n, fault=fault) for n, fault in enumerate(faults)))

    assert len(result.outcomes) == len(faults)
    assert len(handled.items) == faults.count("")
    assert len(kept.kept) == faults.count("poison")
    assert len(result.postponed) == faults.count("store")
