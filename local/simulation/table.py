"""Simulated events straight into the tables, from where their streams carry them on."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from local.simulation.conversation import Event
from local.simulation.simulation import FEEDBACK, TURN, Arrival
from silent_infinity.adapters.aws.items import to_item

BATCH = 25
"""Items of one BatchWriteItem, at most."""

KEPT_DAYS = 365


def put(client: Any, tables: Mapping[str, str], arrivals: Iterable[Arrival]) -> dict[str, int]:
    """Put arrivals into the tables of their streams (stream to table); returns the items per stream.

    A table holds an event once, so that duplicates come to nothing here.
    """
    counts = dict.fromkeys((TURN, FEEDBACK), 0)
    rest = iter(_once(arrivals))
    while batch := list(islice(rest, BATCH)):
        asked: dict[str, list[Any]] = {}
        for arrival in batch:
            counts[arrival.stream] += 1
            asked.setdefault(tables[arrival.stream], []).append(
                {"PutRequest": {"Item": to_item(item(arrival))}}
            )
        while asked:
            asked = client.batch_write_item(RequestItems=asked).get("UnprocessedItems") or {}
    return counts


def item(arrival: Arrival) -> Event:
    """Return the event as its table holds it: what feedback did not say is not there at all."""
    event = arrival.event
    if arrival.stream == TURN:
        return {**event, "expires_at": _expiry(event["recorded_at"])}
    given = {name: value for name, value in event.items() if value is not None and name != "schema_version"}
    return {
        **given,
        "feedback_date": event["created_at"][:10],
        "expires_at": _expiry(event["created_at"]),
    }


def _once(arrivals: Iterable[Arrival]) -> Iterable[Arrival]:
    seen: set[Sequence[str]] = set()
    for arrival in arrivals:
        key = (arrival.stream, arrival.event.get("feedback_id") or arrival.event["turn_id"])
        if key not in seen:
            seen.add(key)
            yield arrival


def _expiry(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp()) + KEPT_DAYS * 86_400
