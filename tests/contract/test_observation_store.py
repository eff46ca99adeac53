"""What every store of observations promises, and what a deletion of the session does to them."""

import json
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.adapters.aws.alerts import SnsAlerts
from silent_infinity.adapters.aws.observations import DynamoObservationStore
from silent_infinity.adapters.aws.quarantine import SqsQuarantine
from silent_infinity.adapters.memory.observations import MemoryObservationStore
from silent_infinity.domain.sentinel import Observation
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.observations import ObservationStore
from tests.contract import aws
from tests.contract.conftest import AwsStores, MemoryStores, Stores, aws_stores
from tests.contract.test_conversation_store import SESSION, TURN, turns
from tests.contract.threads import at_once

DELETED_AT = "2026-11-22T00:00:00+00:00"
OBSERVATION = Observation(
    schema_version=1,
    turn_id="turn-1",
    session_id="session-1",
    observed_at="2026-11-21T09:00:05+00:00",
    expires_at=2_000_000_000,
    emotion="grief",
    valence=-0.5,
    speech_act="telling",
    frustration=0.0,
    crisis_level=1,
    screened_level=0,
    screen_degraded=False,
    miss=False,
    model_id="claude-haiku-4-5",
    provider="bedrock",
    prompt_id="sentinel/v1",
    prompt_sha="0" * 64,
    tokens_input=700,
    tokens_output=40,
    tokens_cache_read=0,
    tokens_cache_write=0,
    cost_usd=0.00099,
    latency_ms=412,
)


@pytest.fixture
def observations(stores: Stores) -> ObservationStore:
    """The store of observations beside the conversations, with one turn in a session."""
    stores.conversations.store_message(SESSION, TURN)
    if isinstance(stores, MemoryStores):
        return MemoryObservationStore(stores.store)
    assert isinstance(stores, AwsStores)
    return observations_of(stores.client)


def observations_of(client: DynamoDBClient) -> DynamoObservationStore:
    """The store over the tables of `tests.contract.aws`."""
    return DynamoObservationStore(client, aws.CONVERSATIONS, counts_table=aws.VARIANT_METRICS)


def test_an_observation_comes_back_field_by_field(observations: ObservationStore) -> None:
    """Gates and analytics are computed from these values."""
    assert observations.find("session-1", "turn-1") is None
    assert observations.put(OBSERVATION) is True
    assert observations.find("session-1", "turn-1") == OBSERVATION
    assert observations.find("session-1", "turn-2") is None


def test_the_first_observation_of_a_turn_stays(observations: ObservationStore) -> None:
    """A redelivered record must not change what was counted."""
    observations.put(OBSERVATION)

    assert observations.put(replace(OBSERVATION, emotion="joy")) is False
    assert observations.find("session-1", "turn-1") == OBSERVATION


def test_of_observers_at_the_same_time_one_is_kept(observations: ObservationStore) -> None:
    """Two deliveries may overlap."""
    kept = at_once(6, lambda number: observations.put(replace(OBSERVATION, latency_ms=number)))

    assert kept.count(True) == 1


def test_beside_no_session_nothing_is_kept(observations: ObservationStore) -> None:
    """An item whose session is not there would be found by no deletion."""
    assert observations.put(replace(OBSERVATION, session_id="session-9")) is False
    assert observations.find("session-9", "turn-1") is None


def test_nothing_is_kept_once_a_deletion_has_begun(observations: ObservationStore, stores: Stores) -> None:
    """The tombstone comes first, so whatever is written after it is refused."""
    stores.conversations.bury_session("session-1", DELETED_AT, 2_000_000_001)

    assert observations.put(OBSERVATION) is False
    assert observations.find("session-1", "turn-1") is None


def test_a_deleted_session_takes_its_observations_along(
    observations: ObservationStore, stores: Stores
) -> None:
    """The count that the person is told is that of turns."""
    for turn in turns(1, 2):
        stores.conversations.store_message(SESSION, turn)
        observations.put(replace(OBSERVATION, turn_id=turn.turn_id))
    observations.put(OBSERVATION)

    stores.conversations.bury_session("session-1", DELETED_AT, 2_000_000_001)

    assert stores.conversations.remove_turns("session-1") == 3
    for turn_id in ("turn-1", "turn-0001", "turn-0002"):
        assert observations.find("session-1", turn_id) is None
    assert stores.conversations.remove_turns("session-1") == 0


def test_of_a_deleted_session_nothing_is_left_but_the_tombstone(dynamodb: DynamoDBClient) -> None:
    """Whatever kind of item is ever put into a session's partition, a deletion finds it."""
    stores = aws_stores(dynamodb)
    stores.conversations.store_message(SESSION, TURN)
    observations_of(dynamodb).put(OBSERVATION)
    dynamodb.put_item(
        TableName=aws.CONVERSATIONS, Item={"pk": {"S": "SESSION#session-1"}, "sk": {"S": "LATER#kind"}}
    )
    other = "session-2"
    stores.conversations.store_message(replace(SESSION, session_id=other), replace(TURN, session_id=other))

    stores.conversations.bury_session("session-1", DELETED_AT, 2_000_000_001)
    stores.conversations.remove_turns("session-1")

    items = dynamodb.scan(TableName=aws.CONVERSATIONS)["Items"]
    assert sorted((item["pk"]["S"], item["sk"]["S"]) for item in items) == [
        ("SESSION#session-1", "META"),
        ("SESSION#session-2", "META"),
        ("SESSION#session-2", "TURN#turn-1"),
    ]


def test_observations_are_no_turns(observations: ObservationStore, stores: Stores) -> None:
    """They lie beside the turns, and neither a history nor an export may trip over them."""
    observations.put(OBSERVATION)

    assert stores.conversations.all_turns("session-1") == (TURN,)
    assert stores.conversations.find_turn("session-1", "turn-1") == TURN
    assert stores.conversations.find_turn("session-1", "turn-2") is None
    assert stores.conversations.find_turn("session-2", "turn-1") is None


def test_the_item_expires_and_is_in_no_index(dynamodb: DynamoDBClient) -> None:
    """Time to live reads `expires_at`; only an item with a pseudonym would be in the index of people."""
    aws_stores(dynamodb).conversations.store_message(SESSION, TURN)
    observations_of(dynamodb).put(OBSERVATION)

    key = {"pk": {"S": "SESSION#session-1"}, "sk": {"S": "SENTINEL#turn-1"}}
    item = dynamodb.get_item(TableName=aws.CONVERSATIONS, Key=key)["Item"]
    assert item["expires_at"] == {"N": "2000000000"}
    assert "user_id_hash" not in item


def test_an_alert_is_published_as_facts() -> None:
    """Subscribers get identifiers and numbers under a subject."""
    with mock_aws():
        sns, sqs = boto3.client("sns"), boto3.client("sqs")
        topic = sns.create_topic(Name="operations")["TopicArn"]
        queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

        SnsAlerts(lambda: sns, topic).send("A subject", {"turn_id": "turn-1", "level": 3})
        SnsAlerts(lambda: sns, topic).tell("Another", "Turns: 12\nReport: s3://lake/report.html")

        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        first, second = (json.loads(message["Body"]) for message in messages)
        assert first["Subject"] == "A subject"
        assert json.loads(first["Message"]) == {"turn_id": "turn-1", "level": 3}
        assert (second["Subject"], second["Message"]) == (
            "Another",
            "Turns: 12\nReport: s3://lake/report.html",
        )


def test_an_alert_that_cannot_be_published_says_so_by_a_code() -> None:
    """The caller counts it."""
    with mock_aws(), pytest.raises(StoreUnavailableError, match=r"^NotFound$"):
        SnsAlerts(lambda: boto3.client("sns"), "arn:aws:sns:us-east-1:000000000000:none").send("A", {"b": 1})


def test_a_quarantined_record_is_a_body_of_identifiers_without_attributes() -> None:
    """Attributes show in consoles and metrics."""
    with mock_aws():
        sqs = boto3.client("sqs")
        queue = sqs.create_queue(QueueName="quarantine")["QueueUrl"]

        SqsQuarantine(lambda: sqs, queue).put({"turn_id": "turn-1", "error": "PayloadError"})

        [message] = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
        assert message["Body"] == '{"turn_id":"turn-1","error":"PayloadError"}'
        assert "MessageAttributes" not in message


def test_a_quarantine_that_is_away_says_so_by_a_code() -> None:
    """The record is then read again."""
    away = "https://sqs.us-east-1.amazonaws.com/0/none"
    with mock_aws(), pytest.raises(StoreUnavailableError):
        SqsQuarantine(lambda: boto3.client("sqs"), away).put({"turn_id": "turn-1"})
