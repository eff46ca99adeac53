"""The lake's consumer over memory, and the stream that brings it batches as Lambda does."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from silent_infinity.adapters.aws.stream_arrivals import arrivals
from silent_infinity.adapters.memory.delivery import MemoryDelivery
from silent_infinity.adapters.memory.metrics import MemoryMetrics
from silent_infinity.adapters.memory.quarantine import MemoryQuarantine
from silent_infinity.adapters.memory.stored_events import MemoryStoredEvents
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.ports.delivery import Receipt
from silent_infinity.usecases.feed_lake import DeliverEvents, Fed, FeedLake
from silent_infinity.usecases.replay_events import ReplayEvents


class Crash(BaseException):
    """The process died. A BaseException, so that no handler can swallow it."""


class DyingDelivery(MemoryDelivery):
    """Takes documents and dies before it can say so, when the next of `deaths` says so."""

    def __init__(self, deaths: Sequence[bool] = ()) -> None:
        super().__init__()
        self.deaths = list(deaths)

    def deliver(self, documents: Sequence[bytes]) -> Receipt:
        receipt = super().deliver(documents)
        if self.deaths and self.deaths.pop(0):
            raise Crash
        return receipt


class Intake:
    """Consumer and replay. Nothing of what they write leaves this object."""

    def __init__(self) -> None:
        self.turn_events = DyingDelivery()
        self.feedback = DyingDelivery()
        self.quarantine = MemoryQuarantine()
        self.metrics = MemoryMetrics()
        self.stored = MemoryStoredEvents()
        deliver = DeliverEvents(
            validator=JsonSchemaValidator(),
            deliveries={"turn_events": self.turn_events, "feedback": self.feedback},
            metrics=self.metrics,
            environment="test",
        )
        self.replay = ReplayEvents(deliver, self.stored, self.quarantine)
        self._feed = FeedLake(deliver, self.quarantine)

    def __call__(self, records: Sequence[Any]) -> Fed:
        return self._feed(arrivals(records))

    def turns(self) -> list[str]:
        """Return the ids of the turns that were delivered."""
        return [json.loads(document)["turn_id"] for document in self.turn_events.documents]

    def poison(self) -> list[str]:
        """Return the keys of what was quarantined."""
        return [facts["key"] for facts in self.quarantine.kept]


def drained(records: Sequence[dict[str, Any]], size: int, invoke: Callable[[Any], Fed]) -> int:
    """Bring every record of a shard as Lambda does, and return how many batches that took.

    Raises:
        AssertionError: there is no end to it.
    """
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    position = batches = 0
    while position < len(records):
        batch = records[position : position + size]
        batches += 1
        if batches > 100 + len(records):
            raise AssertionError("the shard does not move on")
        try:
            failures = invoke(batch).to_payload()["batchItemFailures"]
        except Crash:
            continue
        position = numbers.index(failures[0]["itemIdentifier"]) if failures else position + len(batch)
    return batches
