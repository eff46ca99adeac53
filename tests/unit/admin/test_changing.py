"""Changes over HTTP: what they ask for, what they answer, and what a repetition does."""

import json
from typing import Any

import pytest

from tests.support.operators import CATEGORY, REASON, VARIANT, Operator
from tests.unit.admin.conftest import World

SMALL_TALK = "SMALL_TALK_MODEL/claude-haiku-4-5"
PERSONA = "SYSTEM_PROMPT/v3-sha-empathy-rewrite"


def _slug(problem: dict[str, str]) -> str:
    return problem["type"].rpartition(":")[2]


def _new(operator: Operator, **fields: Any) -> Any:
    config = operator.show("VOICE_LLM/haiku")["config"]
    return operator.change(
        "create",
        "VOICE_LLM",
        **{"variant_id": "trial-1", "description": "A trial.", "config": config, **fields},
    )


def test_a_variant_goes_through_its_whole_life(world: World, operator: Operator) -> None:
    """Created, tried, promoted up to production, rolled back, retired: each step shows in the next answer."""
    name = "VOICE_LLM/trial-1"
    created = _new(operator)
    assert (operator.status, created["outcome"], created["action"]) == (201, "applied", "create")
    assert created["variant"]["in_force"] == {"status": "experimental", "rollout_percent": 0}

    tried = operator.change("update", name, version=1, rollout_percent=1)
    assert (operator.status, tried["variant"]["version"], tried["variant"]["running"]) == (200, 2, True)

    staged = operator.change("promote", name, version=2)
    stages = [staged["variant"]["in_force"]]
    for version in (3, 6):
        body = {"reason": REASON, "confirm": True}
        sent = {"version": version, "key": f"key-of-{version}", "request_id": f"request-{version}"}
        asked = operator.send(f"POST {VARIANT}/promote", name, body=body, **sent)
        assert (operator.status, asked["outcome"], asked["also_changed"]) == (202, "approval_requested", [])
        for _step in range(2):
            world.approve(name)
            stages.append(operator.show(name)["in_force"])
    assert [(one["status"], one["rollout_percent"]) for one in stages] == [
        ("staged", 5),
        ("canary", 10),
        ("canary", 25),
        ("production", 50),
        ("production", 100),
    ]
    assert operator.show(name)["predecessor_id"] == "sonnet"
    assert operator.show("VOICE_LLM/sonnet")["in_force"] == {"status": "canary", "rollout_percent": 0}

    back = operator.change("rollback", name)
    assert operator.status == 200
    assert back["variant"]["in_force"] == {"status": "experimental", "rollout_percent": 0}
    assert [(c["variant_id"], c["action"], c["status"]) for c in back["also_changed"]] == [
        ("sonnet", "restore", "production")
    ]

    gone = operator.change("update", name, version=back["variant"]["version"], status="retired")
    assert (gone["action"], gone["variant"]["status"]) == ("retire", "retired")
    actions = [entry.facts["action"] for entry in world.store.entries["VOICE_LLM", "trial-1"]]
    promoted = ["request_promotion", "promote", "update"]
    assert actions == ["create", "update", "promote", *promoted, *promoted, "rollback", "retire"]


def test_nothing_that_an_operator_can_write_is_too_large_to_be_undone(
    world: World, operator: Operator
) -> None:
    """An entry holds the row twice, with what waits for it, and DynamoDB takes 400 KB in one item: a larger
    row could be written while it is served, and never be rolled back again. Numbers grow most on their way.
    """
    name = "CRISIS_FLOW_MODEL/claude-opus-4-7"
    sent = json.dumps({"reason": REASON, "target_cohort": "new_users", "pass_criteria": {"m": ["\u2026"]}})
    now = sent.replace('"target_cohort": "new_users", ', "").replace('"\\u2026"', ",".join(["1e15"] * 1_600))
    later = sent.replace('"\\u2026"', ",".join(["2e14"] * 1_600))
    operator.send(f"PUT {VARIANT}", name, version=1, body=now)
    assert operator.status == 200
    operator.send(f"PUT {VARIANT}", name, version=2, body=later)
    assert operator.status == 202
    operator.change("rollback", name)
    assert operator.status == 200
    documents = [entry.document for entry in world.store.entries["CRISIS_FLOW_MODEL", "claude-opus-4-7"]]

    assert 50_000 < max(len(document.encode()) for document in documents) < 400_000
    operator.change("update", name, version=4, pass_criteria={"m": "a" * 8_192})
    assert operator.status == 400


def test_a_step_back_and_a_pause_need_no_confirmation(operator: Operator) -> None:
    """Undoing is one call."""
    demoted = operator.change("demote", SMALL_TALK, version=1)
    paused = operator.change("pause", SMALL_TALK)

    assert demoted["variant"]["in_force"] == {"status": "staged", "rollout_percent": 5}
    assert paused["variant"]["in_force"] == {"status": "staged", "rollout_percent": 0}


def test_a_promotion_that_needs_a_yes_is_asked_for(operator: Operator) -> None:
    """202: nothing has changed for anybody yet."""
    asked = operator.change("promote", "VOICE_LLM/haiku", version=1, rollout_percent=12)

    assert operator.status == 202
    assert asked["outcome"] == "approval_requested"
    assert asked["variant"]["status"] == "staged"
    assert asked["variant"]["promotion_id"] == asked["promotion"]["promotion_id"]
    assert asked["promotion"]["rollout_percent"] == 12
    again = operator.change("promote", "VOICE_LLM/haiku", version=2)
    assert (operator.status, _slug(again)) == (409, "promotion-open")


def test_a_critical_change_waits_and_can_be_cancelled(world: World, operator: Operator) -> None:
    """202 with the time at which it takes effect; a cancelled one never does."""
    waiting = operator.change("update", PERSONA, version=1, rollout_percent=5)
    assert (operator.status, waiting["outcome"]) == (202, "waiting")
    assert waiting["effective_at"] == waiting["variant"]["cooldown"]["effective_at"]
    assert waiting["variant"]["cooldown"]["seconds_left"] == 300

    cancelled = operator.change("cancel", PERSONA, version=2)
    world.clock.advance(301)

    assert (operator.status, cancelled["variant"]["cooldown"]) == (200, None)
    assert operator.show(PERSONA)["rollout_percent"] == 0
    nothing = operator.change("cancel", PERSONA, version=3)
    assert (operator.status, _slug(nothing)) == (409, "nothing-pending")


def test_the_same_request_with_its_key_changes_nothing(world: World, operator: Operator) -> None:
    """A repeated request gets the stored answer, word for word, and says that it is one."""
    request = {"body": {"reason": REASON, "rollout_percent": 15}, "version": 1, "key": "the-key"}
    first = operator.send(f"PUT {VARIANT}", SMALL_TALK, **request)
    headers = dict(operator.headers)
    held = dict(world.store.records), {key: len(chain) for key, chain in world.store.entries.items()}
    world.clock.advance(60)
    again = operator.send(f"PUT {VARIANT}", SMALL_TALK, **request)

    assert again == first
    assert operator.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in headers
    assert operator.headers["ETag"] == headers["ETag"]
    assert held == (
        dict(world.store.records),
        {key: len(chain) for key, chain in world.store.entries.items()},
    )


@pytest.mark.parametrize(
    "other",
    [
        {"body": {"reason": REASON, "rollout_percent": 16}},
        {"body": {"reason": "Another reason, as long.", "rollout_percent": 15}},
        {"version": 2},
    ],
)
def test_a_key_fits_one_change_only(other: dict[str, Any], operator: Operator) -> None:
    """Whoever uses it for another change would believe that one done."""
    request: dict[str, Any] = {
        "body": {"reason": REASON, "rollout_percent": 15},
        "version": 1,
        "key": "the-key",
    }
    operator.send(f"PUT {VARIANT}", SMALL_TALK, **request)
    problem = operator.send(f"PUT {VARIANT}", SMALL_TALK, **{**request, **other})

    assert (operator.status, _slug(problem)) == (422, "idempotency-key-reused")


def test_a_key_of_one_route_does_not_answer_another(operator: Operator) -> None:
    """Pause and rollback have the same body."""
    operator.send(f"POST {VARIANT}/pause", SMALL_TALK, body={"reason": REASON}, key="the-key")
    problem = operator.send(f"POST {VARIANT}/rollback", SMALL_TALK, body={"reason": REASON}, key="the-key")

    assert (operator.status, _slug(problem)) == (422, "idempotency-key-reused")


CHANGES = (
    f"POST {CATEGORY}",
    f"PUT {VARIANT}",
    *(f"POST {VARIANT}/{action}" for action in ("promote", "demote", "rollback", "pause", "cancel")),
)


@pytest.mark.parametrize("route", CHANGES)
def test_every_change_needs_a_key_and_a_reason(route: str, operator: Operator) -> None:
    """The key so that a retry is safe, the reason so that somebody else understands."""
    without_key = operator.send(route, SMALL_TALK, body={"reason": REASON}, key=None)
    assert (operator.status, _slug(without_key)) == (400, "idempotency-key-needed")
    for reason in ("too short", "r" * 501, " " * 12, 7, None):
        problem = operator.send(route, SMALL_TALK, body={"reason": reason})

        assert operator.status == 400
        assert "/reason" in {violation["path"] for violation in problem["violations"]}, reason
    missing = operator.send(route, SMALL_TALK, body={})
    assert {"path": "", "keyword": "required"} in missing["violations"]


@pytest.mark.parametrize(
    ("action", "fields", "status", "slug"),
    [
        ("update", {"rollout_percent": 15}, 428, "precondition-required"),
        ("promote", {}, 428, "precondition-required"),
        ("demote", {}, 428, "precondition-required"),
        ("cancel", {}, 428, "precondition-required"),
        ("update", {"version": 9, "rollout_percent": 15}, 412, "version-mismatch"),
        ("rollback", {"version": 9}, 412, "version-mismatch"),
        ("promote", {"version": 1}, 409, "confirmation-needed"),
        ("update", {"version": 1, "rollout_percent": 26}, 422, "rollout-out-of-bounds"),
        ("update", {"version": 1, "rollout_percent": 12.345}, 422, "rollout-too-fine"),
        ("update", {"version": 1, "description": "x", "config": {}}, 422, "config-not-valid"),
        ("update", {"version": 1}, 400, "invalid-request"),
        ("update", {"version": 1, "status": "canary"}, 400, "invalid-request"),
        ("update", {"version": 1, "status": "retired", "rollout_percent": 0}, 400, "invalid-request"),
        ("update", {"version": 1, "variant_id": "another"}, 400, "invalid-request"),
        ("update", {"version": 1, "rollout_percent": "15"}, 400, "invalid-request"),
        ("update", {"version": 1, "rollout_percent": -1}, 400, "invalid-request"),
        ("pause", {"confirm": True}, 400, "invalid-request"),
        ("promote", {"version": 1, "category": "LLM_MODEL"}, 400, "invalid-request"),
    ],
)
def test_what_is_not_done_says_why(
    action: str, fields: dict[str, Any], status: int, slug: str, operator: Operator
) -> None:
    """And leaves everything as it was."""
    before = operator.show(SMALL_TALK)
    problem = operator.change(action, SMALL_TALK, **fields)

    assert (operator.status, _slug(problem)) == (status, slug)
    assert operator.show(SMALL_TALK) == before


def test_a_refused_change_can_be_sent_again_with_its_key(operator: Operator) -> None:
    """Refusals are not kept: the second request is the same one, with the confirmation."""
    request: dict[str, Any] = {"version": 1, "key": "the-key"}
    operator.send(f"POST {VARIANT}/promote", SMALL_TALK, body={"reason": REASON}, **request)
    assert operator.status == 409
    operator.send(f"POST {VARIANT}/promote", SMALL_TALK, body={"reason": REASON, "confirm": True}, **request)

    assert operator.status == 202
    assert "Idempotency-Replayed" not in operator.headers


def test_the_wrong_version_is_told_the_present_one(operator: Operator) -> None:
    """The next step is to read it."""
    operator.change("pause", SMALL_TALK)
    problem = operator.change("update", SMALL_TALK, version=1, description="New words.")

    assert operator.status == 412
    assert "2" in problem["detail"]


@pytest.mark.parametrize(
    ("fields", "status", "slug"),
    [
        ({"variant_id": "haiku"}, 409, "variant-exists"),
        ({"parent_variant_id": "no-such"}, 422, "parent-not-found"),
        ({"config": {"model_id": "no-such"}}, 422, "config-not-valid"),
        ({"variant_id": "a/b"}, 400, "invalid-request"),
        ({"variant_id": "../x"}, 400, "invalid-request"),
        ({"target_cohort": "everybody"}, 400, "invalid-request"),
        ({"rollout_percent": 1}, 400, "invalid-request"),
    ],
)
def test_a_variant_that_cannot_be_made_is_refused(
    fields: dict[str, Any], status: int, slug: str, operator: Operator
) -> None:
    """What stands in the registry is fit to be served."""
    problem = _new(operator, **fields)

    assert (operator.status, _slug(problem)) == (status, slug)


def test_an_unknown_category_is_404(operator: Operator) -> None:
    """There are seventeen."""
    problem = operator.change("create", "NO_SUCH", variant_id="a", description="d", config={})

    assert (operator.status, _slug(problem)) == (404, "category-not-found")


def test_a_failure_of_the_store_may_be_sent_again(world: World, operator: Operator) -> None:
    """With the same key: the answer tells whether it was done."""
    world.store.unavailable = True
    problem = operator.change("pause", SMALL_TALK)

    assert (operator.status, _slug(problem)) == (503, "service-unavailable")
    assert "Idempotency-Key" in problem["detail"]


def test_nothing_that_was_sent_comes_back_in_a_problem(operator: Operator) -> None:
    """A reason is data."""
    problems = [
        operator.change("update", SMALL_TALK, version=9, description="canary", config={"canary": "canary"}),
        operator.send(f"PUT {VARIANT}", SMALL_TALK, body='{"reason": "canary canary canary", "c": 1}'),
        operator.send(f"PUT {VARIANT}", SMALL_TALK, body='{"canary canary": '),
        operator.send("GET /admin/api/variants", query={"canary": "canary"}),
    ]

    assert "canary" not in json.dumps(problems)
