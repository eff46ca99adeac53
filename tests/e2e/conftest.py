"""One local stack for all end-to-end tests: fresh, on its own ports, a scripted model server behind it."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from local.stack.mails import Mail
from local.stack.stack import OPERATOR, LocalStack
from tests.support.model_server import Behaviour, ModelServer, calm, unremarkable
from tests.support.operators import Operator
from tests.support.promotion_figures import Figures, judged, settled, settled_for_now, simulated
from tests.support.promotions import Approvers, Desk, Ended, Promotions
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


ARM_CATEGORY, ARM_PRODUCTION = "STARTER_POOL_SIZE", "7"
TRIAL_CATEGORY, TRIAL_PRODUCTION = "GHOST_CHAR_STYLE", "scramble"
"""Where promotions are tried: clients render them, sessions are counted. In each one arm runs at a time."""


@pytest.fixture(scope="session")
def promotions(stack: LocalStack) -> Promotions:
    """Promotions as an operator asks for them."""
    # Not above: the module imports this one.
    from tests.e2e.test_admin_api import Http

    return Promotions(stack, Operator(Http(stack), keys=uuid.uuid4().hex))


@pytest.fixture(scope="session")
def approvers(stack: LocalStack) -> Approvers:
    """Three operators who are approvers, the one who asks for promotions among them."""
    found = Approvers(stack)
    for name in (OPERATOR, "approver-one", "approver-two"):
        found.add(name)
    return found


@dataclass
class Arm:
    """A canary with a quarter of the traffic, its figures, and how it became one."""

    name: str
    figures: Figures
    ramped: Ended
    mail: Mail


def staged(promotions: Promotions, category: str, production: str) -> str:
    """Make a variant that has five percent of the traffic."""
    operator, name = promotions.operator, f"{category}/trial-{uuid.uuid4().hex[:8]}"
    config = operator.show(f"{category}/{production}")["config"]
    _, _, variant_id = name.partition("/")
    operator.change("create", category, variant_id=variant_id, description="A trial.", config=config)
    operator.change("update", name, version=1, rollout_percent=1)
    operator.change("promote", name, version=2)
    assert operator.show(name)["in_force"] == {"status": "staged", "rollout_percent": 5}
    return name


@pytest.fixture(scope="session")
def _production(stack: LocalStack) -> Iterator[None]:
    """What arms are held against has been as it is for days."""
    with (
        settled_for_now(stack, f"{ARM_CATEGORY}/{ARM_PRODUCTION}"),
        settled_for_now(stack, f"{TRIAL_CATEGORY}/{TRIAL_PRODUCTION}"),
    ):
        yield


@pytest.fixture(scope="session")
def arm(
    stack: LocalStack,
    promotions: Promotions,
    approvers: Approvers,
    tmp_path_factory: pytest.TempPathFactory,
    _production: None,
) -> Arm:
    """An arm over simulated people, brought from five to ten and twenty-five percent by the workflow."""
    name = staged(promotions, ARM_CATEGORY, ARM_PRODUCTION)
    settled(stack, name)
    judged(stack, 4000)
    figures = simulated(
        stack,
        name,
        ARM_PRODUCTION,
        tmp_path_factory.mktemp("figures"),
        percent=25,
        sessions=6000,
        effects=("completion:+0.12", "crisis_flag:-0.03"),
    )
    figures.give(name, ARM_PRODUCTION, percent=5)
    desk = Desk(promotions, approvers)
    asked = promotions.ask(name)
    mail = desk.mail(desk.one, asked)
    link, _ = desk.links(desk.one, asked)
    desk.browser.decide(link, "approve", "It goes on more often, and nothing is worse.")
    promotions.reaches(asked, "canary", 10)
    # A day later, as it were: what was counted of the ten percent.
    figures.give(name, ARM_PRODUCTION, percent=10)
    settled(stack, name)
    ramped = promotions.ended(asked)
    figures.restore()
    return Arm(name, figures, ramped, mail)
