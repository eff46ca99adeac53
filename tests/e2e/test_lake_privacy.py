"""Invariant 4 behind the turn: canaries and pseudonyms are searched for in everything the lake makes.

People's words may be in the table of conversations and the one of feedback, an operator's reason in the audit
log, pseudonyms in bronze, silver and units. Nothing else may have any of them.
"""

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from local.cli.rollup import MACHINE
from local.stack.stack import LocalStack
from silent_infinity.adapters.aws.items import to_item
from silent_infinity.domain.weeks import Week
from tests.e2e.conftest import Client, Tables
from tests.e2e.test_privacy import logged
from tests.e2e.test_rollup import query
from tests.e2e.test_rollup_failures import letters, run
from tests.support.lake_events import turn_item
from tests.support.model_server import Behaviour, ModelServer
from tests.support.world import TELLING

PATIENCE = 60.0
WITH_PSEUDONYMS = ("bronze/", "silver/", "units/")
"""Below these prefixes a pseudonym may lie."""


class Planted:
    """What was said, answered, written of an answer and given as a reason; and who said it."""

    def __init__(self) -> None:
        self.said, self.replied, self.wrote, self.reason, self.poison = (
            f"canary{kind}{uuid.uuid4().hex}" for kind in ("said", "replied", "wrote", "reason", "poison")
        )
        self.pseudonym = ""
        self.session = ""
        self.turns: list[str] = []

    @property
    def words(self) -> dict[str, str]:
        """Name to what must be nowhere."""
        names = ("said", "replied", "wrote", "reason", "poison")
        return {name: str(getattr(self, name)) for name in names}


class Sinks:
    """Everything that a night and a week leave behind, as text."""

    def __init__(self, stack: LocalStack, tables: Tables, folder: Path) -> None:
        self._stack = stack
        self._tables = tables
        self._folder = folder

    def objects(self) -> dict[str, str]:
        """Return the lake's objects by name, Parquet as its rows."""
        s3, bucket = self._stack.client("s3"), self._stack.outputs["LakeBucketName"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        names = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {
            name: self._text(s3.get_object(Bucket=bucket, Key=name)["Body"].read()) + name for name in names
        }

    def _text(self, content: bytes) -> str:
        if not content.startswith(b"PAR1"):
            return content.decode(errors="replace")
        path = self._folder / uuid.uuid4().hex
        path.write_bytes(content)
        with duckdb.connect() as connection:
            return repr(connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall())

    def histories(self) -> str:
        """Return what executions of the rollup remember: each state's input, output and error."""
        machines = self._stack.client("stepfunctions")
        listed = machines.list_executions(stateMachineArn=self._stack.outputs[MACHINE])["executions"]
        return "".join(
            json.dumps(event, default=str)
            for execution in listed
            for page in machines.get_paginator("get_execution_history").paginate(
                executionArn=execution["executionArn"]
            )
            for event in page["events"]
        )

    def statements(self) -> str:
        """Return what Athena remembers of its statements: their text, and why they failed."""
        athena = self._stack.client("athena")
        ids = athena.list_query_executions(WorkGroup=self._stack.outputs["LakeWorkgroupName"])
        return "".join(
            json.dumps(athena.get_query_execution(QueryExecutionId=each)["QueryExecution"], default=str)
            for each in ids["QueryExecutionIds"]
        )

    def queue(self, output: str) -> str:
        """Return the messages of a queue, all left where they are."""
        found = self._stack.client("sqs").receive_message(
            QueueUrl=self._stack.outputs[output],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        )
        return json.dumps(found.get("Messages", []), default=str)

    def elsewhere(self) -> dict[str, str]:
        """Return every sink but the bucket."""
        metrics = self._stack.client("cloudwatch").list_metrics()["Metrics"]
        return {
            "figures": json.dumps(self._tables.items("VariantMetrics"), default=str),
            "lease": json.dumps(
                [
                    item
                    for item in self._tables.items("Idempotency")
                    if item["claim_key"] == {"S": "nightly-rollup"}
                ]
            ),
            "histories": self.histories(),
            "statements": self.statements(),
            "quarantine": self.queue("LakeQuarantineQueueUrl"),
            "dead letters": self.queue("NightlyRollupDeadLetterQueueUrl"),
            "mail": json.dumps(self._stack.outbox_messages(), default=str),
            "metrics": json.dumps(metrics, default=str),
            "logs": "\n".join(logged(self._stack)),
        }


def _in_time(ask: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not (answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer


@pytest.fixture(scope="module")
def planted(stack: LocalStack, tables: Tables, model_server: ModelServer) -> Planted:
    """Canaries on every way into the lake, then a night and a week over them."""
    found = Planted()
    model_server.script = lambda _messages: Behaviour(
        f"You keep going over {found.replied} and what you said to your sister.\n\n"
        "It stays with you after the funeral. What would you want her to know?"
    )
    person = Client(stack, f"canary-{uuid.uuid4().hex[:12]}")
    answers = [_screened(person, tables, f"{TELLING} {found.said}")]
    crisis = f"I want to die and {found.said} I have been planning it."
    answers.append(person.turn(crisis, session_id=answers[0]["session_id"]).json())
    for answer in answers:
        event = tables.event(answer["turn_id"], patience_seconds=30)
        assert event is not None
        found.pseudonym = event["user_id_hash"]["S"]
    found.session, found.turns = answers[0]["session_id"], [answer["turn_id"] for answer in answers]
    said = {"session_id": found.session, "turn_id": found.turns[0], "rating": 2, "text": found.wrote}
    assert person.request("POST", "/v1/feedback", json=said).status_code == 201
    _give_a_reason(stack, found.reason)
    broken = turn_item(f"bad-{uuid.uuid4()}", retry_count=found.poison)
    broken["quality_parts"] = {found.poison: found.poison}
    table = stack.outputs["TurnEventsTableName"]
    stack.client("dynamodb").put_item(TableName=table, Item=to_item(broken))

    def arrived() -> bool:
        counts = query(
            stack,
            "SELECT (SELECT count(DISTINCT turn_id) FROM bronze_turn_events"  # noqa: S608 - an id of this test
            f" WHERE session_id = '{found.session}') AS turns, (SELECT count(DISTINCT feedback_id)"
            f" FROM bronze_feedback WHERE session_id = '{found.session}') AS feedback",
        )
        return counts == [[str(len(set(found.turns))), "1"]]

    assert _in_time(arrived)
    today = datetime.now(UTC).date()
    assert run(stack, {"date": today.isoformat(), "act": True})["status"] == "SUCCEEDED", letters(stack)
    assert run(stack, {"date": found.poison})["status"] == "FAILED"
    reported = stack.client("lambda").invoke(
        FunctionName=stack.outputs["WeeklyReportFunctionName"],
        Payload=json.dumps({"week": Week.around(datetime.now(UTC)).name}).encode(),
    )
    assert "FunctionError" not in reported, reported["Payload"].read()
    return found


def _screened(person: Client, tables: Tables, message: str) -> dict[str, Any]:
    """Return the first answer to a message that was screened: functions may still be starting."""
    for _ in range(5):
        answer: dict[str, Any] = person.turn(message).json()
        event = tables.event(answer["turn_id"], patience_seconds=30)
        if event is not None and {"S": "screen"} not in event["degraded"]["L"]:
            return answer
    raise AssertionError("no turn was screened")


def _give_a_reason(stack: LocalStack, reason: str) -> None:
    headers = {"Authorization": stack.operator_token(), "Idempotency-Key": uuid.uuid4().hex}
    with httpx.Client(base_url=stack.api_url, headers=headers, timeout=30) as operator:
        config = operator.get("/admin/api/variants/CHAT_UI_LAYOUT/current").json()["config"]
        made = operator.post(
            "/admin/api/variants/CHAT_UI_LAYOUT",
            json={
                "variant_id": f"probe-{uuid.uuid4().hex[:8]}",
                "description": "Made for the sake of its reason.",
                "config": config,
                "reason": f"Because of {reason}.",
            },
        )
    assert made.status_code == 201, made.text


@pytest.fixture(scope="module")
def sinks(planted: Planted, stack: LocalStack, tables: Tables, tmp_path_factory: Any) -> Any:
    """Everything that is there after the night and the week: (the lake's objects, the other sinks)."""
    found = Sinks(stack, tables, tmp_path_factory.mktemp("objects"))
    return found.objects(), found.elsewhere()


def test_nobodys_words_are_in_anything_that_the_lake_makes(
    sinks: tuple[dict[str, str], dict[str, str]], planted: Planted, tables: Tables
) -> None:
    """Objects of every prefix, figures, statements, executions, queues, mail, logs, and names of objects."""
    objects, elsewhere = sinks
    # What a run was asked for is its own input: it is in its history and its letter, and nowhere else.
    own = {"histories", "dead letters"}
    for name, content in (objects | elsewhere).items():
        for kind, word in planted.words.items():
            if not (kind == "poison" and name in own):
                assert word not in content, (name, kind)

    assert planted.said in json.dumps(tables.items("Conversations"))
    assert planted.wrote in json.dumps(tables.items("Feedback"))
    assert planted.reason in json.dumps(tables.items("AuditLog"))


def test_every_sink_was_there_to_be_searched(
    sinks: tuple[dict[str, str], dict[str, str]], planted: Planted
) -> None:
    """A search of nothing finds nothing: each layer has rows, and these turns are among them."""
    objects, elsewhere = sinks
    layers = {name.split("/")[0] for name in objects}
    for layer in ("bronze/turn_events/", "silver/turns/"):
        rows = "".join(content for name, content in objects.items() if name.startswith(layer))
        assert all(turn_id in rows for turn_id in planted.turns), layer

    assert layers >= {"bronze", "silver", "units", "gold", "results", "reports"}
    assert planted.session in "".join(text for name, text in objects.items() if name.startswith("units/"))
    assert '"retry_count"' not in elsewhere["quarantine"]
    assert "/retry_count" in elsewhere["quarantine"]
    assert "UNLOAD" in elsewhere["histories"]
    assert "UNLOAD" in elsewhere["statements"]
    assert "week" in elsewhere["mail"]
    assert "DaysError" in elsewhere["dead letters"]
    assert len(elsewhere["figures"]) > 1000


def test_pseudonyms_end_with_the_tables_of_units(
    sinks: tuple[dict[str, str], dict[str, str]], planted: Planted
) -> None:
    """Gold, reports, figures, histories, statements, letters and mail are about variants, not people."""
    objects, elsewhere = sinks
    about_people = "".join(text for name, text in objects.items() if name.startswith(WITH_PSEUDONYMS))
    # A test asked for a session by its id; that is in the statement's own text.
    session_allowed = {"logs", "statements"}
    for name, content in (objects | elsewhere).items():
        if not name.startswith(WITH_PSEUDONYMS):
            assert planted.pseudonym not in content, name
            assert planted.session not in content or name in session_allowed, name

    assert planted.pseudonym in about_people
