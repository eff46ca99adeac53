"""One local stack for all end-to-end tests: fresh, on its own ports, a scripted model server behind it."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.stack.stack import LocalStack
from tests.support.model_server import Behaviour, ModelServer, calm, unremarkable
from tests.support.world import MIRROR


def good_reply(_messages: list[dict[str, str]]) -> Behaviour:
    """Return a reply that passes validation for TELLING."""
    return Behaviour(MIRROR)


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """The scripted model server."""
    with ModelServer(good_reply) as server:
        yield server


@pytest.fixture(autouse=True)
def _good_replies(request: pytest.FixtureRequest) -> None:
    """Every test begins with a model that answers well."""
    if "model_server" in request.fixturenames or "stack" in request.fixturenames:
        server: ModelServer = request.getfixturevalue("model_server")
        server.script = good_reply
        server.screen_script = calm
        server.sentinel_script = unremarkable
        server.forget()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, model_server: ModelServer) -> Iterator[LocalStack]:
    """The real templates, deployed once. Every function runs with its own role, and with nothing else."""
    with LocalStack(
        tmp_path_factory.mktemp("stack"), model=model_server.base_url, enforce_iam=True
    ) as deployed:
        deployed.deploy()
        yield deployed


class Client:
    """A REST client that is signed in as one person."""

    def __init__(self, stack: LocalStack, user: str) -> None:
        self._http = httpx.Client(
            base_url=stack.api_url, timeout=35, headers={"Authorization": stack.id_token(user)}
        )

    def turn(self, message: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        """Send a message."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._http.post("/v1/turns", json={"message": message, **body}, headers=headers)

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send any request."""
        return self._http.request(method, path, **arguments)


@pytest.fixture
def person(stack: LocalStack) -> Client:
    """Somebody who has never been here before."""
    return Client(stack, f"person-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def other_person(stack: LocalStack) -> Client:
    """Somebody else."""
    return Client(stack, f"other-{uuid.uuid4().hex[:12]}")


class Tables:
    """What the deployed tables hold."""

    def __init__(self, stack: LocalStack) -> None:
        self._dynamodb = stack.client("dynamodb")
        self._stack = stack

    def items(self, name: str) -> list[dict[str, Any]]:
        """Return all items of the table whose output is `<name>TableName`, as DynamoDB writes them."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._stack.outputs[f"{name}TableName"]
        )
        return [item for page in pages for item in page["Items"]]

    def event(self, turn_id: str, patience_seconds: float = 0) -> dict[str, Any] | None:
        """Return the turn event, waiting for it for as long as is asked."""
        deadline = time.monotonic() + patience_seconds
        while True:
            found = self._dynamodb.get_item(
                TableName=self._stack.outputs["TurnEventsTableName"], Key={"turn_id": {"S": turn_id}}
            )
            if "Item" in found or time.monotonic() >= deadline:
                item: dict[str, Any] | None = found.get("Item")
                return item
            time.sleep(0.25)

    def observation(self, answer: dict[str, Any], patience_seconds: float = 0) -> dict[str, Any] | None:
        """Return what the sentinel keeps of a turn, waiting for it for as long as is asked."""
        deadline = time.monotonic() + patience_seconds
        key = {
            "pk": {"S": f"SESSION#{answer['session_id']}"},
            "sk": {"S": f"SENTINEL#{answer['turn_id']}"},
        }
        while True:
            found = self._dynamodb.get_item(TableName=self._stack.outputs["ConversationsTableName"], Key=key)
            if "Item" in found or time.monotonic() >= deadline:
                item: dict[str, Any] | None = found.get("Item")
                return item
            time.sleep(0.25)


@pytest.fixture(scope="session")
def tables(stack: LocalStack) -> Tables:
    """The deployed tables."""
    return Tables(stack)
