"""What operators see: variants, their figures, what was done to them, and what waits for a yes."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from silent_infinity.adapters.memory.variant_store import MemoryAuditLog
from silent_infinity.domain.audit import Heads
from silent_infinity.domain.lake.histograms import Histogram, bin_of
from silent_infinity.domain.variant_sums import MEAN, RATE, Counts, DayOfVariant, Sums
from silent_infinity.usecases.verify_audit import VerifyAudit
from tests.support.operators import REASON, SUBJECT, VARIANTS, Operator
from tests.unit.admin.conftest import START, World

LIST = f"GET {VARIANTS}"
COMPARE = f"GET {VARIANTS}/compare"
AUDIT = "GET /admin/api/audit-log"
VERIFY = "GET /admin/api/audit-log/verify"
PROMOTIONS = "GET /admin/api/promotions"
SMALL_TALK = "SMALL_TALK_MODEL/claude-haiku-4-5"


def _slug(problem: dict[str, str]) -> str:
    return problem["type"].rpartition(":")[2]


def _names(page: dict[str, list[dict[str, str]]]) -> list[str]:
    return [f"{each['category']}/{each['variant_id']}" for each in page["variants"]]


def test_every_variant_is_met_once_however_long_the_pages_are(world: World, operator: Operator) -> None:
    """Whoever pages through a list must not miss the variant that causes the trouble."""
    whole = sorted("/".join(key) for key in world.store.records)
    for limit in (1, 7, 50, 100):
        found: list[str] = []
        query = {"limit": str(limit)}
        while True:
            page = operator.list(**query)
            assert len(page["variants"]) <= limit
            found += _names(page)
            assert len(found) <= len(whole), "the pages do not go on"
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]

        assert found == whole, limit


def test_a_page_goes_on_where_it_stopped_though_a_variant_came_in_between(operator: Operator) -> None:
    """A cursor names a place, not a number: what is created meanwhile shifts nothing."""
    first = operator.list(category="VOICE_LLM", limit="2")
    operator.change("create", "VOICE_LLM", variant_id="aaa", description="d", config=_config(operator))
    second = operator.list(category="VOICE_LLM", limit="2", cursor=first["next_cursor"])

    assert _names(first) == ["VOICE_LLM/haiku", "VOICE_LLM/opus"]
    assert _names(second) == ["VOICE_LLM/sonnet"]
    assert second["next_cursor"] is None


def _config(operator: Operator) -> dict[str, object]:
    config: dict[str, object] = operator.show("VOICE_LLM/haiku")["config"]
    return config


def test_filters_narrow_the_list(operator: Operator) -> None:
    """By category, by stage, and by whether an experiment runs; all that are named hold."""
    [running] = operator.list(running="true")["variants"]
    assert f"{running['category']}/{running['variant_id']}" == SMALL_TALK
    assert running["running"] is True
    assert operator.show("SMALL_TALK_MODEL/claude-sonnet-4-6")["running"] is False
    assert _names(operator.list(category="SYNTHESIS_MODEL")) == ["SYNTHESIS_MODEL/claude-haiku-4-5"]
    assert _names(operator.list(status="retired")) == ["SYSTEM_PROMPT/v1-sha-baseline"]
    assert _names(operator.list(status="production", category="VOICE_LLM")) == ["VOICE_LLM/sonnet"]
    assert SMALL_TALK not in _names(operator.list(running="false", limit="100"))
    assert operator.list(status="staged", running="true") == {"variants": [], "next_cursor": None}
    assert operator.list(category="VOICE_LLM", limit="3")["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "path", "keyword"),
    [
        ({"limit": "0"}, "/limit", "minimum"),
        ({"limit": "101"}, "/limit", "maximum"),
        ({"limit": "9999999999"}, "/limit", "maximum"),
        ({"limit": "many"}, "/limit", "type"),
        ({"limit": ""}, "/limit", "type"),
        ({"limit": "²"}, "/limit", "type"),
        ({"status": "canary "}, "/status", "enum"),
        ({"running": "yes"}, "/running", "type"),
        ({"category": "x" * 65}, "/category", "pattern"),
        ({"categories": "LLM_MODEL"}, "", "additionalProperties"),
        ({"cursor": "canary"}, "/cursor", "format"),
        ({"cursor": ""}, "/cursor", "minLength"),
    ],
)
def test_a_wrong_parameter_is_named_and_not_ignored(
    query: dict[str, str], path: str, keyword: str, operator: Operator
) -> None:
    """A mistyped filter that lists everything would be taken for an answer."""
    problem = operator.list(**query)

    assert operator.status == 400
    assert {"path": path, "keyword": keyword} in problem["violations"]
    assert "canary" not in json.dumps(problem)


def test_a_cursor_of_another_list_is_refused(operator: Operator) -> None:
    """It would go on somewhere."""
    cursor = operator.list(limit="1")["next_cursor"]
    problem = operator.send(AUDIT, query={"cursor": cursor})

    assert operator.status == 400
    assert problem["violations"] == [{"path": "/cursor", "keyword": "format"}]


def test_a_variant_is_shown_as_it_is_in_force(world: World, operator: Operator) -> None:
    """A change that waits is visible as such, with the time left; when it is due it simply holds."""
    name = "SYSTEM_PROMPT/v3-sha-empathy-rewrite"
    operator.change("update", name, version=operator.show(name)["version"], rollout_percent=5)
    world.clock.advance(60)
    waiting = operator.show(name)
    assert name not in _names(operator.list(running="true"))
    world.clock.advance(240)
    due = operator.show(name)
    assert name in _names(operator.list(running="true"))

    assert waiting["rollout_percent"] == 0
    assert waiting["in_force"] == {"status": "staged", "rollout_percent": 0}
    assert waiting["critical"] is True
    assert waiting["running"] is False
    assert waiting["cooldown"]["seconds_left"] == 240
    assert waiting["cooldown"]["action"] == "update"
    assert waiting["cooldown"]["requested_by"] == f"operator:{SUBJECT}"
    assert due["cooldown"] is None
    assert due["in_force"] == {"status": "staged", "rollout_percent": 5}
    assert due["rollout_percent"] == 5
    assert due["running"] is True
    assert due["version"] == waiting["version"]


@pytest.mark.parametrize("name", ["LLM_MODEL/no-such", "NO_SUCH/claude-sonnet-4-6", "LLM_MODEL/"])
def test_a_variant_that_is_not_there_is_404(name: str, operator: Operator) -> None:
    """With the way to find the right one."""
    problem = operator.show(name)

    assert operator.status == 404
    assert _slug(problem) == "variant-not-found"
    assert VARIANTS in problem["detail"]


def test_the_figures_of_a_variant_stand_beside_those_of_production(world: World, operator: Operator) -> None:
    """A number says little without the one that it would replace."""
    today = START.date()
    haiku, sonnet = "claude-haiku-4-5", "claude-sonnet-4-6"
    for variant_id, days_ago, sums in (
        (haiku, 0, Sums(MEAN, 2, 10.0, 60.0)),
        (haiku, 7, Sums(MEAN, 2, 30.0, 460.0)),
        (haiku, 8, Sums(MEAN, 1000, 0.0, 0.0)),
        (sonnet, 1, Sums(MEAN, 4, 20.0, 110.0)),
    ):
        day = today - timedelta(days=days_ago)
        world.metrics.put(DayOfVariant("SMALL_TALK_MODEL", variant_id, day, {"cost_usd": sums}))
    shown = operator.show(SMALL_TALK)["metrics_7d"]
    default = operator.show(f"SMALL_TALK_MODEL/{sonnet}")["metrics_7d"]

    assert shown["metrics"] == {"cost_usd": {"kind": "mean", "n": 4, "value": 10.0}}
    assert shown["production"] == {
        "variant_id": sonnet,
        "counts": None,
        "metrics": {"cost_usd": {"kind": "mean", "n": 4, "value": 5.0}},
    }
    assert (shown["from"], shown["to"]) == ("2026-11-14", "2026-11-21")
    assert default["production"] is None


def test_latencies_show_their_quantiles_over_all_days(world: World, operator: Operator) -> None:
    """What one in twenty waits for is in no mean, and in no mean of days."""
    today = START.date()
    metric = "latency_total_ms"
    for days_ago, milliseconds, turns in ((1, 800, 900), (2, 6000, 100)):
        world.metrics.put(
            DayOfVariant(
                "SMALL_TALK_MODEL",
                "claude-haiku-4-5",
                today - timedelta(days=days_ago),
                {metric: Sums(MEAN, 10, 10.0, 60.0), "cost_usd": Sums(MEAN, 10, 10.0, 60.0)},
                Counts(units=10, sessions=10, users=7, turns=turns + 3, exposed_turns=turns, crisis_turns=3),
                {metric: Histogram({bin_of(milliseconds): turns})},
            )
        )
    shown = operator.show(SMALL_TALK)["metrics_7d"]
    figure = shown["metrics"][metric]

    assert (figure["p50"], figure["p95"]) == (pytest.approx(800, rel=0.02), pytest.approx(6000, rel=0.02))
    assert "p50" not in shown["metrics"]["cost_usd"]
    assert shown["counts"] == {
        "units": 20,
        "sessions": 20,
        "users": 14,
        "turns": 1006,
        "exposed_turns": 1000,
        "crisis_turns": 6,
        "mixed_units": 0,
    }


def test_the_audit_log_tells_a_variants_story_in_order(operator: Operator) -> None:
    """Who did what, when, why, and what it was before and after."""
    operator.change("pause", SMALL_TALK)
    page = operator.send(AUDIT, query={"variant_id": SMALL_TALK})
    created, paused = page["entries"]

    assert (created["action"], created["actor"]) == ("create", "system:initial-population")
    assert (paused["action"], paused["actor"]) == ("pause", f"operator:{SUBJECT}")
    assert (paused["reason"], paused["request_id"]) == (REASON, "request-1")
    assert paused["before"]["rollout_percent"] == 20
    assert paused["after"]["rollout_percent"] == 0
    assert paused["previous_hash"] == created["hash"]
    assert page["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"variant_id": SMALL_TALK},
        {"variant_id": "claude-haiku-4-5", "category": "SMALL_TALK_MODEL"},
        {"variant_id": SMALL_TALK, "category": "SMALL_TALK_MODEL"},
    ],
)
def test_a_variant_can_be_named_in_full_or_beside_its_category(
    query: dict[str, str], operator: Operator
) -> None:
    """Ids are unique in their category only."""
    [entry] = operator.send(AUDIT, query=query)["entries"]

    assert (entry["category"], entry["variant_id"]) == ("SMALL_TALK_MODEL", "claude-haiku-4-5")


@pytest.mark.parametrize(
    ("query", "status", "slug"),
    [
        ({"variant_id": "claude-haiku-4-5"}, 400, "ambiguous-variant"),
        ({"variant_id": SMALL_TALK, "category": "LLM_MODEL"}, 400, "different-categories"),
        ({"variant_id": "nobody"}, 404, "variant-not-found"),
        ({"variant_id": "LLM_MODEL/nobody"}, 404, "variant-not-found"),
        ({"category": "LLM_MODEL"}, 400, "invalid-request"),
    ],
)
def test_whose_history_is_meant_has_to_be_clear(
    query: dict[str, str], status: int, slug: str, operator: Operator
) -> None:
    """The history of the wrong variant looks like a right one."""
    for route in (AUDIT, VERIFY):
        problem = operator.send(route, query=query)

        assert (operator.status, _slug(problem)) == (status, slug)


def test_an_id_that_one_category_has_is_enough(operator: Operator) -> None:
    """Nobody likes to type more than needed."""
    [entry] = operator.send(AUDIT, query={"variant_id": "mistral-large"})["entries"]

    assert entry["category"] == "LLM_MODEL"


def test_the_log_of_all_begins_with_what_came_last(world: World, operator: Operator) -> None:
    """That is what somebody looks for when something has just gone wrong."""
    world.clock.advance(5)
    operator.change("pause", SMALL_TALK)
    first = operator.send(AUDIT, query={"limit": "1"})
    second = operator.send(AUDIT, query={"limit": "1", "cursor": first["next_cursor"]})

    assert first["entries"][0]["action"] == "pause"
    assert second["entries"][0]["action"] == "create"


@pytest.mark.parametrize("document", ["{", "[]", "7", '{"actor": "canary"}'])
def test_a_damaged_entry_is_shown_and_found(document: str, world: World, operator: Operator) -> None:
    """A log that fails to be shown because somebody damaged it would serve who did."""
    key = ("SMALL_TALK_MODEL", "claude-haiku-4-5")
    world.store.entries[key][0] = replace(world.store.entries[key][0], document=document)
    [entry] = operator.send(AUDIT, query={"variant_id": SMALL_TALK})["entries"]
    verified = operator.send(VERIFY, query={"variant_id": SMALL_TALK})

    assert entry["document"] == document
    assert entry["action"] is None
    assert verified["ok"] is False
    assert {finding["flaw"] for finding in verified["findings"]} >= {"changed"}


def test_histories_that_are_whole_verify_up_to_the_last_anchor(world: World, operator: Operator) -> None:
    """And the answer says how far back that is beyond doubt."""
    log = MemoryAuditLog(world.store)
    heads = VerifyAudit(store=world.store, log=log, anchors=world.anchors)().heads
    world.anchors.put(Heads("2026-11-21T10:00:00+00:00", heads))
    operator.change("pause", SMALL_TALK)
    verified = operator.send(VERIFY)

    assert verified["ok"] is True
    assert verified["variants"] == len(world.store.records)
    assert verified["entries"] == len(world.store.records) + 1
    assert verified["anchored_until"] == "2026-11-21T10:00:00+00:00"
    assert "heads" not in verified


def test_promotions_are_listed_newest_first(operator: Operator) -> None:
    """With who asked, for what and why."""
    operator.change("promote", "VOICE_LLM/haiku", version=1)
    asked = operator.send(PROMOTIONS)
    none = operator.send(PROMOTIONS, query={"status": "rejected"})

    [promotion] = asked["promotions"]
    assert (promotion["variant_id"], promotion["to_status"]) == ("haiku", "canary")
    assert (promotion["reason"], promotion["status"]) == (REASON, "awaiting_evidence")
    assert none == {"promotions": [], "next_cursor": None}


def test_two_variants_are_compared(world: World, operator: Operator) -> None:
    """Both sides, the difference, how far chance goes, and what the p value must not be used for."""
    day = START.date() - timedelta(days=1)
    for variant_id, successes in (("claude-sonnet-4-6", 700), ("claude-haiku-4-5", 600)):
        sums = {"completed": Sums(RATE, 1000, successes), "cost_usd": Sums(MEAN, 10, 20.0, 44.0)}
        world.metrics.put(DayOfVariant("SMALL_TALK_MODEL", variant_id, day, sums))
    query = {"a": "SMALL_TALK_MODEL/claude-sonnet-4-6", "b": SMALL_TALK}
    both = operator.send(COMPARE, query=query)
    one = operator.send(COMPARE, query={**query, "metric": "completed"})

    assert [metric["metric"] for metric in both["metrics"]] == ["completed", "cost_usd"]
    [metric] = one["metrics"]
    assert metric["a"] == {"n": 1000, "value": 0.7}
    assert metric["difference"] == pytest.approx(-0.1)
    assert metric["low"] < -0.1 < metric["high"] < 0
    assert metric["test"] == "two-proportion-z"
    assert metric["p"] < 0.001
    assert metric["enough_units"] is True
    assert "sequential test" in one["statement"]
    assert (one["from"], one["to"]) == ("2026-11-14", "2026-11-21")


@pytest.mark.parametrize(
    ("query", "status", "slug"),
    [
        ({"a": "VOICE_LLM/haiku", "b": "VOICE_LLM/opus"}, 409, "no-figures"),
        ({"a": "VOICE_LLM/haiku", "b": SMALL_TALK}, 400, "different-categories"),
        ({"a": "haiku", "b": "no-such"}, 404, "variant-not-found"),
        ({"a": "VOICE_LLM/haiku", "b": "VOICE_LLM/no-such"}, 404, "variant-not-found"),
        ({"a": "haiku", "b": "claude-haiku-4-5"}, 400, "ambiguous-variant"),
        ({"a": "haiku"}, 400, "invalid-request"),
        ({"a": "haiku", "b": "opus", "from": "2026-11-21", "to": "2026-11-20"}, 400, "invalid-request"),
        ({"a": "haiku", "b": "opus", "from": "2020-11-21", "to": "2026-11-20"}, 400, "invalid-request"),
        ({"a": "haiku", "b": "opus", "from": "2026-02-30"}, 400, "invalid-request"),
        ({"a": "haiku", "b": "opus", "to": "0001-01-01"}, 400, "invalid-request"),
        ({"a": "haiku", "b": "opus", "from": "20261121"}, 400, "invalid-request"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    query: dict[str, str], status: int, slug: str, operator: Operator
) -> None:
    """A comparison of nothing, or of what does not compete, would be believed."""
    problem = operator.send(COMPARE, query=query)

    assert (operator.status, _slug(problem)) == (status, slug)


@pytest.mark.parametrize("route", [LIST, AUDIT, VERIFY, PROMOTIONS])
def test_a_store_that_is_down_is_told(route: str, world: World, operator: Operator) -> None:
    """With when to come back."""
    world.store.unavailable = True
    operator.send(route)

    assert operator.status == 503
    assert operator.headers["Retry-After"] == "5"
