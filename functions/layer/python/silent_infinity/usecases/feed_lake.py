"""Feed the lake with what the streams of turns and feedback bring: nothing lost, nothing held up.

Every event goes out at least once; silver keeps one row of each. A record that can never go goes to the
quarantine by its identifiers, and those behind it go on. What the other side does not take is asked for again
from the stream.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.lake.arrivals import Arrival, PoisonError, Source, line, place
from silent_infinity.domain.payload import PayloadError
from silent_infinity.ports.delivery import Delivery
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.metrics import Metrics
from silent_infinity.ports.quarantine import Quarantine
from silent_infinity.ports.validation import SchemaValidator

DELIVERED = "delivered"
REFUSED = "refused"

Outcome = str | PoisonError
"""`delivered`, `refused` by the other side, or why the item can never go."""


class DeliverEvents:
    """Makes lines of items and hands them over, those of a table together. It never raises for an item."""

    def __init__(
        self,
        *,
        validator: SchemaValidator,
        deliveries: Mapping[str, Delivery],
        metrics: Metrics,
        environment: str,
    ) -> None:
        self._validator = validator
        self._deliveries = deliveries
        self._metrics = metrics
        self._environment = environment

    def __call__(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """Return what became of each."""
        outcomes: list[Outcome] = [REFUSED] * len(arrivals)
        lines: dict[str, dict[int, bytes]] = {}
        for number, arrival in enumerate(arrivals):
            try:
                source, document = self._line(arrival)
            except PoisonError as poison:
                outcomes[number] = poison
            else:
                lines.setdefault(source.name, {})[number] = document
        for name, documents in lines.items():
            numbers = list(documents)
            receipt = self._deliveries[name].deliver(list(documents.values()))
            self.count("DeliveryRetries", receipt.retries, name)
            for spot, number in enumerate(numbers):
                outcomes[number] = REFUSED if spot in receipt.refused else DELIVERED
            self.count("EventsDelivered", len(numbers) - len(receipt.refused), name)
            self.count("EventsPostponed", len(receipt.refused), name)
        return outcomes

    def count(self, metric: str, number: int, table: str) -> None:
        """Add to a metric of one of the tables, if there is anything to add."""
        if number:
            self._metrics.add(metric, number, environment=self._environment, table=table)

    def flush(self) -> None:
        """Hand over the metrics."""
        self._metrics.flush()

    def _line(self, arrival: Arrival) -> tuple[Source, bytes]:
        source = arrival.source
        if source is None or arrival.item is None:
            raise PoisonError("", "unreadable")
        event = source.offered(arrival.item)
        unknown = 0
        for broken in self._validator.violations(source.schema, event):
            if broken.keyword != "additionalProperties":
                raise PoisonError(place(source, broken.path), broken.keyword)
            unknown += 1
        document = _line(source, event)
        if len(document) > self._deliveries[source.name].largest_bytes:
            raise PoisonError("", "size")
        # A release that writes more than this one knows is on its way: its turns count all the same.
        self.count("FieldsDropped", unknown, source.name)
        return source, document


def _line(source: Source, event: Mapping[str, Any]) -> bytes:
    try:
        return line(source, event)
    except PoisonError:
        raise
    except (PayloadError, TypeError, ValueError, AttributeError, OverflowError):
        # The schema lets nothing through that the definition cannot read. If it does, one record is lost for
        # the moment, and not the shard.
        raise PoisonError("", "definition") from None


@dataclass(frozen=True, slots=True)
class Fed:
    """What became of a batch. `again_from` is the sequence number from which the stream is to be read again,
    None if nothing is left; empty if the record there does not even have a number, which means all of it.
    """

    delivered: int
    quarantined: tuple[Mapping[str, str], ...]
    again_from: str | None

    def to_payload(self) -> dict[str, Any]:
        """Return the response of a function whose mapping reports failures of single records."""
        failures = [] if self.again_from is None else [{"itemIdentifier": self.again_from}]
        return {"batchItemFailures": failures}


class FeedLake:
    """Works through one batch of a stream."""

    def __init__(self, deliver: DeliverEvents, quarantine: Quarantine) -> None:
        self._deliver = deliver
        self._quarantine = quarantine

    def __call__(self, arrivals: Sequence[Arrival]) -> Fed:
        """Deliver the batch. It never raises because of a record, a quarantine or the lake."""
        outcomes = self._deliver(arrivals)
        quarantined: list[Mapping[str, str]] = []
        again_from = None
        # The stream is read again from the first record that is left, so what comes after it comes again.
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            if isinstance(outcome, PoisonError):
                facts = facts_of(arrival, outcome)
                if self._kept(facts):
                    quarantined.append(facts)
                    self._deliver.count("EventsQuarantined", 1, facts["table"])
                    continue
            elif outcome == DELIVERED:
                continue
            again_from = arrival.facts.get("sequence_number", "")
            break
        self._deliver.flush()
        return Fed(outcomes.count(DELIVERED), tuple(quarantined), again_from)

    def _kept(self, facts: Mapping[str, str]) -> bool:
        try:
            self._quarantine.put(facts)
        except StoreUnavailableError:
            return False
        return True


def facts_of(arrival: Arrival, poison: PoisonError) -> dict[str, str]:
    """Return what the quarantine keeps of a record: where it lies, and what is wrong. No value of it."""
    table = arrival.source.name if arrival.source else "unknown"
    return {**arrival.facts, "table": table, "at": poison.at, "rule": poison.rule}
