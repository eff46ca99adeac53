"""One set of stores for each implementation: in memory, and on AWS as moto plays it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_s3 import S3Client

from silent_infinity.adapters.aws.claims import DynamoClaimStore
from silent_infinity.adapters.aws.conversations import DynamoConversationStore
from silent_infinity.adapters.aws.feedback import DynamoFeedbackStore
from silent_infinity.adapters.aws.items import from_item
from silent_infinity.adapters.aws.limits import DynamoLimitStore
from silent_infinity.adapters.aws.turn_records import DynamoTurnRecorder
from silent_infinity.adapters.memory.claims import MemoryClaimStore
from silent_infinity.adapters.memory.conversations import MemoryConversationStore
from silent_infinity.adapters.memory.feedback import MemoryFeedbackStore
from silent_infinity.adapters.memory.limits import MemoryLimitStore
from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.adapters.memory.turn_records import MemoryTurnRecorder
from silent_infinity.ports.claims import ClaimStore
from silent_infinity.ports.conversations import ConversationStore
from silent_infinity.ports.feedback import FeedbackStore
from silent_infinity.ports.limits import LimitStore
from silent_infinity.ports.turn_records import TurnRecorder
from tests.contract import aws
from tests.contract.gateway_stores import GatewayShared, aws_shared, memory_shared
from tests.contract.registry_stores import Registry, aws_registry, memory_registry


@dataclass(frozen=True)
class Stores:
    """The stores that one transaction spans, and a look at what no port shows."""

    conversations: ConversationStore
    claims: ClaimStore
    recorder: TurnRecorder
    limits: LimitStore
    feedback: FeedbackStore

    def events(self) -> list[dict[str, Any]]:
        """Return every turn event."""
        raise NotImplementedError

    def used_tokens(self, user_id_hash: str) -> int:
        """Return the tokens that count against the person's budget."""
        raise NotImplementedError


@dataclass(frozen=True)
class MemoryStores(Stores):
    """The stores in memory."""

    store: MemoryStore

    def events(self) -> list[dict[str, Any]]:
        return list(self.store.events.values())

    def used_tokens(self, user_id_hash: str) -> int:
        return self.store.counters[user_id_hash].used_tokens


@dataclass(frozen=True)
class AwsStores(Stores):
    """The stores on AWS."""

    client: DynamoDBClient

    def events(self) -> list[dict[str, Any]]:
        items = [from_item(item) for item in self.client.scan(TableName=aws.TURN_EVENTS)["Items"]]
        return [{name: value for name, value in item.items() if name != "expires_at"} for item in items]

    def used_tokens(self, user_id_hash: str) -> int:
        item = self.client.get_item(TableName=aws.LIMITS, Key={"limit_key": {"S": user_id_hash}})["Item"]
        return int(item["used_tokens"]["N"])


@pytest.fixture(scope="session")
def _clients() -> tuple[DynamoDBClient, S3Client]:
    """Making a client takes longer than a test; moto answers whatever client was made after its import."""
    return boto3.client("dynamodb"), boto3.client("s3")


@pytest.fixture
def dynamodb(_clients: tuple[DynamoDBClient, S3Client]) -> Iterator[DynamoDBClient]:
    """Every table, empty."""
    with mock_aws():
        client = cast(DynamoDBClient, aws.OneAtATime(_clients[0]))
        aws.create_tables(client)
        yield client


@pytest.fixture
def s3(dynamodb: DynamoDBClient, _clients: tuple[DynamoDBClient, S3Client]) -> S3Client:
    """The prompts' bucket, empty, beside the tables."""
    aws.create_bucket(_clients[1])
    return _clients[1]


@pytest.fixture(params=["memory", "aws"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """The stores of one implementation, empty."""
    return memory_stores() if request.param == "memory" else aws_stores(request.getfixturevalue("dynamodb"))


@pytest.fixture(params=["memory", "aws"])
def shared(request: pytest.FixtureRequest) -> GatewayShared:
    """The gateway's stores of one implementation, empty."""
    return memory_shared() if request.param == "memory" else aws_shared(request.getfixturevalue("dynamodb"))


@pytest.fixture(params=["memory", "aws"])
def registry(request: pytest.FixtureRequest) -> Registry:
    """The registry of variants of one implementation, with its logs, empty."""
    if request.param == "memory":
        return memory_registry()
    return aws_registry(request.getfixturevalue("dynamodb"))


def memory_stores() -> MemoryStores:
    """Return empty stores in memory."""
    store = MemoryStore()
    return MemoryStores(
        conversations=MemoryConversationStore(store),
        claims=MemoryClaimStore(store),
        recorder=MemoryTurnRecorder(store),
        limits=MemoryLimitStore(store),
        feedback=MemoryFeedbackStore(store),
        store=store,
    )


def aws_stores(client: DynamoDBClient) -> AwsStores:
    """Return stores over the tables of `client`."""
    return AwsStores(
        conversations=DynamoConversationStore(client, aws.CONVERSATIONS),
        claims=DynamoClaimStore(client, aws.CLAIMS),
        recorder=DynamoTurnRecorder(
            client,
            turn_events_table=aws.TURN_EVENTS,
            conversations_table=aws.CONVERSATIONS,
            claims_table=aws.CLAIMS,
            limits_table=aws.LIMITS,
        ),
        limits=DynamoLimitStore(client, aws.LIMITS),
        feedback=DynamoFeedbackStore(client, aws.FEEDBACK),
        client=client,
    )
