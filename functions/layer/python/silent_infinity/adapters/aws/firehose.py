"""Amazon Data Firehose as the way into the lake.

A record is billed by 5 KiB at least and may hold several JSON documents one after the other, also where it is
converted to Parquet, so documents go in few, large records. Limits of PutRecordBatch: 500 records, 4 MiB, and
1,000 KiB a record (https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html,
https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html).
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from silent_infinity.adapters.aws.calls import call
from silent_infinity.ports.delivery import Receipt
from silent_infinity.ports.errors import StoreUnavailableError

RECORD_BYTES = 1_000 * 1024
REQUEST_BYTES = 4 * 1024 * 1024

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.1


@dataclass(slots=True)
class _Record:
    """One record in the making, and the places of the documents in it."""

    places: list[int] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)


class FirehoseDelivery:
    """A `Delivery` over one delivery stream. The client is made when it is needed.

    Records that were not taken are sent again, at most five times in all within 1.5 s of pauses. Once a whole
    request has failed as often, the ones behind it are not tried: the stream that the documents come from
    will bring them again.
    """

    largest_bytes = RECORD_BYTES - 1

    def __init__(
        self, client: Callable[[], Any], stream: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._stream = stream
        self._sleep = sleep

    def deliver(self, documents: Sequence[bytes]) -> Receipt:
        refused: set[int] = set()
        retries = 0
        down = False
        for request in _requests(_records(documents)):
            left = request
            if not down:
                left, repeated = self._sent(request)
                retries += repeated
                down = len(left) == len(request)
            refused.update(place for record in left for place in record.places)
        return Receipt(frozenset(refused), retries)

    def _sent(self, records: Sequence[_Record]) -> tuple[Sequence[_Record], int]:
        """Send records until all are taken or patience ends; return what is left, and how many repeats."""
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(pause * random.uniform(0.5, 1.0))
                pause *= 2
            records = self._refused(records)
            if not records:
                return records, attempt
        return records, ATTEMPTS - 1

    def _refused(self, records: Sequence[_Record]) -> Sequence[_Record]:
        try:
            answer = call(
                self._client().put_record_batch,
                DeliveryStreamName=self._stream,
                Records=[{"Data": bytes(record.data)} for record in records],
            )
        except StoreUnavailableError:
            return records
        if not answer["FailedPutCount"]:
            return []
        told = zip(records, answer["RequestResponses"], strict=True)
        return [record for record, each in told if each.get("ErrorCode")]


def _records(documents: Sequence[bytes]) -> Iterator[_Record]:
    record = _Record()
    for place, document in enumerate(documents):
        if record.places and len(record.data) + len(document) + 1 > RECORD_BYTES:
            yield record
            record = _Record()
        record.places.append(place)
        record.data += document + b"\n"
    if record.places:
        yield record


def _requests(records: Iterator[_Record]) -> Iterator[Sequence[_Record]]:
    request: list[_Record] = []
    size = 0
    for record in records:
        # Two records that follow each other do not fit into one, so size ends a request long before number.
        if request and size + len(record.data) > REQUEST_BYTES:
            yield request
            request, size = [], 0
        request.append(record)
        size += len(record.data)
    if request:
        yield request
