"""From a turn to a row of bronze on the deployed system, and back out of the quarantine."""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pytest

from local.stack.stack import LocalStack
from silent_infinity.adapters.aws.items import to_item
from silent_infinity.domain.lake.bronze import FEEDBACK, TURN_EVENTS
from silent_infinity.domain.lake.model import Table
from tests.e2e.conftest import Client, Tables
from tests.e2e.test_privacy import logged
from tests.support.lake_events import turn_item
from tests.support.world import TELLING

PATIENCE = 60.0
"""Seconds. The emulator's one poller serves every queue and stream, one invocation after the other."""

T = TypeVar("T")


class Bronze:
    """What lies in the lake's bucket."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self._s3 = stack.client("s3")
        self._bucket = stack.outputs["LakeBucketName"]
        self._folder = folder

    def keys(self, prefix: str) -> list[str]:
        """Return the names of objects."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """Return every row of a table."""
        paths = [self._fetched(key) for key in self.keys(table.prefix)]
        if not paths:
            return []
        with duckdb.connect() as connection:
            found = connection.execute("SELECT * FROM read_parquet(?)", [[str(path) for path in paths]])
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def turns(self, *turn_ids: str) -> list[dict[str, Any]]:
        """Return the rows of these turns."""
        return [row for row in self.rows(TURN_EVENTS) if row["turn_id"] in turn_ids]

    def everything(self) -> bytes:
        """Return the bytes of every object, unpacked where they are packed."""
        return "".join(repr(self.rows(table)) for table in (TURN_EVENTS, FEEDBACK)).encode()

    def _fetched(self, key: str) -> Path:
        path = self._folder / key.replace("/", "_")
        if not path.exists():
            path.write_bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        return path


@pytest.fixture(scope="module")
def bronze(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Bronze:
    """The tables of arrivals."""
    return Bronze(stack, tmp_path_factory.mktemp("bronze"))


def _in_time(ask: Callable[[], T]) -> T:
    """Return the answer as soon as there is one, or the empty one when patience ends."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer


def test_a_turn_and_its_rating_reach_bronze_without_a_word(
    person: Client, tables: Tables, bronze: Bronze, stack: LocalStack
) -> None:
    """Both streams, the consumer with its own role, Firehose and its conversion, the layout of folders."""
    canary = f"canarybronze{uuid.uuid4().hex}"
    answer = person.turn(f"{TELLING} {canary}").json()
    rated = {"session_id": answer["session_id"], "turn_id": answer["turn_id"], "rating": 5, "text": canary}
    feedback_id = person.request("POST", "/v1/feedback", json=rated).json()["feedback_id"]

    [row] = _in_time(lambda: bronze.turns(answer["turn_id"]))
    event = tables.event(answer["turn_id"])
    assert event is not None
    assert row["intent"] == event["intent"]["S"]
    assert row["active_variants"] == {key: value["S"] for key, value in event["active_variants"]["M"].items()}
    assert row["latency_ms"]["total_ms"] == int(event["latency_ms"]["M"]["total_ms"]["N"])

    def feedback() -> list[dict[str, Any]]:
        return [each for each in bronze.rows(FEEDBACK) if each["feedback_id"] == feedback_id]

    [said] = _in_time(feedback)
    assert (said["turn_id"], said["rating"], said["nps"]) == (answer["turn_id"], 5.0, None)
    assert canary.encode() not in bronze.everything()
    assert canary not in "".join(logged(stack))
    for key in bronze.keys("bronze/"):
        assert key.split("/")[2].startswith("dt=20"), key
        assert key.split("/")[3].startswith("hour="), key
    assert bronze.keys("bronze-errors/") == []


def test_poison_is_set_aside_and_comes_back_by_the_replay_queue(
    bronze: Bronze, tables: Tables, stack: LocalStack
) -> None:
    """A turn that no column can hold does not stop the next one, and is not lost."""
    dynamodb, sqs = stack.client("dynamodb"), stack.client("sqs")
    table = stack.outputs["TurnEventsTableName"]
    bad, good = f"bad-{uuid.uuid4()}", f"good-{uuid.uuid4()}"
    dynamodb.put_item(TableName=table, Item=to_item(turn_item(bad, retry_count="often")))
    dynamodb.put_item(TableName=table, Item=to_item(turn_item(good)))

    assert len(_in_time(lambda: bronze.turns(good))) == 1

    def quarantined() -> list[dict[str, Any]]:
        found = sqs.receive_message(
            QueueUrl=stack.outputs["LakeQuarantineQueueUrl"], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        bodies = [json.loads(message["Body"]) for message in found.get("Messages", [])]
        return [body for body in bodies if body.get("key") == bad]

    [facts] = _in_time(quarantined)
    assert (facts["table"], facts["at"], facts["rule"]) == ("turn_events", "/retry_count", "type")
    dynamodb.put_item(TableName=table, Item=to_item(turn_item(bad)))
    sqs.send_message(QueueUrl=stack.outputs["LakeReplayQueueUrl"], MessageBody=json.dumps(facts))

    assert [row["turn_id"] for row in _in_time(lambda: bronze.turns(bad))] == [bad]
    sqs.purge_queue(QueueUrl=stack.outputs["LakeQuarantineQueueUrl"])
