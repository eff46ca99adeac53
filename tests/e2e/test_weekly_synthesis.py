"""The weekly synthesis on the deployed system: a scripted model writes, and what it writes is checked."""

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from local.cli.synthesis import MACHINE, this_week
from local.stack.stack import LocalStack
from silent_infinity.adapters.aws.conversation_items import session_item, turn_item
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from silent_infinity.domain.ids import uuid7
from silent_infinity.ports.conversations import Session, StoredTurn
from tests.e2e.conftest import Client, Tables
from tests.e2e.test_privacy import logged
from tests.support.model_server import Behaviour, ModelServer
from tests.support.synthesis import SAID, SUMMARY
from tests.support.world import MIRROR

EXPIRES_AT = 2_000_000_000
ASKED = "You are given what one person wrote to you"
"""Words of the synthesis prompt, which no other prompt has."""


def writes(summary: str) -> Any:
    """Return a script that answers turns well, and the synthesis with this summary."""

    def script(messages: list[dict[str, str]]) -> Behaviour:
        return Behaviour(summary if ASKED in messages[0]["content"] else MIRROR)

    return script


def asked(model_server: ModelServer) -> list[list[dict[str, str]]]:
    """Return what the synthesis has asked the model."""
    return [messages for messages in model_server.requests if ASKED in messages[0]["content"]]


def run(stack: LocalStack, week: str | None = None, patience_seconds: float = 240) -> dict[str, Any]:
    """Run the state machine to its end and return how it ended."""
    machines = stack.client("stepfunctions")
    execution = machines.start_execution(
        stateMachineArn=stack.outputs[MACHINE],
        input=json.dumps({"week": week or this_week(datetime.now(UTC))}),
    )["executionArn"]
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        described: dict[str, Any] = machines.describe_execution(executionArn=execution)
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.2)
    raise AssertionError("the run did not end")


class Told:
    """Conversations of this week, put where turns leave them: what a turn does has tests of its own."""

    def __init__(self, stack: LocalStack) -> None:
        self._dynamodb = stack.client("dynamodb")
        self._table = stack.outputs["ConversationsTableName"]

    def session(self, *messages: str, level: int = 0) -> str:
        """Give somebody new a session with these messages; its id."""
        session_id = str(uuid.uuid4())
        now = datetime.now(UTC).isoformat()
        session = Session(session_id, f"pseudonym-{uuid.uuid4().hex}", now, now, EXPIRES_AT)
        self._put(session_item(session))
        self.add(session_id, *messages, level=level)
        return session_id

    def add(self, session_id: str, *messages: str, level: int = 0) -> None:
        """Add messages with their replies to a session."""
        for message in messages:
            now = datetime.now(UTC)
            self._put(
                turn_item(
                    StoredTurn(
                        turn_id=uuid7(int(now.timestamp() * 1000), uuid.uuid4().bytes),
                        session_id=session_id,
                        message=message,
                        received_at=now.isoformat(),
                        expires_at=EXPIRES_AT,
                        reply=MIRROR,
                        reply_kind="crisis" if level >= RISK_LEVEL else "answer",
                        crisis_level=level,
                    )
                )
            )

    def _put(self, item: dict[str, Any]) -> None:
        self._dynamodb.put_item(TableName=self._table, Item=item)


@pytest.fixture(scope="module")
def told(stack: LocalStack) -> Told:
    """The conversations of the deployed stack."""
    return Told(stack)


def summaries_of(tables: Tables, session_id: str) -> list[dict[str, Any]]:
    """Return the summaries and claims that name a session."""
    return [
        item
        for item in tables.items("Conversations")
        if item["sk"]["S"].startswith("SUMMARY#") and {"S": session_id} in item["session_ids"]["L"]
    ]


def test_a_week_is_summarised_once_and_goes_with_its_session(
    stack: LocalStack, person: Client, told: Told, tables: Tables, model_server: ModelServer
) -> None:
    """Search, call, check, keep; a second run asks for nothing; a deletion takes the summary along."""
    model_server.script = writes(SUMMARY)
    canary = f"canarysaid{uuid.uuid4().hex}"
    session: str = person.turn(SAID[0]).json()["session_id"]
    told.add(session, *SAID[1:-1], f"{SAID[-1]} {canary}")

    ended = run(stack)

    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert output["outcome"] == "done"
    assert output["written"] >= 1
    [summary] = summaries_of(tables, session)
    assert summary["state"] == {"S": "written"}
    assert summary["text"] == {"S": SUMMARY}
    assert "user_id_hash" not in summary
    assert any(canary in messages[-1]["content"] for messages in asked(model_server))

    model_server.requests.clear()
    assert json.loads(run(stack)["output"])["written"] == 0
    assert asked(model_server) == []

    history = stack.client("stepfunctions").get_execution_history(
        executionArn=ended["executionArn"], maxResults=1000
    )
    bucket = stack.outputs["WeeklySynthesisBucketName"]
    left = stack.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    pseudonym = summary["pk"]["S"].partition("#")[2]
    for name, content in {"history": history, "execution": ended, "logs": logged(stack)}.items():
        text = json.dumps(content, default=str)
        assert canary not in text, name
        assert "lay awake" not in text, name
        assert name == "logs" or pseudonym not in text, name
    assert left == []

    assert person.request("DELETE", f"/v1/sessions/{session}").status_code == 200
    assert summaries_of(tables, session) == []


def test_a_week_with_a_crisis_is_not_summarised(
    stack: LocalStack, told: Told, tables: Tables, model_server: ModelServer
) -> None:
    """Neither with it nor around it."""
    model_server.script = writes(SUMMARY)
    canary = f"canarycrisis{uuid.uuid4().hex}"
    session = told.session(*SAID)
    told.add(session, f"I cannot go on {canary}.", level=3)

    assert run(stack)["status"] == "SUCCEEDED"

    assert summaries_of(tables, session) == []
    assert not any(canary in messages[-1]["content"] for messages in asked(model_server))


@pytest.mark.parametrize("fault", ["nonsense", "down"])
def test_what_cannot_be_used_is_tried_once_more_and_skipped(
    fault: str, stack: LocalStack, told: Told, tables: Tables, model_server: ModelServer
) -> None:
    """The person gets nothing rather than something bad; the item says why."""
    behaviour, codes = {
        "nonsense": (Behaviour("A good week."), ("length",)),
        # Other tests may have brought the provider's breaker so far that it opens here.
        "down": (Behaviour(status=500), ("openai_compatible:", "breaker:")),
    }[fault]
    session = told.session(*SAID)
    model_server.script = lambda _messages: behaviour

    ended = run(stack)

    assert ended["status"] == "SUCCEEDED", ended
    [summary] = summaries_of(tables, session)
    assert (summary["state"], summary["attempts"], summary["text"]) == (
        {"S": "skipped"},
        {"N": "2"},
        {"S": ""},
    )
    assert summary["code"]["S"].startswith(codes)
