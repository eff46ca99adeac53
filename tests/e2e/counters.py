"""What the gateway counts of its calls, held against what the records of the turns say."""

import json
import logging
import math
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from local.stack.aws import ACCOUNT, REGION
from local.stack.stack import LocalStack
from silent_infinity.domain.gateway import gateway_rules
from tests.e2e.conftest import Tables

logger = logging.getLogger(__name__)

IN_FLIGHT = "in_flight#"
ANSWERED = ("ok", "length", "empty", "guarded", "guard:never-family")
"""Outcomes of calls whose usage is known: what they cost was settled, whatever became of their text."""
REFUSED = ("breaker", "budget", "rate")
"""Who refuses a call before anything is reserved for it."""


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item without DynamoDB's types."""
    read = TypeDeserializer().deserialize
    return {name: read(value) for name, value in item.items()}


@dataclass(frozen=True)
class Recorded:
    """A turn event, as far as it is about models."""

    event: dict[str, Any]

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every attempt at a model, in order."""
        calls: list[dict[str, Any]] = self.event["model_calls"]
        return calls

    @property
    def outcomes(self) -> list[str]:
        """How the attempts ended."""
        return [call["outcome"] for call in self.calls]

    @property
    def degraded(self) -> set[str]:
        """The marks of the turn."""
        return set(self.event["degraded"])

    @property
    def tokens(self) -> int:
        """All tokens of the turn, added up from its calls."""
        return sum(_tokens(call) for call in self.calls)

    @property
    def settled_micro_usd(self) -> int:
        """What its calls cost, each rounded up as the counters do."""
        return sum(math.ceil(round(float(call["cost_usd"]) * 1e6, 3)) for call in self.calls)

    @property
    def left_charged(self) -> int:
        """How many of its calls may have been billed although nobody knows what: their reservations stay."""
        return sum(
            outcome not in ANSWERED
            and outcome.partition(":")[0] not in REFUSED
            and gateway_rules().may_have_cost(outcome)
            for outcome in self.outcomes
        )

    def adds_up(self) -> bool:
        """Whether the event's own sums are those of its calls."""
        fields = ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write", "cost_usd")
        return all(
            math.isclose(
                float(self.event[name]), float(sum(Decimal(call[name]) for call in self.calls)), abs_tol=1e-12
            )
            for name in fields
        )


class Counters:
    """A table of counters of its own, so that what other tests spend and break is not in it."""

    def __init__(self, stack: LocalStack, tables: Tables) -> None:
        self._dynamodb = stack.client("dynamodb")
        self._tables = tables
        self.name = f"counters-{uuid.uuid4().hex[:12]}"
        self._dynamodb.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "limit_key", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "limit_key", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self._iam = stack.client("iam")
        self._allowed = list(self._share(stack.outputs["LimitsTableName"]))

    def remove(self) -> None:
        """Delete the table, and what was allowed on it."""
        for role in self._allowed:
            self._iam.delete_role_policy(RoleName=role, PolicyName=self.name)
        self._dynamodb.delete_table(TableName=self.name)

    def _share(self, table: str) -> Iterator[str]:
        """Allow on this table what each role may do on the deployed one; yield the roles."""
        prefix = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
        pages = self._iam.get_paginator("list_roles").paginate()
        for role in (role["RoleName"] for page in pages for role in page["Roles"]):
            policies = self._iam.list_role_policies(RoleName=role)["PolicyNames"]
            documents = [
                self._iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                for policy in policies
            ]
            statements = [
                {**statement, "Resource": f"{prefix}{self.name}"}
                for document in documents
                for statement in document["Statement"]
                if statement["Resource"] == f"{prefix}{table}"
            ]
            if statements:
                shared = json.dumps({"Version": "2012-10-17", "Statement": statements})
                self._iam.put_role_policy(RoleName=role, PolicyName=self.name, PolicyDocument=shared)
                yield role

    def forget(self) -> None:
        """Delete every counter and the state of every breaker."""
        for item in self.items():
            self._dynamodb.delete_item(TableName=self.name, Key={"limit_key": {"S": item["limit_key"]}})

    def items(self, prefix: str = "") -> list[dict[str, Any]]:
        """Return the counters whose key begins so."""
        found = self._dynamodb.scan(TableName=self.name, ConsistentRead=True)["Items"]
        return [item for item in map(plain, found) if item["limit_key"].startswith(prefix)]

    def spend(self, key: str, amount: int) -> None:
        """Have so much been used of a counter."""
        item = {"limit_key": {"S": key}, "used": {"N": str(amount)}}
        self._dynamodb.put_item(TableName=self.name, Item=item)

    def used(self, prefix: str) -> int:
        """Return what is counted at the counters whose key begins so, reservations included."""
        return sum(int(item["used"]) for item in self.items(prefix))

    def reserved(self, prefix: str) -> list[int]:
        """Return the reservations that are not settled."""
        return [
            int(value)
            for item in self.items(prefix)
            for name, value in item.items()
            if name.startswith(IN_FLIGHT)
        ]

    def breaker(self, key: str) -> dict[str, Any]:
        """Return the shared state of the breaker of `provider/model`; empty if nothing has failed."""
        found = self.items(f"breaker#{key}")
        return found[0] if found else {}

    def recorded(self, answer: Mapping[str, Any], patience_seconds: float = 10) -> Recorded:
        """Return the turn event of an answer."""
        event = self._tables.event(answer["turn_id"], patience_seconds)
        assert event is not None
        return Recorded(plain(event))

    def agree(self, turns: Iterable[Recorded], patience_seconds: float = 5) -> bool:
        """Whether the counters say what the turns say, to the token and to the millionth of a dollar.

        The turns have to be all that was counted. What calls may have cost that died on the way stays charged
        with all that was reserved, so that then more is counted than recorded.
        Counts of crises are written beside the turn, so they may take a moment.
        """
        told = list(turns)
        deadline = time.monotonic() + patience_seconds
        while self._differences(told):
            if time.monotonic() > deadline:
                logger.error("counters differ (more counted than recorded): %s", self._differences(told))
                return False
            time.sleep(0.2)
        return True

    def _differences(self, turns: list[Recorded]) -> dict[str, int]:
        """Return by how much each counter is wrong."""
        found = {
            "reservations of calls that have ended": len(self.reserved("spend#")),
            "money": _wrong_by(
                self.used("spend#day#") - sum(turn.settled_micro_usd for turn in turns),
                sum(turn.left_charged for turn in turns),
            ),
        }
        for session in {turn.event["session_id"] for turn in turns}:
            of_session = [turn for turn in turns if turn.event["session_id"] == session]
            found[session] = _wrong_by(
                self.used(f"spend#session#{session}") - sum(turn.tokens for turn in of_session),
                sum(turn.left_charged for turn in of_session),
            )
        return {name: difference for name, difference in found.items() if difference}


def _wrong_by(more: int, left_charged: int) -> int:
    """Return what is wrong with a counter that shows so much `more` than was recorded."""
    if not left_charged:
        return more
    return 0 if more > 0 else more - 1


def _tokens(call: Mapping[str, Any]) -> int:
    kinds = ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write")
    return sum(int(call[kind]) for kind in kinds)
