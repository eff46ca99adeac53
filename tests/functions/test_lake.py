"""The lake's consumer and its replay as Lambda calls them, wired from the environment, over simulated AWS."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.items import to_item
from tests.contract import aws
from tests.functions.test_turn_handlers import (
    api_event,
    call,
    environment,  # noqa: F401 -- a fixture
    handler,
    run_python,
    turn,
)
from tests.support.lake_events import feedback_item, stream_record, turn_item
from tests.support.world import TELLING

CANARY = "canarylakefn3w"
BUCKET = "lake"
STREAMS = {"TURN_EVENTS_DELIVERY_STREAM": "turn-events", "FEEDBACK_DELIVERY_STREAM": "feedback-events"}
MADE = (clients.firehose, clients.sqs, clients.dynamodb_streams)


class Lake:
    """Both functions with what they write to."""

    def __init__(self, quarantine: str, output: Callable[[], str]) -> None:
        self.output = output
        self._quarantine = quarantine

    def consume(self, *records: Any) -> Any:
        """Invoke the consumer with a batch."""
        return call("lake_consumer", {"Records": list(records)})

    def replay(self, *bodies: Any) -> Any:
        """Invoke the replay with messages."""
        records = [
            {"messageId": f"m{number}", "body": json.dumps(body)} for number, body in enumerate(bodies)
        ]
        return call("lake_replay", {"Records": records})

    def delivered(self, stream: str) -> list[dict[str, Any]]:
        """Return the documents that a delivery stream has brought into the bucket."""
        s3 = boto3.client("s3")
        found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{stream}/").get("Contents", [])
        bodies = [s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found]
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    def quarantined(self) -> list[dict[str, Any]]:
        """Take what was quarantined."""
        sqs = boto3.client("sqs")
        found = sqs.receive_message(QueueUrl=self._quarantine, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]


@pytest.fixture
def lake(
    environment: None,  # noqa: F811 -- the fixture of that name
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Lake]:
    """Both functions over delivery streams that write to a bucket."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    for name in STREAMS.values():
        boto3.client("firehose").create_delivery_stream(
            DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration={
                "RoleARN": "arn:aws:iam::123456789012:role/r",
                "BucketARN": f"arn:aws:s3:::{BUCKET}",
                "Prefix": f"{name}/",
            },
        )
    quarantine = boto3.client("sqs").create_queue(QueueName="lake-quarantine")["QueueUrl"]
    for name, value in {**STREAMS, "LAKE_QUARANTINE_QUEUE_URL": quarantine}.items():
        monkeypatch.setenv(name, value)
    printed = io.StringIO()
    modules = [handler("lake_consumer"), handler("lake_replay")]
    caches = (*MADE, modules[0]._feed_lake, modules[1]._replay_events)
    for module in modules:
        # The logger holds on to the standard output that it first met.
        for each in module.logger.handlers:
            monkeypatch.setattr(each, "stream", printed)
    for cache in caches:
        cache.cache_clear()

    def output() -> str:
        printed.write("".join(capsys.readouterr()))
        return printed.getvalue()

    yield Lake(quarantine, output)
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize("folder", ["lake_consumer", "lake_replay"])
def test_importing_a_handler_needs_no_environment_and_nothing_heavy(folder: str) -> None:
    """What is missing is told by the invocation that needs it, and a cold start pays for what it uses."""
    run_python(
        f"import sys, functions.{folder}.handler;"
        "heavy = {'jsonschema', 'duckdb', 'sqlglot', 'openai', 'boto3'} & set(sys.modules);"
        "assert not heavy, heavy"
    )


def test_what_people_did_reaches_the_lake(lake: Lake) -> None:
    """A turn through the workflow, a rating of it through the API, both as their tables keep them."""
    answer = turn(TELLING)["body"]
    rating = {"session_id": answer["session_id"], "turn_id": answer["turn_id"], "rating": 5, "text": CANARY}
    call("feedback_api", api_event("POST", rating))
    dynamodb = boto3.client("dynamodb")
    [event] = dynamodb.scan(TableName=aws.TURN_EVENTS)["Items"]
    [feedback] = dynamodb.scan(TableName=aws.FEEDBACK)["Items"]
    records = [
        {
            "eventName": "INSERT",
            "eventID": key,
            "dynamodb": {"Keys": {key: item[key]}, "NewImage": item, "SequenceNumber": "1"},
        }
        for key, item in (("turn_id", event), ("feedback_id", feedback))
    ]

    assert lake.consume(*records) == {"batchItemFailures": []}
    [told] = lake.delivered("turn-events")
    [rated] = lake.delivered("feedback-events")
    assert (told["turn_id"], told["schema_version"]) == (answer["turn_id"], 1)
    assert (rated["turn_id"], rated["rating"]) == (answer["turn_id"], 5.0)
    assert lake.quarantined() == []


def test_poison_is_set_aside_and_replayed_when_it_is_well(lake: Lake) -> None:
    """From the quarantine's message alone: it is what an operator moves to the replay queue."""
    bad = turn_item("bad", retry_count="x")
    lake.consume(stream_record(bad, 1), stream_record(turn_item("good"), 2))
    [message] = lake.quarantined()
    dynamodb = boto3.client("dynamodb")
    dynamodb.put_item(TableName=aws.TURN_EVENTS, Item=to_item(bad))

    assert lake.replay(message) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    dynamodb.put_item(TableName=aws.TURN_EVENTS, Item=to_item(turn_item("bad")))
    assert lake.replay(message) == {"batchItemFailures": []}
    assert sorted(event["turn_id"] for event in lake.delivered("turn-events")) == ["bad", "good"]


def test_a_delivery_stream_that_is_away_has_the_stream_read_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is neither poison nor lost."""
    monkeypatch.setattr("silent_infinity.adapters.aws.firehose.FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setenv("TURN_EVENTS_DELIVERY_STREAM", "no-such-stream")

    answer = lake.consume(stream_record(feedback_item(), 1), stream_record(turn_item(), 2))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1002"}]}
    assert lake.quarantined() == []
    assert len(lake.delivered("feedback-events")) == 1


def test_metrics_are_those_that_the_alarms_watch(lake: Lake) -> None:
    """By namespace, service, environment and table."""
    lake.consume(stream_record(turn_item("bad", retry_count="x"), 1), stream_record(turn_item("good"), 2))
    lines = [json.loads(line) for line in lake.output().splitlines() if line.startswith("{")]
    found = {
        name: line
        for line in lines
        if "_aws" in line
        for name in ("EventsDelivered", "EventsQuarantined")
        if name in line
    }

    assert set(found) == {"EventsDelivered", "EventsQuarantined"}
    for line in found.values():
        assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "SilentInfinity"
        dimensions = (line["service"], line["environment"], line["table"])
        assert dimensions == ("lake_consumer", "test", "turn_events")


def test_no_word_is_printed_or_quarantined(lake: Lake) -> None:
    """Invariant 4: wherever in a record the words are."""
    lake.consume(
        stream_record(feedback_item(text=CANARY, rating=CANARY), 1),
        stream_record(turn_item("a", exposures={CANARY: 1}), 2),
        stream_record(turn_item(f"{CANARY} said", retry_count="x"), 3),
        {"eventName": "INSERT", "dynamodb": {"Keys": CANARY, "SequenceNumber": f"{CANARY} 1"}},
    )
    lake.replay({"table": CANARY, "key": CANARY}, CANARY)

    kept = lake.quarantined()
    assert len(kept) == 4
    assert len(lake.output()) > 200
    assert CANARY not in json.dumps(kept)
    assert CANARY not in lake.output()
