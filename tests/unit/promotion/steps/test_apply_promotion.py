"""What people said yes to is applied once; whatever came in between is told from it."""

from datetime import timedelta
from typing import Any

import pytest

from silent_infinity.domain.payload import PayloadError
from silent_infinity.domain.promotion.approval import OVER, PENDING
from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.domain.registry.commands import Action
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.variant_store import OUTCOME_SECONDS
from silent_infinity.usecases.apply_promotion import ApplyPromotionRequest
from tests.support.promotion_steps import PROMOTION, REASON, World
from tests.support.registry import NOW, variant


@pytest.fixture
def world() -> World:
    """Return a variant whose promotion to canary is approved."""
    world = World()
    world.request()
    world.open()
    world.decide("ann")
    return world


def test_the_first_step_is_applied_in_the_name_of_who_approved(world: World) -> None:
    """The audit log has the person and the reason; the state has neither."""
    applied = world.apply().to_payload()
    entry = world.store.entries[world.row.key][-1].facts

    assert applied == {"outcome": "applied", "code": "", "more": True, "watch_seconds": 86_400}
    assert (entry["actor"], entry["reason"], entry["action"]) == ("operator:ann", REASON, "promote")
    assert world.stands() == ("canary", 10)
    assert (world.row.promotion_id, world.promotion.status) == (PROMOTION, "awaiting_evidence")
    world.assert_audited()


def test_the_last_step_ends_the_promotion(world: World) -> None:
    """From then on the variant may be asked for again."""
    world.apply()
    world.clock.advance(86_400)
    applied = world.apply("ramp")
    entry = world.store.entries[world.row.key][-1].facts

    assert (applied.outcome, applied.more) == ("applied", False)
    assert (entry["actor"], entry["action"]) == ("system:promotion", "update")
    assert world.stands() == ("canary", 25)
    assert (world.row.promotion_id, world.promotion.status) == (None, "applied")
    world.assert_audited()


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("step", ["entry", "ramp"])
def test_a_store_that_fails_at_the_write_is_tried_again_and_one_step_is_taken(
    world: World, step: str, fault: str
) -> None:
    """After a lost answer nobody knows whether it was written."""
    if step == "ramp":
        world.apply()
    before = len(world.actions)
    world.store.faults = (fault,)
    with pytest.raises(StoreUnavailableError):
        world.apply(step)
    again = world.apply(step)

    assert (again.outcome, again.more) == ("applied", step == "entry")
    assert len(world.actions) == before + 1
    world.assert_audited()


@pytest.mark.parametrize("step", ["entry", "ramp"])
def test_a_step_is_applied_once_even_a_day_later(world: World, step: str) -> None:
    """Idempotency keys are forgotten after a day; the rows are not."""
    world.apply()
    if step == "ramp":
        world.apply("ramp")
    before = world.row
    world.clock.advance(OUTCOME_SECONDS + 1)

    assert world.apply(step).outcome == "applied"
    assert world.row == before


def test_what_nobody_said_yes_to_is_not_applied() -> None:
    """Whatever the workflow was told, the stores say what was decided."""
    world = World()
    world.request()
    assert world.apply().code == "not-approved"
    for fields in ({"status": PENDING}, {"status": OVER}, {"variant_version": 1}):
        world.decide("ann", **fields)
        assert world.apply().to_payload()["outcome"] == "refused"
    world.decide("ann", no="bob")
    assert world.apply().code == "not-approved"

    assert world.stands() == ("staged", 5)
    assert world.actions == ["request_promotion"]


def test_a_yes_of_whoever_asked_is_none() -> None:
    """Nobody approves what they asked for."""
    world = World()
    world.request()
    world.decide("test")

    assert world.apply().code == "not-approved"


@pytest.mark.parametrize(
    ("yes", "outcome"), [(("ann",), "refused"), (("ann", "ann"), "refused"), (("ann", "bob"), "applied")]
)
def test_a_crisis_category_needs_two_different_people(yes: tuple[str, ...], outcome: str) -> None:
    """One person's yes twice is one yes."""
    world = World("CRISIS_DETECTOR_MODEL", percent=0)
    world.request()
    world.decide(*yes)

    assert world.apply().outcome == outcome


@pytest.mark.parametrize(
    "fields", [{"description": "Other words"}, {"rollout_percent": 4}, {"pass_criteria": {"metric": "nps"}}]
)
def test_a_variant_that_was_edited_meanwhile_is_not_promoted(world: World, fields: dict[str, Any]) -> None:
    """The yes was to what people were shown."""
    world.operator(Action.UPDATE, **fields)
    applied = world.apply()

    assert (applied.outcome, applied.code) == ("changed", "version-mismatch")
    assert world.stands()[0] == "staged"


@pytest.mark.parametrize("action", [Action.PAUSE, Action.ROLLBACK, Action.DEMOTE, Action.AUTOMATIC_DEMOTION])
@pytest.mark.parametrize("step", ["entry", "ramp"])
def test_an_undo_that_came_first_stands(world: World, step: str, action: Action) -> None:
    """Whoever takes a variant back must not find it promoted a moment later."""
    if step == "ramp":
        world.apply()
    world.operator(action)
    before = world.row

    assert world.apply(step).outcome == "withdrawn"
    assert world.row == before


def test_a_ramp_after_an_operators_own_step_is_not_taken(world: World) -> None:
    """An operator who lowers or raises the rollout has taken it in hand."""
    world.apply()
    world.operator(Action.UPDATE, rollout_percent=12)

    assert world.apply("ramp").outcome == "changed"
    assert world.stands() == ("canary", 12)


def test_there_is_no_ramp_before_the_first_step(world: World) -> None:
    """Were the machine wrong, the registry would say no."""
    assert world.apply("ramp").outcome == "changed"
    assert world.stands() == ("staged", 5)


def test_a_pool_has_one_step() -> None:
    """A member of a pool takes its part at once."""
    world = World("RATING_VARIANT", "canary", 0)
    world.request(rollout_percent=100)
    world.decide("ann")

    assert world.promotion.next_percent is None
    assert world.apply().more is False
    assert (world.stands(), world.promotion.status) == (("production", 100), "applied")


def test_a_crisis_category_has_one_step_after_its_cooldown() -> None:
    """It serves nobody before it is production, and then everybody."""
    world = World("CRISIS_FLOW_MODEL", "canary", 0)
    world.request()
    world.decide("ann", "bob")
    applied = world.apply()

    assert (applied.outcome, applied.more, world.promotion.status) == ("applied", False, "applied")
    assert world.stands() == ("canary", 0)
    world.clock.advance(300)
    assert world.stands() == ("production", 100)


def test_a_critical_category_ramps_after_its_cooldown() -> None:
    """The first step has to take effect before the second one can be thought of."""
    world = World("SYSTEM_PROMPT")
    world.request()
    world.decide("ann")
    assert world.apply().watch_seconds == 86_400 + 300
    with pytest.raises(StoreUnavailableError, match="change-pending"):
        world.apply("ramp")
    world.clock.advance(301)

    assert world.stands() == ("canary", 10)
    assert world.apply("ramp").outcome == "applied"
    world.clock.advance(301)
    assert world.stands() == ("canary", 25)
    world.assert_audited()


def test_a_step_that_is_cancelled_in_its_cooldown_withdraws_the_promotion() -> None:
    """Nothing has happened to people, and nothing is to happen by itself."""
    world = World("SYSTEM_PROMPT")
    world.request()
    world.decide("ann")
    world.apply()
    world.operator(Action.CANCEL)

    assert (world.promotion.status, world.row.promotion_id) == ("withdrawn", None)
    assert [world.apply(step).outcome for step in ("entry", "ramp")] == ["withdrawn", "withdrawn"]
    assert world.stands() == ("staged", 5)


def test_another_change_of_the_category_is_waited_for() -> None:
    """It takes effect within five minutes; the yes of a person is not lost for it."""
    world = World("SYSTEM_PROMPT")
    world.request()
    world.decide("ann")
    other = variant("SYSTEM_PROMPT", "other", "staged", 0)
    world.store.records[other.key] = other
    row = world.row
    world.operator(Action.UPDATE, "other", rollout_percent=1)
    with pytest.raises(StoreUnavailableError, match="change-pending"):
        world.apply()
    world.clock.advance(301)

    assert world.row == row
    assert world.apply().outcome == "applied"


def test_what_the_registry_refuses_is_told_by_its_code(world: World) -> None:
    """Somebody else has the traffic by now; a person has to look at it."""
    other = variant("COMPOSE_POSITION", "wide", "canary", 95, ranges=[[500, 10_000]])
    world.store.records[other.key] = other
    applied = world.apply()

    assert (applied.outcome, applied.code) == ("refused", "no-free-traffic")


def test_a_promotion_that_is_unknown_changes_nothing() -> None:
    """There is nothing that it could be of."""
    world = World()

    assert world.apply().outcome == "changed"


def test_a_busy_registry_is_tried_again(world: World) -> None:
    """The state has more patience than one request."""
    world.store.unavailable = True
    with pytest.raises(StoreUnavailableError):
        world.apply()
    world.store.unavailable = False

    assert world.apply().outcome == "applied"
    assert world.close(Outcome.FAILED) == "applied_in_part"


def test_the_figures_begin_anew_with_each_step(world: World) -> None:
    """A watch over the old rollout would see nothing of the new one."""
    since = []
    for step in ("entry", "ramp"):
        world.clock.advance(60)
        world.apply(step)
        since.append(world.row.measured_since)

    assert since == [(NOW + timedelta(seconds=seconds)).isoformat() for seconds in (60, 120)]


def test_a_step_that_does_not_exist_is_not_the_first_one() -> None:
    """A slip in the state machine would otherwise enter the stage again instead of going on in it."""
    with pytest.raises(PayloadError):
        ApplyPromotionRequest.from_event({"promotion_id": PROMOTION, "step": "watch"})
