"""One emulator with the six scripted functions, the claims table and the queue of unrecorded turns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.local.emulator_process import Emulator, start
from tests.statemachines.definitions import turn
from tests.statemachines.scripted import ROLES, SOURCE, Stage, Step

TABLE = "Idempotency"


@dataclass(frozen=True)
class Walk:
    """How one execution ended: the response that API Gateway would send."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    states: list[str]


@dataclass
class Theatre:
    """Runs scenarios through the deployed machine."""

    emulator: Emulator
    stage: Stage
    resources: Mapping[str, str]
    queue_url: str
    walked: set[str] = field(default_factory=set)

    def machine(self, name: str, changes: Mapping[str, str] | None = None, **resources: str) -> str:
        """Deploy the machine, with pieces of its text changed; gives its ARN."""
        return self.emulator.machine(name, turn(changes, **{**self.resources, **resources}))

    def walk(
        self,
        machine: str,
        name: str,
        roles: Mapping[str, Sequence[Step]],
        body: Mapping[str, Any] | None = None,
    ) -> Walk:
        """Run a scenario; the execution must succeed."""
        self.stage.add(name, roles)
        document = {"message": "I had a long day.", "locale": name, **(body or {})}
        run = self.emulator.run(
            machine,
            {
                "body": json.dumps(document),
                "subject": "subject-1",
                "token_use": "id",
                "idempotency_key": "key-1",
                "request_id": "request-1",
            },
        )
        assert run["status"] == "SUCCEEDED", run
        history = self.emulator.client("stepfunctions").get_execution_history(
            executionArn=run["executionArn"], maxResults=1000
        )
        entered = [
            event["stateEnteredEventDetails"]["name"]
            for event in history["events"]
            if "stateEnteredEventDetails" in event
        ]
        self.walked.update(entered)
        output = run["output"]
        return Walk(output["status_code"], output["headers"], json.loads(output["body"]), entered)

    def kept_records(self) -> list[dict[str, Any]]:
        """Take all messages from the queue of unrecorded turns."""
        sqs = self.emulator.client("sqs")
        kept: list[dict[str, Any]] = []
        while messages := sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            kept += messages
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return kept

    def claim(self, key: str, **attributes: Mapping[str, str]) -> None:
        """Put an item into the claims table."""
        self.emulator.client("dynamodb").put_item(
            TableName=TABLE, Item={"claim_key": {"S": key}, **attributes}
        )


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """The emulator and everything that the machine talks to."""
    home = tmp_path_factory.mktemp("statemachines")
    stage = Stage(home / "script.json", home / "calls.jsonl")
    stage.calls.touch()
    # As on AWS, synchronous executions leave no record; here their history shows which states were entered.
    emulator = start(home, SILENT_INFINITY_COMPLETIONS_OFF="express_records")
    try:
        variables = {"SCRIPT": str(stage.script), "CALLS": str(stage.calls)}
        resources = {
            f"{role}FunctionArn": emulator.function(
                role, SOURCE, Timeout=30, Environment={"Variables": {**variables, "ROLE": role}}
            )
            for role in ROLES
        }
        emulator.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "claim_key", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "claim_key", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        queue_url = emulator.client("sqs").create_queue(QueueName="unrecorded")["QueueUrl"]
        yield Theatre(
            emulator,
            stage,
            {**resources, "IdempotencyTableName": TABLE, "UnrecordedTurnsQueueUrl": queue_url},
            queue_url,
        )
    finally:
        emulator.stop()


@pytest.fixture(scope="session")
def machine(theatre: Theatre) -> str:
    """The machine as it is deployed."""
    return theatre.machine("turn")


@pytest.fixture
def walk(theatre: Theatre, machine: str) -> Callable[..., Walk]:
    """Run a scenario on the deployed machine."""

    def run(name: str, roles: Mapping[str, Sequence[Step]], body: Mapping[str, Any] | None = None) -> Walk:
        return theatre.walk(machine, name, roles, body)

    return run
