"""Replay events that went to the quarantine, when what was wrong has been put right.

A message is what the consumer wrote, which names an item of a table, or what Lambda wrote when it gave up a
part of a stream. What cannot be replayed stays a message: after a few attempts the queue puts it back into
the quarantine by itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.lake.arrivals import SOURCES, Arrival, PoisonError
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.quarantine import Quarantine
from silent_infinity.ports.stored_events import StoredEvents, StreamRange
from silent_infinity.usecases.feed_lake import REFUSED, DeliverEvents, facts_of

GONE = "gone"
REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one message: `replayed`, `gone` (the item was deleted since), or why it has to stay."""

    message_id: str
    outcome: str
    stays: bool = False


class ReplayEvents:
    """Works through messages of the replay queue, each for itself."""

    def __init__(self, deliver: DeliverEvents, stored: StoredEvents, quarantine: Quarantine) -> None:
        self._deliver = deliver
        self._stored = stored
        self._quarantine = quarantine

    def __call__(self, messages: Sequence[tuple[str, str]]) -> list[Replayed]:
        """Replay messages, given as id and body. It never raises because of one."""
        replayed = [self._message(message_id, body) for message_id, body in messages]
        self._deliver.flush()
        return replayed

    def _message(self, message_id: str, body: str) -> Replayed:
        try:
            message = _parsed(body)
            arrivals = self._arrivals(message)
            self._replay(arrivals, alone="DDBStreamBatchInfo" not in message)
        except StoreUnavailableError as down:
            return Replayed(message_id, str(down), stays=True)
        except PoisonError as poison:
            return Replayed(message_id, str(poison), stays=True)
        return Replayed(message_id, REPLAYED if arrivals else GONE)

    def _arrivals(self, message: Mapping[str, Any]) -> Sequence[Arrival]:
        part = message.get("DDBStreamBatchInfo")
        if isinstance(part, Mapping):
            return self._stored.in_range(_stream_range(part))
        source, key = SOURCES.get(str(message.get("table"))), message.get("key")
        if source is None or not isinstance(key, str) or not key:
            raise PoisonError("", "no-item-named")
        item = self._stored.find(source, key)
        return [] if item is None else [Arrival(source, item, {"key": key})]

    def _replay(self, arrivals: Sequence[Arrival], *, alone: bool) -> None:
        """Deliver what was found. Of a part of a stream, each poisonous record gets a message of its own."""
        outcomes = self._deliver(arrivals)
        if REFUSED in outcomes:
            raise StoreUnavailableError("Refused")
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            if isinstance(outcome, PoisonError):
                if alone:
                    raise outcome
                self._quarantine.put(facts_of(arrival, outcome))


def _parsed(body: str) -> Mapping[str, Any]:
    try:
        message = json.loads(body)
    except ValueError:
        raise PoisonError("", "unreadable") from None
    if not isinstance(message, dict):
        raise PoisonError("", "unreadable")
    return message


def _stream_range(part: Mapping[str, Any]) -> StreamRange:
    names = ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber")
    values = [part.get(name) for name in names]
    if not all(isinstance(value, str) and value for value in values):
        raise PoisonError("", "no-range-named")
    return StreamRange(*map(str, values))
