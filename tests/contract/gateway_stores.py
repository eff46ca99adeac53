"""The gateway's shared stores, in memory and on AWS, with a look at what no port shows."""

from dataclasses import dataclass
from typing import Any

from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.adapters.aws.breakers import DynamoBreakerStore
from silent_infinity.adapters.aws.items import from_item
from silent_infinity.adapters.aws.model_rates import DynamoModelRateStore
from silent_infinity.adapters.aws.spend import DynamoSpendStore
from silent_infinity.adapters.memory.gateway import (
    MemoryBreakerStore,
    MemoryModelRateStore,
    MemorySpendStore,
)
from silent_infinity.ports.breakers import BreakerStore
from silent_infinity.ports.model_rates import ModelRateStore
from silent_infinity.ports.spend import SpendStore
from tests.contract import aws


@dataclass(frozen=True)
class GatewayShared:
    """The three stores of one implementation."""

    breakers: BreakerStore
    spend: SpendStore
    rates: ModelRateStore

    def used(self, prefix: str) -> int:
        """Return what is charged to all counters whose key begins so."""
        raise NotImplementedError

    def in_flight(self) -> int:
        """Return how many reservations are not settled."""
        raise NotImplementedError


@dataclass(frozen=True)
class MemoryShared(GatewayShared):
    """In memory."""

    spend: MemorySpendStore

    def used(self, prefix: str) -> int:
        return sum(used for key, used in self.spend.used.items() if key.startswith(prefix))

    def in_flight(self) -> int:
        return sum(len(flying) for flying in self.spend.in_flight.values())


@dataclass(frozen=True)
class AwsShared(GatewayShared):
    """On AWS, as moto plays it."""

    client: DynamoDBClient

    def items(self) -> list[dict[str, Any]]:
        """Return all items of the table."""
        return [from_item(item) for item in self.client.scan(TableName=aws.LIMITS)["Items"]]

    def used(self, prefix: str) -> int:
        return sum(item.get("used", 0) for item in self.items() if item["limit_key"].startswith(prefix))

    def in_flight(self) -> int:
        return sum(name.startswith("in_flight#") for item in self.items() for name in item)


def memory_shared() -> MemoryShared:
    """Return empty stores in memory."""
    return MemoryShared(MemoryBreakerStore(), MemorySpendStore(), MemoryModelRateStore())


def aws_shared(client: DynamoDBClient) -> AwsShared:
    """Return stores over the tables of `client`."""
    return AwsShared(
        DynamoBreakerStore(client, aws.LIMITS),
        DynamoSpendStore(client, aws.LIMITS),
        DynamoModelRateStore(client, aws.LIMITS),
        client,
    )
