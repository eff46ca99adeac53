"""Variants on the deployed system: what operators change acts on running sessions, and never on a crisis."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.stack.stack import LocalStack
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.adapters.aws.registry_items import variant_key
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.variant_categories import CLIENT, categories
from silent_infinity.domain.variants import BUCKETS
from tests.e2e.conftest import Client, Tables
from tests.e2e.test_faults import Functions, functions
from tests.support.world import TELLING

__all__ = ["functions"]

ACTIVE_RISK = "I want to die and I have been planning it."
CATEGORY, ARM, PRODUCTION = "MANDALA_FACE", "simple-orb", "on"
CLIENTS = {name for name, category in categories().items() if category.rendered_by == CLIENT}
CACHE_SECONDS = 6
"""A process may serve what it knows for five seconds, and there are several processes."""


class Registry:
    """The rows of the deployed registry, written past the operators' API."""

    def __init__(self, stack: LocalStack) -> None:
        self._dynamodb = stack.client("dynamodb")
        self._table = stack.outputs["VariantsTableName"]

    def give(self, share: int) -> None:
        """Give the arm so many of the buckets, from the first on, and wait until all processes know."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=variant_key(CATEGORY, ARM),
            UpdateExpression="SET ranges = :ranges",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues=to_item({":ranges": [[0, share]] if share else []}),
        )
        time.sleep(CACHE_SECONDS)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the arm take everybody."""
        self.give(BUCKETS)
        try:
            yield
        finally:
            self.give(0)


@pytest.fixture(autouse=True)
def _awake(person: Client, tables: Tables) -> None:
    """Begin when every function has started: the first calls may time out, which is not tested here."""
    for _ in range(6):
        event = tables.event(person.turn(TELLING).json()["turn_id"], patience_seconds=20)
        if event is not None and event["degraded"] == {"L": []}:
            return
    raise AssertionError("the deployed functions do not get their work done")


@pytest.fixture
def registry(stack: LocalStack) -> Registry:
    """The registry, as it was deployed."""
    return Registry(stack)


@pytest.fixture
def recorded(tables: Tables) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the turn event of an answer."""

    def event(answer: dict[str, Any]) -> dict[str, Any]:
        item = tables.event(answer["turn_id"])
        assert item is not None
        return from_item(item)

    return event


def _shown(answer: dict[str, Any]) -> str:
    variant_id: str = answer["client_variants"][CATEGORY]["variant_id"]
    return variant_id


def test_a_client_is_told_what_to_render_and_what_it_reports_is_recorded_if_true(
    person: Client, recorded: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """From the first answer to the event that experiments are judged by, through API Gateway's own check."""
    first = person.turn(TELLING).json()
    shown = {name: variant["variant_id"] for name, variant in first["client_variants"].items()}
    told = {"session_id": first["session_id"]}
    wrong = {**shown, CATEGORY: ARM}

    honest = person.turn(TELLING, **told, client={"exposures": shown}).json()
    mistaken = person.turn(TELLING, **told, client={"exposures": wrong}).json()
    refused = person.turn(TELLING, **told, client={"exposures": {"LLM_MODEL": "claude-opus-4-7"}})

    assert shown.keys() == CLIENTS
    assert [str(broken) for broken in JsonSchemaValidator().violations("turn_answer", first)] == []
    assert recorded(first)["active_variants"].keys() == categories().keys()
    assert recorded(first)["exposures"].keys() & CLIENTS == set()
    assert recorded(honest)["exposures"].items() >= shown.items()
    assert CATEGORY not in recorded(mistaken)["exposures"]
    assert recorded(mistaken)["exposures"].keys() & CLIENTS == CLIENTS - {CATEGORY}
    assert refused.status_code == 400


def test_what_is_paused_is_gone_with_the_next_turn_of_a_running_session_and_a_crisis_never_saw_it(
    person: Client,
    other_person: Client,
    registry: Registry,
    recorded: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """One deployed arm, from its start to its pause: for a session in the middle of it, and for a crisis."""
    with registry.running():
        before = person.turn(TELLING, key="same").json()
        replayed = person.turn(TELLING, key="same").json()
        crisis = other_person.turn(ACTIVE_RISK).json()
        calm = other_person.turn("I am safe now.", session_id=crisis["session_id"]).json()
    after = person.turn(TELLING, session_id=before["session_id"]).json()

    assert (_shown(before), _shown(after)) == (ARM, PRODUCTION)
    assert replayed == before
    assert recorded(before)["active_variants"][CATEGORY] == ARM
    assert recorded(after)["active_variants"][CATEGORY] == PRODUCTION
    for answer in (crisis, calm):
        assert answer["crisis"]["level"] >= 2
        assert _shown(answer) == PRODUCTION
        assert recorded(answer)["active_variants"][CATEGORY] == PRODUCTION


def test_without_the_registry_a_turn_is_answered_with_the_initial_population(
    person: Client,
    functions: Functions,
    recorded: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """A turn never fails for want of an experiment, and its record says what was missing."""
    with functions.with_variable("Capture", "VARIANTS_TABLE", "no-such-table"):
        response = person.turn(TELLING)

    assert response.status_code == 200
    assert _shown(response.json()) == PRODUCTION
    event = recorded(response.json())
    assert "variants" in event["degraded"]
    assert event["active_variants"].keys() == categories().keys()
