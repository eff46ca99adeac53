"""The promotions' night asks once for each shape of a canary, and puts right what got stuck."""

from dataclasses import replace
from typing import Any

import pytest

from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.domain.registry.commands import Action
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.schedule_promotions import Scheduled
from tests.support.promotion_steps import CATEGORY, ID, PROMOTION, World
from tests.support.registry import variant

DAY = 86_400


def canary(**fields: Any) -> World:
    """Return a canary that serves people."""
    return World(status="canary", percent=20, **fields)


def test_a_canary_that_serves_is_asked_for() -> None:
    """Nobody has to think of it, and nobody has to be an operator to have asked."""
    world = canary()
    scheduled = world.schedule()
    [promotion] = world.store.promotions.values()

    assert scheduled.to_payload() == {
        "opened": [promotion.promotion_id],
        "started": 0,
        "resumed": 0,
        "closed": 0,
        "refused": 0,
    }
    assert (promotion.to_status, promotion.rollout_percent, promotion.next_percent) == ("production", 50, 100)
    assert (promotion.requested_by, promotion.trigger) == ("system:promotion_schedule", "schedule")
    assert len(promotion.promotion_id) <= 80
    assert promotion.promotion_id.replace("-", "").isalnum()


@pytest.mark.parametrize(
    "world",
    [
        World(status="staged"),
        World(status="canary", percent=0),
        World("CRISIS_DETECTOR_MODEL", "canary", 0),
        World(status="canary", percent=20, promotion_id="another"),
        World(status="canary", percent=20, target_cohort="returning"),
    ],
    ids=["staged", "paused", "crisis", "open-already", "one-cohort"],
)
def test_what_may_not_be_asked_for_is_not(world: World) -> None:
    """The night refuses quietly: there is nobody to read a refusal."""
    assert world.schedule().opened == ()
    assert world.store.promotions == {}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_it_asks_again_only_after_an_end_that_says_nothing_of_the_variant(outcome: Outcome) -> None:
    """A person who said no once must not be asked every night."""
    world = canary()
    world.schedule()
    [name] = world.store.promotions
    world.executions.running.clear()
    open_one = world.store.promotions[name]
    world.store.promotions[name] = replace(open_one, status=outcome)
    world.store.records[CATEGORY, ID] = replace(world.row, promotion_id=None)
    world.clock.advance(DAY)

    again = outcome in (Outcome.WITHDRAWN, Outcome.STOPPED, Outcome.FAILED, Outcome.NO_APPROVERS)
    assert len(world.schedule().opened) == (1 if again else 0)


def test_a_variant_that_is_another_by_now_is_asked_for_again() -> None:
    """The no was to what it was."""
    world = canary()
    world.schedule()
    [name] = world.store.promotions
    world.store.promotions[name] = replace(world.store.promotions[name], status=Outcome.REJECTED)
    world.store.records[CATEGORY, ID] = replace(world.row, promotion_id=None)
    world.clock.advance(DAY)
    assert world.schedule().opened == ()
    world.operator(Action.UPDATE, rollout_percent=15)
    world.clock.advance(DAY)

    assert len(world.schedule().opened) == 1


def test_other_words_about_a_variant_do_not_have_it_asked_for_again() -> None:
    """It is what it was when somebody said no."""
    world = canary(measured_since="2026-02-01T00:00:00+00:00")
    world.schedule()
    [name] = world.store.promotions
    world.store.promotions[name] = replace(world.store.promotions[name], status=Outcome.REJECTED)
    world.store.records[CATEGORY, ID] = replace(world.row, promotion_id=None)
    world.operator(Action.UPDATE, description="Other words")
    world.clock.advance(DAY)

    assert world.schedule().opened == ()


def test_a_second_run_of_a_night_asks_for_nothing_twice() -> None:
    """The scheduler calls at least once."""
    world = canary()
    world.schedule()
    world.executions.start(*world.store.promotions)

    assert world.schedule() == Scheduled()
    assert len(world.store.promotions) == 1


def test_an_execution_that_never_started_is_started() -> None:
    """A stream's record may have been lost after its last attempt."""
    world = World()
    world.request()

    assert world.schedule().started == 1
    assert world.executions.started == [PROMOTION]
    assert world.schedule().started == 0
    assert world.promotion.status == "awaiting_evidence"


@pytest.mark.parametrize("taken", [False, True])
def test_a_promotion_whose_execution_is_gone_is_ended(taken: bool) -> None:
    """The notice of its end may have been lost; the variant would be locked for ever."""
    world = World()
    world.request()
    world.start(is_new=True)
    if taken:
        world.open()
    world.executions.running.clear()

    assert world.schedule().closed == 1
    assert (world.promotion.status, world.row.promotion_id) == ("failed", None)
    world.assert_audited()


def test_a_decision_that_was_not_told_is_told() -> None:
    """The person has clicked; the night carries it to the execution."""
    world = World()
    world.request()
    world.start(is_new=True)
    world.decide("ann")
    world.approvals.tokens[PROMOTION] = "token"
    world.executions.waiting.add("token")

    assert world.schedule().resumed == 1
    assert world.executions.resumed == [("token", "approved")]
    assert world.schedule().resumed == 0


def test_more_promotions_than_a_page_are_looked_at() -> None:
    """The last of many is stuck as easily as the first."""
    world = World()
    for number in range(60):
        row = variant(CATEGORY, f"v{number}", "staged", 0, promotion_id=f"p{number}")
        world.store.records[row.key] = row
    world.request()
    for number in range(60):
        world.store.promotions[f"p{number}"] = replace(
            world.promotion, promotion_id=f"p{number}", variant_id=f"v{number}"
        )

    assert world.schedule().started == 61


def test_one_that_cannot_be_put_right_keeps_no_other_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two executions that are gone one cannot be looked at: the other is closed, a canary is asked for."""
    world = canary()
    for name in ("a", "b"):
        row = variant(CATEGORY, name, "staged", 0, promotion_id=name)
        world.store.records[row.key] = row
    world.request()
    for name in ("a", "b"):
        world.store.promotions[name] = replace(
            world.promotion, promotion_id=name, variant_id=name, execution=f"arn:{name}"
        )
    world.operator(Action.CLOSE_PROMOTION, expected_version=None, outcome=Outcome.FAILED)
    is_running = world.executions.is_running

    def unless_a(promotion_id: str) -> bool:
        if promotion_id == "a":
            raise StoreUnavailableError("Unavailable")
        return is_running(promotion_id)

    monkeypatch.setattr(world.executions, "is_running", unless_a)
    with pytest.raises(StoreUnavailableError):
        world.schedule()

    assert world.store.promotions["b"].status == "failed"
    assert world.row.promotion_id is not None


def test_a_store_that_is_down_is_told() -> None:
    """The scheduler tries again."""
    world = canary()
    world.approvals.unavailable = True

    with pytest.raises(StoreUnavailableError):
        world.schedule()
    world.approvals.unavailable = False
    assert len(world.schedule().opened) == 1
