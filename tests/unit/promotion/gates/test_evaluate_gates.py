"""Judging a promotion: what is kept as evidence, what the machine is told, and when it looks again."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.evidence import MemoryEvidence
from silent_infinity.adapters.memory.variant_store import MemoryPromotions, MemoryVariantStore
from silent_infinity.adapters.statistics.scipy_tests import ScipyTests
from silent_infinity.domain.payload import PayloadError, to_payload
from silent_infinity.domain.promotion.evidence import ConfigChange, Evidence
from silent_infinity.domain.promotion.gates.changes import config_changes
from silent_infinity.domain.promotion.gates.figures import GateFigures
from silent_infinity.domain.promotion.gates.looks import is_over, seconds_to_next
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.collect_figures import CollectRequest
from silent_infinity.usecases.evaluate_gates import EvaluateGates, EvaluateRequest
from tests.support.gate_figures import figures
from tests.support.registry import variant

NOW = datetime(2026, 11, 17, 2, 45, tzinfo=UTC)
REASON = "Because people said that it is calmer."
BETTER = figures(arm={"completion": 0.76})


def arm(category: str = "GHOST_CHAR_STYLE", **fields: Any) -> VariantRecord:
    """The row of the arm."""
    usual = {
        "ranges": [[0, 2_000]], "version": 7, "promotion_id": "promotion-1", "description": "Calmer dots.",
        "measured_since": "2026-11-10T15:00:00+00:00", "last_modified": "2026-11-14T09:00:00+00:00",
    }  # fmt: skip
    return variant(category, "arm", "canary", 20, **{**usual, **fields})


class World:
    """The ports around the use case."""

    def __init__(self, record: VariantRecord | None = None, now: datetime = NOW) -> None:
        record = record or arm()
        base = variant(record.category, "base", "production", 100, last_modified="2026-10-01T00:00:00+00:00")
        self.clock = FixedClock(now)
        self.store = MemoryVariantStore(self.clock, [record, base])
        self.store.promotions["promotion-1"] = PromotionRequest(
            promotion_id="promotion-1", category=record.category, variant_id="arm", from_status="canary",
            to_status="production", rollout_percent=50, next_percent=100, requested_by="operator:ada",
            requested_at="2026-11-14T09:00:00+00:00", reason=REASON, variant_version=7,
        )  # fmt: skip
        self.evidence = MemoryEvidence()

    def judge(self, found: GateFigures = BETTER, phase: str = "entry", **how: Any) -> dict[str, Any]:
        """Judge figures as the machine hands them on."""
        evaluate = EvaluateGates(
            promotions=MemoryPromotions(self.store),
            registry=self.store,
            evidence=self.evidence,
            tests=ScipyTests(),
            clock=self.clock,
            **how,
        )
        event = {"promotion_id": "promotion-1", "phase": phase, "figures": to_payload(found)}
        result = evaluate(EvaluateRequest.from_event(json.loads(json.dumps(event, allow_nan=False))))
        payload: dict[str, Any] = json.loads(json.dumps(result.to_payload(), allow_nan=False))
        return payload

    def document(self, result: Mapping[str, Any]) -> Evidence:
        """The evidence that a result names."""
        found = self.evidence.find("promotion-1", result["evidence_hash"])
        assert found is not None
        return found


def test_a_verdict_is_told_and_its_evidence_is_kept_and_named() -> None:
    """A person is asked about this document, and their yes is bound to its hash."""
    world = World()
    result = world.judge()
    document = world.document(result)

    assert result | {"evidence_hash": ""} == {
        "verdict": "passed", "regression": False, "evidence_hash": "", "summary": "14 of 14 gates passed",
        "look_seconds": 85_500, "time_is_up": False,
    }  # fmt: skip
    assert document.hash == result["evidence_hash"]
    assert world.store.promotions["promotion-1"].evidence_hash == result["evidence_hash"]
    assert (document.variant_version, document.from_percent, document.to_percent) == (7, 20, 50)
    assert (document.next_percent, document.from_status, document.to_status) == (100, "canary", "production")
    assert (document.requested_by, document.reason) == ("operator:ada", REASON)
    assert (document.since, document.as_of, document.production) == ("2026-11-11", "2026-11-16", ("base",))
    assert document.description == "Calmer dots."
    assert document.verdict == result["verdict"]
    assert [gate.gate for gate in document.gates][:2] == ["sample", "sample_ratio"]
    assert sum(document.histograms["latency_total_ms"]["arm"].values()) == 16_000
    assert document.histograms["nps"]["production"]["10"] > 0


def test_judging_the_same_figures_again_makes_the_same_evidence() -> None:
    """A state that is tried again must not ask a person about a second document."""
    world = World()
    first = world.judge()
    world.clock.advance(5 * 3_600)
    second = world.judge()

    assert second["evidence_hash"] == first["evidence_hash"]
    assert len(world.evidence.documents) == 1


def test_other_figures_make_other_evidence() -> None:
    """An old link would otherwise be good for what nobody has seen."""
    world = World()

    assert world.judge()["evidence_hash"] != world.judge(figures(arm={"completion": 0.77}))["evidence_hash"]


def test_nothing_that_an_operator_wrote_is_told_to_the_machine() -> None:
    """Whoever may read executions is not whoever may read reasons."""
    told = json.dumps(World(arm(pass_criteria={"her_name_max": 1})).judge())

    assert REASON not in told
    assert "Calmer" not in told
    assert "her_name" not in told
    assert "ada" not in told


def test_harm_is_told_so_that_the_arm_is_taken_back() -> None:
    """The machine takes back by this word alone."""
    result = World().judge(figures(arm={"crisis_flag": 0.05}))

    assert (result["verdict"], result["regression"]) == ("failed", True)
    assert "crisis" in result["summary"]


def test_a_variant_that_changed_meanwhile_is_collected_again() -> None:
    """Its configuration would be shown beside figures of another one."""
    world = World(arm(version=8))
    result = world.judge()

    assert (result["verdict"], result["evidence_hash"]) == ("not_enough_data", "")
    assert (result["look_seconds"], result["time_is_up"]) == (1, False)
    assert world.evidence.documents == {}


def test_after_thirty_days_nobody_waits_any_longer() -> None:
    """A promotion that nothing can be shown of must not stay open for ever."""
    asked = datetime(2026, 11, 14, 9, tzinfo=UTC)
    early, late = (World(now=asked + timedelta(days=30, seconds=shift)) for shift in (-1, 0))
    waiting = figures()

    assert early.judge(waiting)["time_is_up"] is False
    assert late.judge(waiting)["time_is_up"] is True


def test_a_step_is_watched_for_fourteen_days_from_when_it_was_taken() -> None:
    """The next step is of the same yes, which is not good for ever."""
    taken = datetime(2026, 11, 10, 15, tzinfo=UTC)
    early, late = (World(now=taken + timedelta(days=14, seconds=shift)) for shift in (-1, 0))

    assert early.judge(figures(), "watch")["time_is_up"] is False
    assert late.judge(figures(), "watch")["time_is_up"] is True


def test_a_crisis_category_does_not_wait() -> None:
    """A golden set says tomorrow what it says today."""
    world = World(arm("CRISIS_FLOW_MODEL", ranges=[], rollout_percent=0))
    result = world.judge(figures(category="CRISIS_FLOW_MODEL", lack="not_served", has_golden=False))

    assert (result["verdict"], result["time_is_up"]) == ("not_enough_data", True)


def test_settings_say_how_long_to_wait() -> None:
    """On a laptop nobody waits for the night, or for three days of figures."""
    found = figures(arm={"completion": 0.76}, as_of="2026-11-12")

    assert World().judge(found)["verdict"] == "not_enough_data"
    assert World().judge(found, sample_hours=48)["verdict"] == "passed"
    assert World().judge(found, look_seconds=3)["look_seconds"] == 3


def test_the_changes_of_the_configuration_are_in_the_evidence() -> None:
    """What a person decides on is this difference."""
    base = variant("GHOST_CHAR_STYLE", "base", "production", 100)
    world = World(arm(config={**base.config, "style": "dots"}))

    [change] = world.document(world.judge()).changes
    assert (change.path, change.after) == ("/style", '"dots"')


@pytest.mark.parametrize("what", ["evidence", "store"])
def test_a_store_that_is_down_is_said_and_judging_again_is_safe(what: str) -> None:
    """The machine tries again; half of it may have been done."""
    world = World()
    port: Any = getattr(world, what)
    port.unavailable = True
    with pytest.raises(StoreUnavailableError):
        world.judge()
    port.unavailable = False

    assert world.document(world.judge()).verdict == "passed"


@pytest.mark.parametrize(
    "event", [{}, {"promotion_id": "p"}, {"promotion_id": "p", "figures": {}, "phase": "x"}]
)
def test_a_request_without_what_it_needs_is_refused(event: dict[str, Any]) -> None:
    """A state that lost its input would judge nothing, and call it something."""
    with pytest.raises(PayloadError):
        EvaluateRequest.from_event(event)


def test_a_collection_names_a_phase_that_there_is() -> None:
    """A misspelt phase would be judged by other gates."""
    with pytest.raises(PayloadError):
        CollectRequest.from_event({"promotion_id": "p", "phase": "night"})


def test_figures_of_an_earlier_version_can_be_read() -> None:
    """During a deployment the collecting function may be older than the judging one."""
    payload = to_payload(BETTER)
    for added in ("division_lack", "unit", "golden", "misses"):
        payload.pop(added)
    request = EvaluateRequest.from_event({"promotion_id": "p", "figures": payload, "something_new": 1})

    assert request.figures == replace(BETTER, misses=GateFigures("", "", 0, "").misses)


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        ("2026-11-17T02:29:59+00:00", 1),
        ("2026-11-17T02:30:00+00:00", 86_400),
        ("2026-11-17T23:30:00+00:00", 10_800),
    ],
)
def test_the_next_look_is_always_ahead(at: str, seconds: int) -> None:
    """A wait of nothing would look again and again for a whole night."""
    assert seconds_to_next(datetime.fromisoformat(at)) == seconds


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2026, 1, 1), max_value=datetime(2040, 1, 1)))  # noqa: DTZ001 -- hypothesis adds the zone
def test_a_look_comes_within_a_day(now: datetime) -> None:
    """A promotion is looked at once in every night."""
    assert 0 < seconds_to_next(now) <= 86_400
    assert not is_over("entry", now, now)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
CONFIG = st.dictionaries(st.text(max_size=4), JSON, max_size=4)


@given(CONFIG, CONFIG)
def test_a_configuration_differs_where_its_text_does(before: dict[str, Any], after: dict[str, Any]) -> None:
    """A difference that is not shown would be decided on unseen, and one that is none would be noise."""
    changes = config_changes(before, after)

    assert bool(changes) == (json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True))
    assert len({change.path for change in changes}) == len(changes)
    assert all(change.before != change.after for change in changes)


def test_changes_are_named_as_json_pointers() -> None:
    """RFC 6901: a slash in a name is no step."""
    found = config_changes({"a": {"b/c": 1, "d": [1]}, "gone": 1}, {"a": {"b/c": 2, "d": [1]}, "new": None})

    assert found == (
        ConfigChange("/a/b~1c", "1", "2"), ConfigChange("/gone", "1", ""), ConfigChange("/new", "", "null")
    )  # fmt: skip
