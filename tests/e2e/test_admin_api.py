"""The operators' API over HTTP on the deployed system: every route, and what a change does to a conversation.

Each test makes the variants that it changes: the registry is the one of all end-to-end tests.
"""

import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from local.stack.stack import LocalStack
from silent_infinity.adapters.aws.promotions import DynamoPromotions
from silent_infinity.adapters.aws.variant_metrics import DynamoVariantMetrics
from silent_infinity.adapters.aws.variant_store import DynamoVariantStore
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.adapters.system.randomness import SystemRandomness
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.problems import ok
from silent_infinity.domain.registry.commands import Action, Command
from silent_infinity.domain.variant_sums import RATE, DayOfVariant, Sums
from silent_infinity.usecases.manage_variants import ManageVariants
from tests.e2e.conftest import Client
from tests.support.operators import ANSWERS, REASON, VARIANT, VARIANTS, Operator
from tests.support.world import TELLING

CACHE_SECONDS = 5.0
"""How long a function of the local environment keeps what it read of the registry."""
PATIENCE = 6 * CACHE_SECONDS


class Http:
    """Sends to API Gateway what it would hand on as a proxy event, with an operator's token."""

    def __init__(self, stack: LocalStack) -> None:
        self._client = httpx.Client(
            base_url=stack.api_url, timeout=35, headers={"Authorization": stack.operator_token()}
        )

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """Send the request and return the answer as the function's."""
        body = event["body"]
        response = self._client.request(
            event["httpMethod"],
            event["resource"].format(**(event["pathParameters"] or {})),
            params=event["queryStringParameters"] or {},
            headers={**(event["headers"] or {}), **({"Content-Type": "application/json"} if body else {})},
            content=body,
        )
        return {
            "statusCode": response.status_code,
            "headers": httpx.Headers(response.headers),
            "body": response.text,
        }


@pytest.fixture(scope="module")
def operator(stack: LocalStack) -> Operator:
    """Somebody who may do everything, with keys of their own."""
    return Operator(Http(stack), keys=uuid.uuid4().hex)


def _slug(problem: dict[str, str]) -> str:
    return problem["type"].rpartition(":")[2]


def _make(operator: Operator, like: str) -> str:
    """Create a variant with the configuration of another; return its name."""
    category = like.partition("/")[0]
    variant_id = f"trial-{uuid.uuid4().hex[:8]}"
    config = operator.show(like)["config"]
    made = operator.change("create", category, variant_id=variant_id, description="A trial.", config=config)
    assert (operator.status, made["variant"]["version"]) == (201, 1)
    return f"{category}/{variant_id}"


@pytest.fixture
def trial(operator: Operator) -> Iterator[str]:
    """A new variant of a style that clients render. It is retired afterwards."""
    name = _make(operator, "GHOST_CHAR_STYLE/dots")
    yield name
    if operator.show(name)["status"] != "retired":
        if operator.show(name)["in_force"]["status"] == "production":
            operator.change("rollback", name)
        operator.change("pause", name)
        operator.change("update", name, version=operator.show(name)["version"], status="retired")


def test_a_variant_is_created_tried_promoted_and_taken_back(operator: Operator, trial: str) -> None:
    """The whole life of an experiment, and its story in the audit log."""
    tried = operator.change("update", trial, version=1, rollout_percent=1)
    assert (operator.status, operator.headers["ETag"]) == (200, '"2"')
    assert [end - start for start, end in tried["variant"]["ranges"]] == [100]

    promoted = operator.change("promote", trial, version=2)
    assert promoted["variant"]["in_force"] == {"status": "staged", "rollout_percent": 5}
    asked = operator.change("promote", trial, version=3)
    assert (operator.status, asked["outcome"]) == (202, "approval_requested")
    assert asked["variant"]["in_force"] == {"status": "staged", "rollout_percent": 5}
    demoted = operator.change("demote", trial, version=4)
    assert demoted["variant"]["in_force"] == {"status": "experimental", "rollout_percent": 1}
    paused = operator.change("pause", trial)
    assert paused["variant"]["in_force"] == {"status": "experimental", "rollout_percent": 0}
    back = operator.change("rollback", trial)
    assert back["variant"]["in_force"] == {"status": "experimental", "rollout_percent": 0}
    retired = operator.change("update", trial, version=7, status="retired")
    assert (retired["action"], retired["variant"]["status"]) == ("retire", "retired")

    story = operator.send("GET /admin/api/audit-log", query={"variant_id": trial})["entries"]
    assert [entry["action"] for entry in story] == [
        "create",
        "update",
        "promote",
        "request_promotion",
        "demote",
        "pause",
        "rollback",
        "retire",
    ]
    assert {entry["reason"] for entry in story} == {REASON}
    assert len({entry["request_id"] for entry in story}) == 8
    verified = operator.send("GET /admin/api/audit-log/verify", query={"variant_id": trial})
    assert (verified["ok"], verified["entries"]) == (True, 8)


def test_all_histories_are_whole(operator: Operator) -> None:
    """Those that the deployment began, and those that other tests wrote."""
    verified = operator.send("GET /admin/api/audit-log/verify")

    assert verified["findings"] == []
    assert verified["unaudited"] == []
    assert verified["entries"] >= verified["variants"] > 80


def test_a_critical_change_waits_and_is_cancelled(operator: Operator) -> None:
    """202, visible to everybody who looks, and gone with one call."""
    name = _make(operator, "SYSTEM_PROMPT/v2-sha-current")
    waiting = operator.change("update", name, version=1, rollout_percent=1)
    assert (operator.status, waiting["outcome"]) == (202, "waiting")
    shown = operator.show(name)
    assert shown["in_force"]["rollout_percent"] == 0
    assert 0 < shown["cooldown"]["seconds_left"] <= 300
    assert shown["cooldown"]["changes"]["rollout_percent"] == 1
    refused = operator.change("update", name, version=2, rollout_percent=0.5)
    assert (operator.status, _slug(refused)) == (409, "change-pending")

    cancelled = operator.change("cancel", name, version=2)

    assert (operator.status, cancelled["variant"]["cooldown"]) == (200, None)
    assert operator.show(name)["in_force"]["rollout_percent"] == 0


def test_the_same_key_changes_nothing_twice(operator: Operator, trial: str) -> None:
    """A retry after a lost answer gets that answer."""
    request: dict[str, Any] = {
        "body": {"reason": REASON, "rollout_percent": 1},
        "version": 1,
        "key": uuid.uuid4().hex,
    }
    first = operator.send(f"PUT {VARIANT}", trial, **request)
    again = operator.send(f"PUT {VARIANT}", trial, **request)
    assert operator.headers["Idempotency-Replayed"] == "true"
    other = operator.send(f"PUT {VARIANT}", trial, **{**request, "body": {"reason": REASON, "confirm": True}})

    assert again == first
    assert operator.status == 400
    assert other["violations"]
    reused = operator.send(
        f"PUT {VARIANT}", trial, **{**request, "body": {"reason": REASON, "rollout_percent": 0.5}}
    )
    assert (operator.status, _slug(reused)) == (422, "idempotency-key-reused")
    assert operator.show(trial)["version"] == 2


@pytest.mark.parametrize(
    ("change", "status", "slug"),
    [
        (("update", {"rollout_percent": 1}), 428, "precondition-required"),
        (("update", {"version": 9, "rollout_percent": 1}), 412, "version-mismatch"),
        (("update", {"version": 1, "rollout_percent": 2}), 422, "rollout-out-of-bounds"),
        (("update", {"version": 1, "config": {"no": "such"}}), 422, "config-not-valid"),
        (("update", {"version": 1}), 400, "invalid-request"),
        (("update", {"version": 1, "rollout_percent": 1, "reason": "short"}), 400, "invalid-request"),
        (("demote", {"version": 1}), 409, "nothing-below"),
        (("cancel", {"version": 1}), 409, "nothing-pending"),
    ],
)
def test_what_is_not_done_says_why(
    change: tuple[str, dict[str, Any]], status: int, slug: str, operator: Operator, trial: str
) -> None:
    """The refusals of function and life cycle reach the operator through API Gateway as they are."""
    action, fields = change
    problem = operator.change(action, trial, **fields)

    assert (operator.status, _slug(problem)) == (status, slug)
    assert operator.show(trial)["version"] == 1


def test_a_large_step_needs_a_confirmation_and_the_next_turn_sees_it(
    stack: LocalStack, operator: Operator, trial: str, person: Client
) -> None:
    """From 25 percent to all of production at once; then back with one call, in the same conversation."""
    before = operator.list(category="GHOST_CHAR_STYLE", status="production")["variants"][0]["variant_id"]
    session_id = person.turn(TELLING).json()["session_id"]
    assert _rendered(person, session_id, before)
    operator.change("promote", trial, version=1)
    operator.change("promote", trial, version=2, rollout_percent=25)
    _approve(stack, operator, trial)
    refused = operator.change("promote", trial, version=4, rollout_percent=100)
    assert (operator.status, _slug(refused)) == (409, "confirmation-needed")
    operator.change("promote", trial, version=4, rollout_percent=100, confirm=True)
    assert operator.status == 202
    assert _rendered(person, session_id, before)
    _approve(stack, operator, trial)
    promoted = operator.show(trial)
    assert promoted["in_force"] == {"status": "production", "rollout_percent": 100}

    assert promoted["predecessor_id"] == before
    assert _rendered(person, session_id, trial.partition("/")[2])
    operator.change("rollback", trial)
    assert operator.status == 200
    assert _rendered(person, session_id, before)


def _approve(stack: LocalStack, operator: Operator, name: str) -> None:
    """Write what the workflow writes after a person's yes. How it gets there is in test_promotion."""
    variant = operator.show(name)
    promotions = DynamoPromotions(stack.client("dynamodb"), stack.outputs["PromotionsTableName"])
    promotion = promotions.find(variant["promotion_id"])
    assert promotion is not None
    clock = SystemClock()
    store = DynamoVariantStore(
        stack.client("dynamodb"),
        clock=clock,
        variants_table=stack.outputs["VariantsTableName"],
        audit_table=stack.outputs["AuditLogTableName"],
        promotions_table=stack.outputs["PromotionsTableName"],
        idempotency_table=stack.outputs["IdempotencyTableName"],
    )
    manage = ManageVariants(
        store=store, validator=JsonSchemaValidator(), clock=clock, randomness=SystemRandomness()
    )
    command = Command(
        action=Action.PROMOTE,
        category=promotion.category,
        variant_id=promotion.variant_id,
        actor="operator:approver",
        reason="The figures are good enough.",
        request_id=f"{promotion.promotion_id}#entry",
        expected_version=variant["version"],
        rollout_percent=promotion.rollout_percent,
        approved=True,
        promotion_id=promotion.promotion_id,
    )
    manage(command, command.request_id, lambda _: ok({}))


def _rendered(person: Client, session_id: str, wanted: str) -> bool:
    """Whether a turn of the session is told to render the variant before the caches are surely gone.

    A turn that nobody screened, because a function was just starting, is told nothing.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        told = person.turn(TELLING, session_id=session_id).json()["client_variants"]
        if told.get("GHOST_CHAR_STYLE", {}).get("variant_id") == wanted:
            return True
        time.sleep(0.5)
    return False


def test_lists_come_in_pages_and_are_filtered(operator: Operator, trial: str) -> None:
    """API Gateway hands the parameters on, and the cursor survives the way through an address."""
    names: list[str] = []
    query = {"limit": "30"}
    while True:
        page = operator.list(**query)
        names += [f"{each['category']}/{each['variant_id']}" for each in page["variants"]]
        assert len(names) == len(set(names)), "the pages do not go on"
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert names == sorted(names)
    assert trial in names
    assert len(names) > 80
    running = operator.list(running="true", limit="100")["variants"]
    assert len(running) <= 5
    assert all(each["running"] for each in running)
    operator.list(limit="0")
    assert operator.status == 400


def test_two_variants_are_compared_from_the_figures_of_the_lake(
    operator: Operator, trial: str, stack: LocalStack
) -> None:
    """409 as long as there are none; afterwards both sides and what chance alone would do."""
    category, _, variant_id = trial.partition("/")
    query = {"a": "GHOST_CHAR_STYLE/scramble", "b": trial, "metric": "e2e_rate"}
    nothing = operator.send(f"GET {VARIANTS}/compare", query=query)
    assert (operator.status, _slug(nothing)) == (409, "no-figures")
    metrics = DynamoVariantMetrics(stack.client("dynamodb"), stack.outputs["VariantMetricsTableName"])
    today = datetime.now(UTC).date()
    for one, successes in (("scramble", 700), (variant_id, 600)):
        sums = {"e2e_rate": Sums(RATE, 1000, successes)}
        metrics.put(DayOfVariant(category, one, today, sums))

    [metric] = operator.send(f"GET {VARIANTS}/compare", query={**query, "to": today.isoformat()})["metrics"]

    assert metric["difference"] == pytest.approx(-0.1)
    assert metric["p"] < 0.001
    assert operator.show(trial)["metrics_7d"]["metrics"]["e2e_rate"]["value"] == 0.6


def test_fifty_changes_at_once_leave_exactly_those_that_succeeded(
    operator: Operator, trial: str, stack: LocalStack
) -> None:
    """No update is lost, none is written twice, and whoever was too late is told so."""

    def change(number: int) -> tuple[int, dict[str, Any], str]:
        hand = Operator(Http(stack), keys=f"{trial}-{number}")
        request = {
            "body": {"reason": REASON, "description": f"Words number {number}."},
            "version": hand.show(trial)["version"],
            "key": f"{trial}-{number}",
        }
        answer = hand.send(f"PUT {VARIANT}", trial, **request)
        return hand.status, request, "" if hand.status == 200 else _slug(answer)

    with ThreadPoolExecutor(8) as hands:
        outcomes = list(hands.map(change, range(50)))

    done = [request for status, request, _ in outcomes if status == 200]
    refused = {slug for status, _, slug in outcomes if status != 200}
    assert done
    assert refused <= {"version-mismatch", "registry-busy"}
    assert operator.show(trial)["version"] == 1 + len(done)
    for request in done[:10]:
        operator.send(f"PUT {VARIANT}", trial, **request)
        assert (operator.status, operator.headers["Idempotency-Replayed"]) == (200, "true")
    entries = operator.send("GET /admin/api/audit-log", query={"variant_id": trial, "limit": "100"})[
        "entries"
    ]
    written = [entry["after"]["description"] for entry in entries[1:]]
    assert sorted(written) == sorted(request["body"]["description"] for request in done)
    assert operator.show(trial)["description"] == written[-1]
    verified = operator.send("GET /admin/api/audit-log/verify", query={"variant_id": trial})
    assert (verified["ok"], verified["entries"]) == (True, 1 + len(done))


def test_a_measurement_takes_a_variant_back_and_people_are_told(
    operator: Operator, trial: str, stack: LocalStack
) -> None:
    """With the function's own role, once for each request, and seen by whoever reads the log."""
    operator.change("update", trial, version=1, rollout_percent=1)
    category, _, variant_id = trial.partition("/")
    event = {
        "category": category,
        "variant_id": variant_id,
        "reason": "A drill of the automatic demotion.",
        "trigger": "drill",
        "request_id": uuid.uuid4().hex,
    }
    stack.outbox_messages()
    for _ in range(2):
        answer = stack.client("lambda").invoke(
            FunctionName=stack.outputs["DemoteVariantFunctionArn"], Payload=json.dumps(event).encode()
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    shown = operator.show(trial)
    assert (shown["in_force"], shown["version"]) == ({"status": "experimental", "rollout_percent": 0}, 3)
    entry = operator.send("GET /admin/api/audit-log", query={"variant_id": trial})["entries"][-1]
    assert (entry["actor"], entry["action"]) == ("system:drill", "automatic_demotion")
    deadline = time.monotonic() + 10
    mails: list[dict[str, Any]] = []
    while not mails and time.monotonic() < deadline:
        mails = [mail for mail in stack.outbox_messages() if variant_id in mail["Message"]]
    assert mails
    assert event["reason"] not in json.dumps(mails)


def test_a_promotion_is_listed_until_it_is_withdrawn(operator: Operator, trial: str) -> None:
    """Nothing changes for anybody while evidence is awaited; an undo ends it, and the list says so."""
    operator.change("promote", trial, version=1)
    asked = operator.change("promote", trial, version=2)["promotion"]
    assert (asked["to_status"], asked["rollout_percent"], asked["next_percent"]) == ("canary", 10, 25)
    again = operator.change("promote", trial, version=3)
    assert (operator.status, _slug(again)) == (409, "promotion-open")
    assert _listed(operator, asked["promotion_id"])["status"] == "awaiting_evidence"
    operator.change("rollback", trial)

    ended = _listed(operator, asked["promotion_id"])
    assert (ended["status"], ended["closed_by"]) == ("withdrawn", asked["requested_by"])
    assert operator.show(trial)["promotion_id"] is None


def _listed(operator: Operator, promotion_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        one
        for one in operator.send("GET /admin/api/promotions")["promotions"]
        if one["promotion_id"] == promotion_id
    )
    return found


def test_a_body_that_is_no_json_object_is_turned_away(operator: Operator, trial: str) -> None:
    """By API Gateway, before the function runs."""
    for body in ("[]", "{", '"text"'):
        operator.send(f"POST {VARIANT}/pause", trial, body=body)

        assert operator.status == 400, body
    assert operator.show(trial)["version"] == 1


def test_browsers_may_send_versions_and_read_them(stack: LocalStack) -> None:
    """A page for operators changes variants as the command line does."""
    preflight = httpx.options(f"{stack.api_url}{VARIANTS}/LLM_MODEL/x", timeout=35)
    allowed = preflight.headers

    assert "PUT" in allowed["Access-Control-Allow-Methods"]
    assert "If-Match" in allowed["Access-Control-Allow-Headers"]


def test_nobody_gets_in_without_a_token(stack: LocalStack) -> None:
    """Whatever the route; who else is refused is in test_admin_tokens."""
    for route in ANSWERS:
        method, _, resource = route.partition(" ")
        path = resource.format(category="LLM_MODEL", variant_id="x")
        answer = httpx.request(method, f"{stack.api_url}{path}", content="{}", timeout=35)

        assert answer.status_code == 401, route
        assert json.loads(answer.text)["type"].endswith(":unauthorized")
