"""The sentinel as Lambda calls it: batches of the stream, wired from the environment, over simulated AWS."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from silent_infinity.adapters.aws import clients
from tests.contract import aws
from tests.functions.test_turn_handlers import (
    api_event,
    call,
    environment,  # noqa: F401 -- a fixture
    handler,
    run_python,
    turn,
)
from tests.support.model_server import Behaviour, ModelServer
from tests.support.world import MIRROR, TELLING

CANARY = "canarysentinel5k"
GRIEF = (
    '{"emotion": "grief", "valence": -0.6, "speech_act": "telling", "frustration": 0.2, "crisis_level": %d}'
)


class Sentinel:
    """The deployed function with what it writes to."""

    def __init__(self, server: ModelServer, quarantine: str, mail: str, output: Callable[[], str]) -> None:
        self.server = server
        self.output = output
        self._quarantine = quarantine
        self._mail = mail

    def records(self) -> list[dict[str, Any]]:
        """Return every turn event as the stream delivers it."""
        items = boto3.client("dynamodb").scan(TableName=aws.TURN_EVENTS)["Items"]
        return [
            {
                "eventID": f"event-{number}",
                "eventName": "INSERT",
                "dynamodb": {"SequenceNumber": str(number), "NewImage": item, "StreamViewType": "NEW_IMAGE"},
            }
            for number, item in enumerate(items)
        ]

    def deliver(self, *records: dict[str, Any]) -> Any:
        """Invoke the function with a batch: these records, or all there are."""
        return call("sentinel", {"Records": list(records) or self.records()})

    def items(self) -> list[dict[str, Any]]:
        """Return what was observed, as DynamoDB writes it."""
        found = boto3.client("dynamodb").scan(TableName=aws.CONVERSATIONS)["Items"]
        return [item for item in found if item["sk"]["S"].startswith("SENTINEL#")]

    def quarantined(self) -> list[dict[str, Any]]:
        """Take what was quarantined."""
        return self._taken(self._quarantine)

    def told(self) -> list[dict[str, Any]]:
        """Take what the people on call were told."""
        return [json.loads(message["Message"]) for message in self._taken(self._mail)]

    def metric(self, name: str) -> list[dict[str, Any]]:
        """Return the metric documents that were printed with this metric."""
        lines = [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]
        return [line for line in lines if "_aws" in line and name in line]

    def _taken(self, queue: str) -> list[dict[str, Any]]:
        found = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]


@pytest.fixture
def sentinel(
    environment: None,  # noqa: F811 -- the fixture of that name
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Sentinel]:
    """The function over a scripted model, with a queue behind the operations topic."""
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    quarantine = sqs.create_queue(QueueName="quarantine")["QueueUrl"]
    mail = sqs.create_queue(QueueName="mail")["QueueUrl"]
    topic = sns.create_topic(Name="operations")["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=mail, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    printed = io.StringIO()

    def output() -> str:
        printed.write("".join(capsys.readouterr()))
        return printed.getvalue()

    module = handler("sentinel")
    for made in (clients.sns, clients.sqs, module._turn_event_consumer):
        made.cache_clear()
    # The logger holds on to the standard output that it first met.
    for each in module.logger.handlers:
        monkeypatch.setattr(each, "stream", printed)
    with ModelServer(lambda _messages: Behaviour(MIRROR)) as server:
        for name, value in {
            "LLM_PROVIDER": "openai_compatible",
            "LLM_BASE_URL": server.base_url,
            "VARIANT_METRICS_TABLE": aws.VARIANT_METRICS,
            "OPERATIONS_TOPIC_ARN": topic,
            "SENTINEL_QUARANTINE_QUEUE_URL": quarantine,
        }.items():
            monkeypatch.setenv(name, value)
        yield Sentinel(server, quarantine, mail, output)
    for made in (clients.sns, clients.sqs, module._turn_event_consumer):
        made.cache_clear()


def test_importing_the_handler_needs_no_environment_and_no_model_sdk() -> None:
    """A cold start pays for a provider's SDK with the first call only."""
    run_python(
        "import sys, functions.sentinel.handler;"
        "sdks = {'aws_xray_sdk', 'openai', 'anthropic', 'pydantic', 'httpx', 'jsonschema'};"
        "heavy = sdks & set(sys.modules);"
        "assert not heavy, heavy"
    )


def test_a_recorded_turn_is_observed(sentinel: Sentinel) -> None:
    """From the event as it is stored to the item beside the turn."""
    answer = turn(TELLING)["body"]
    sentinel.server.sentinel_script = lambda _messages: Behaviour(GRIEF % 1)

    assert sentinel.deliver() == {"batchItemFailures": []}

    [item] = sentinel.items()
    assert item["pk"] == {"S": f"SESSION#{answer['session_id']}"}
    assert item["sk"] == {"S": f"SENTINEL#{answer['turn_id']}"}
    assert (item["emotion"], item["crisis_level"], item["miss"]) == (
        {"S": "grief"},
        {"N": "1"},
        {"BOOL": False},
    )
    assert item["tokens_input"] == {"N": "120"}
    [messages] = sentinel.server.observations
    assert TELLING in messages[-1]["content"]
    assert answer["reply"]["text"][:40] in messages[-1]["content"]
    assert sentinel.metric("SentinelObserved")
    assert sentinel.told() == []


def test_a_redelivered_batch_asks_nobody(sentinel: Sentinel) -> None:
    """Lambda delivers at least once."""
    turn(TELLING)
    sentinel.deliver()
    before = sentinel.items()
    sentinel.deliver()

    assert len(sentinel.server.observations) == 1
    assert sentinel.items() == before


def test_poison_in_a_batch_is_set_aside_and_the_rest_observed(sentinel: Sentinel) -> None:
    """Identifiers of the record that cannot be read, and no word of it."""
    turn(TELLING)
    [good] = sentinel.records()
    poison = json.loads(json.dumps(good))
    poison["eventID"] = "event-poison"
    poison["dynamodb"]["NewImage"]["screened_level"] = {"S": CANARY}

    assert sentinel.deliver(poison, good) == {"batchItemFailures": []}

    assert len(sentinel.items()) == 1
    [kept] = sentinel.quarantined()
    assert (kept["event_id"], kept["error"]) == ("event-poison", "PayloadError")
    assert CANARY not in json.dumps(kept)


def test_a_table_that_is_away_has_the_stream_read_again(
    sentinel: Sentinel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is neither poison nor lost."""
    turn(TELLING)
    monkeypatch.setenv("CONVERSATIONS_TABLE", "no-such-table")

    assert sentinel.deliver() == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert sentinel.quarantined() == []
    assert sentinel.server.observations == []


FAULTS = {
    "killed": (Behaviour(status=500), "provider"),
    "throttled": (Behaviour(status=429), "provider"),
    "nonsense": (Behaviour("They seem sad."), "unreadable"),
    "wrong schema": (Behaviour('{"emotion": "sad"}'), "unreadable"),
    "empty": (Behaviour(""), "unreadable"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_model_is_skipped_and_the_next_turn_observed(fault: str, sentinel: Sentinel) -> None:
    """Nothing is retried, nothing waits, nobody is alarmed: it is counted by its reason."""
    behaviour, reason = FAULTS[fault]
    answers = iter((behaviour, Behaviour(GRIEF % 1)))
    sentinel.server.sentinel_script = lambda _messages: next(answers)
    for _ in range(2):
        turn(TELLING)

    assert sentinel.deliver() == {"batchItemFailures": []}

    assert len(sentinel.items()) == 1
    assert [line["reason"] for line in sentinel.metric("SentinelSkipped")] == [reason]
    assert sentinel.quarantined() == []


def test_a_miss_is_told_by_identifiers_and_levels(sentinel: Sentinel) -> None:
    """People look at what the screen let through, and no mail holds its words."""
    answer = turn(TELLING)["body"]
    sentinel.server.sentinel_script = lambda _messages: Behaviour(GRIEF % 3)
    sentinel.deliver()

    [told] = sentinel.told()
    assert (told["turn_id"], told["screened_level"], told["sentinel_level"]) == (answer["turn_id"], 1, 3)
    assert sentinel.items()[0]["miss"] == {"BOOL": True}
    [line] = sentinel.metric("SentinelMisses")
    # The alarm watches these very names.
    assert (line["service"], line["environment"]) == ("sentinel", "test")
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "SilentInfinity"


def test_deleting_the_session_deletes_what_was_observed(sentinel: Sentinel) -> None:
    """Through the API that people use."""
    answer = turn(TELLING)["body"]
    sentinel.deliver()
    assert sentinel.items()

    call("sessions_api", api_event("DELETE", session_id=answer["session_id"]))

    assert sentinel.items() == []
    # The stream may deliver the event once more.
    sentinel.deliver()
    assert sentinel.items() == []
    assert len(sentinel.server.observations) == 1


def test_no_word_is_printed_quarantined_or_told(sentinel: Sentinel) -> None:
    """Invariant 4: whatever the model answers and whatever goes wrong."""
    answer = turn(f"{TELLING} {CANARY}")["body"]
    scripts = (
        f'{{"emotion": "{CANARY}", "valence": 0}}',
        CANARY,
        GRIEF % 4,
    )
    for said in scripts:
        sentinel.server.sentinel_script = lambda _messages, said=said: Behaviour(said)  # type: ignore[misc]
        sentinel.deliver()
    broken = json.loads(json.dumps(sentinel.records()[0]))
    broken["dynamodb"]["NewImage"]["turn_id"] = {"S": f"{CANARY} said"}
    sentinel.deliver(broken)

    assert any(CANARY in message["content"] for asked in sentinel.server.observations for message in asked)
    output = sentinel.output()
    assert answer["turn_id"] in output
    for sink in (output, *map(json.dumps, (sentinel.quarantined(), sentinel.told(), sentinel.items()))):
        assert len(sink) > 20
        assert CANARY not in sink
        assert "funeral" not in sink
