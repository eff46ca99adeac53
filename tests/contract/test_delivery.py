"""What every way into the lake promises, and how Firehose's limits and failures are met."""

import json
from collections.abc import Collection
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.firehose import (
    ATTEMPTS,
    RECORD_BYTES,
    REQUEST_BYTES,
    FirehoseDelivery,
)
from silent_infinity.adapters.memory.delivery import MemoryDelivery
from silent_infinity.ports.delivery import Receipt


class Firehose:
    """Firehose with the limits of its API. `faults` are what happens to the next requests: `down`, or the
    records that are not taken.
    """

    def __init__(self, faults: Collection[Any] = ()) -> None:
        self.faults = list(faults)
        self.requests = 0
        self.records: list[bytes] = []

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 -- the API's names
        """Take records."""
        assert DeliveryStreamName == "turn-events"
        sizes = [len(record["Data"]) for record in Records]
        assert 1 <= len(Records) <= 500
        assert sum(sizes) <= REQUEST_BYTES
        assert max(sizes) <= RECORD_BYTES
        self.requests += 1
        fault = self.faults.pop(0) if self.faults else ()
        if fault == "down":
            raise ClientError({"Error": {"Code": "ServiceUnavailableException"}}, "PutRecordBatch")
        if fault == "unreachable":
            raise EndpointConnectionError(endpoint_url="https://firehose.example")
        answers = []
        for place, record in enumerate(Records):
            if place in fault:
                answers.append({"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."})
            else:
                self.records.append(record["Data"])
                answers.append({"RecordId": str(len(self.records))})
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedPutCount": failed, "Encrypted": False, "RequestResponses": answers}

    def documents(self) -> list[bytes]:
        """Return the lines of what was taken."""
        return [line for record in self.records for line in record.splitlines()]


class Sleep:
    """Remembers pauses and takes none."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def _delivery(service: Firehose, sleep: Any = None) -> FirehoseDelivery:
    return FirehoseDelivery(lambda: service, "turn-events", sleep or Sleep())


def _documents(count: int, size: int = 20) -> list[bytes]:
    return [json.dumps({"n": number}).ljust(size).encode() for number in range(count)]


@pytest.fixture(params=["memory", "firehose"])
def way(request: pytest.FixtureRequest) -> Any:
    """A way in, and what came out of it."""
    if request.param == "memory":
        memory = MemoryDelivery()
        return memory, lambda: memory.documents
    service = Firehose()
    return _delivery(service), service.documents


def test_documents_come_out_as_they_went_in(way: Any) -> None:
    """Once each, in order, one a line."""
    delivery, taken = way

    assert delivery.deliver(_documents(700)) == Receipt()
    assert taken() == _documents(700)


def test_nothing_to_deliver_is_no_request(way: Any) -> None:
    """Firehose refuses an empty batch, and a batch without new items is no rarity."""
    delivery, taken = way

    assert delivery.deliver([]) == Receipt()
    assert taken() == []


def test_the_largest_document_fits(way: Any) -> None:
    """It is poison only from there on."""
    delivery, taken = way
    largest = b"x" * delivery.largest_bytes

    assert delivery.deliver([largest, largest]) == Receipt()
    assert taken() == [largest, largest]


def test_documents_share_records() -> None:
    """A record is billed as 5 KiB at least, and on a laptop it is an object of its own."""
    service = Firehose()
    _delivery(service).deliver(_documents(500, 3_000))

    assert service.requests == 1
    assert len(service.records) == 2


@given(
    st.lists(st.sampled_from([1, 1_000, RECORD_BYTES // 2, RECORD_BYTES - 2, RECORD_BYTES - 1]), max_size=12)
)
@settings(max_examples=25, deadline=None)
def test_every_size_is_within_the_limits(sizes: list[int]) -> None:
    """The service asserts them."""
    service = Firehose()
    documents = [b"x" * size for size in sizes]

    assert _delivery(service).deliver(documents) == Receipt()
    assert service.documents() == documents


def test_only_what_was_not_taken_is_sent_again() -> None:
    """Else every hiccup would double a whole batch."""
    service, sleep = Firehose([{0, 2}, {1}]), Sleep()
    documents = _documents(4, RECORD_BYTES - 1)

    assert _delivery(service, sleep).deliver(documents) == Receipt(retries=2)
    assert sorted(service.documents()) == sorted(documents)
    assert len(sleep.seconds) == 2
    assert 0.05 <= sleep.seconds[0] <= 0.1 <= sleep.seconds[1] <= 0.2


@pytest.mark.parametrize("fault", ["down", "unreachable"])
def test_an_outage_that_passes_is_waited_for(fault: str) -> None:
    """Throttling is an error of the whole request."""
    service = Firehose([fault] * (ATTEMPTS - 1))

    assert _delivery(service).deliver(_documents(3)) == Receipt(retries=ATTEMPTS - 1)
    assert service.documents() == _documents(3)


def test_an_outage_that_stays_refuses_everything_and_is_asked_once() -> None:
    """Five attempts for each request of a batch would outlive the function."""
    service, sleep = Firehose(["down"] * 100), Sleep()
    documents = _documents(9, RECORD_BYTES - 1)

    assert _delivery(service, sleep).deliver(documents) == Receipt(frozenset(range(9)), ATTEMPTS - 1)
    assert service.requests == ATTEMPTS
    assert sum(sleep.seconds) <= 1.5


def test_patience_ends_before_the_function_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of Lambda's has at most 6 MB, so two requests; the function has 120 s."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    clients.firehose.cache_clear()
    config = clients.firehose().meta.config
    clients.firehose.cache_clear()

    assert config.retries["total_max_attempts"] == 1
    assert 2 * ATTEMPTS * (config.connect_timeout + config.read_timeout) + 2 * 1.5 < 120


def test_the_places_of_refused_documents_are_told() -> None:
    """Both of the record that they shared, and no other."""
    half = RECORD_BYTES // 2 - 1
    service = Firehose([{1}, {0}, {0}, {0}, {0}])

    receipt = _delivery(service).deliver(_documents(6, half))

    assert receipt == Receipt(frozenset({2, 3}), ATTEMPTS - 1)


@given(
    st.lists(st.sampled_from([100, RECORD_BYTES - 1]), min_size=1, max_size=8),
    st.lists(st.one_of(st.just("down"), st.sets(st.integers(0, 4))), max_size=20),
)
@settings(max_examples=40, deadline=None)
def test_taken_and_refused_are_everything(sizes: list[int], faults: list[Any]) -> None:
    """Whatever fails: no document is in neither, or was sent twice in one delivery."""
    service = Firehose(faults)
    documents = [str(place).encode().ljust(size) for place, size in enumerate(sizes)]

    receipt = _delivery(service).deliver(documents)

    left = [document for place, document in enumerate(documents) if place in receipt.refused]
    assert sorted([*service.documents(), *left]) == sorted(documents)


def test_the_client_speaks_firehoses_protocol() -> None:
    """Over the client that production uses, as moto answers it."""
    with mock_aws():
        boto3.client("s3", "us-east-1").create_bucket(Bucket="lake")
        firehose = boto3.client("firehose", "us-east-1")
        firehose.create_delivery_stream(
            DeliveryStreamName="turn-events",
            ExtendedS3DestinationConfiguration={
                "RoleARN": "arn:aws:iam::123456789012:role/r",
                "BucketARN": "arn:aws:s3:::lake",
            },
        )
        delivery = FirehoseDelivery(lambda: firehose, "turn-events", Sleep())
        assert delivery.deliver(_documents(3)) == Receipt()
        s3 = boto3.client("s3", "us-east-1")
        [found] = s3.list_objects_v2(Bucket="lake")["Contents"]
        body = s3.get_object(Bucket="lake", Key=found["Key"])["Body"].read()

    assert body.splitlines() == _documents(3)


def test_a_stream_that_is_not_there_refuses() -> None:
    """A wrong setting must not look like a delivery."""
    with mock_aws():
        firehose = boto3.client("firehose", "us-east-1")
        delivery = FirehoseDelivery(lambda: firehose, "no-such-stream", Sleep())

        assert delivery.deliver(_documents(2)).refused == frozenset({0, 1})
