"""Invariant 4 on the deployed system: canaries are planted, and every sink is searched for them."""

import json
import uuid
from pathlib import Path
from typing import Any

from local.stack.stack import LocalStack
from tests.e2e.conftest import Client, Tables
from tests.support.model_server import Behaviour, ModelServer

TABLES_WITHOUT_WORDS = ("TurnEvents", "Prompts", "Variants", "Limits")


def test_what_was_said_reaches_no_log_metric_or_event(
    stack: LocalStack, person: Client, tables: Tables, model_server: ModelServer
) -> None:
    """Logs, traces, metrics, events, queues and the history of executions hold identifiers only."""
    said = f"canaryin{uuid.uuid4().hex}"
    replied = f"canaryout{uuid.uuid4().hex}"
    model_server.script = lambda _messages: Behaviour(
        f"You keep going over {replied} and what you said to your sister.\n\n"
        "It stays with you after the funeral. What would you want her to know?"
    )
    person.turn(f"My sister and I have not spoken since the funeral and {said} I keep going over it.")
    person.turn(f"I want to die and {said} I have been planning it.")
    person.request("POST", "/v1/turns", json={"message": said, "nonsense": said})
    model_server.script = lambda _messages: Behaviour(status=500)
    person.turn(f"Nobody at work talks to me any more since {said} and I dread every Monday.")

    sinks = {
        "logs": logged(stack),
        "metrics": stack.client("cloudwatch").list_metrics()["Metrics"],
        "executions": _executions(stack),
        "queues": _queue_attributes(stack),
        **{name: tables.items(name) for name in TABLES_WITHOUT_WORDS},
    }

    assert len(json.dumps(sinks["logs"], default=str)) > 1000
    for name, content in sinks.items():
        text = json.dumps(content, default=str, ensure_ascii=False)
        assert said not in text, name
        assert replied not in text, name
    assert said in json.dumps(tables.items("Conversations"))


def test_no_subject_is_stored_anywhere(stack: LocalStack, person: Client, tables: Tables) -> None:
    """People are pseudonyms: the subject of the token is in no table."""
    import base64

    answer = person.turn("My sister and I have not spoken since the funeral, and I keep going over it.")
    assert answer.status_code == 200
    token = person.request("GET", "/v1/health").request.headers["Authorization"]
    payload = token.split(".")[1]
    subject = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]

    for name in ("Conversations", "TurnEvents", "Feedback", "Idempotency", "Limits"):
        assert subject not in json.dumps(tables.items(name)), name
    assert [line for text in logged(stack) for line in text.splitlines() if subject in line] == []


def logged(stack: LocalStack) -> list[str]:
    """Return every line that the functions and the local stack have logged."""
    logs = stack.client("logs")
    found: list[str] = []
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            found.extend(event["message"] for events in pages for event in events["events"])
    # What the emulator itself prints is no sink of AWS, but it is one of a developer's machine. Its user pool
    # logs whom it creates, which is the test's own doing.
    for path in Path(stack.home / "logs").glob("*.log"):
        lines = path.read_text(errors="replace").splitlines()
        found.append("\n".join(line for line in lines if "[cognito]" not in line))
    return found


def _executions(stack: LocalStack) -> list[Any]:
    machines = stack.client("stepfunctions")
    arn = stack.outputs["TurnStateMachineArn"]
    described = machines.describe_state_machine(stateMachineArn=arn)
    assert described["loggingConfiguration"].get("includeExecutionData", False) is False
    return [described]


def _queue_attributes(stack: LocalStack) -> list[Any]:
    sqs = stack.client("sqs")
    return [
        sqs.get_queue_attributes(QueueUrl=stack.outputs[f"{name}QueueUrl"], AttributeNames=["All"])[
            "Attributes"
        ]
        for name in ("UnrecordedTurns", "UnrecordedTurnsDeadLetter", "SentinelQuarantine")
    ]
