"""A promotion ends once, audited, and is never said to be what it was not."""

import pytest

from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.domain.registry.commands import Action
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.close_promotion import ClosePromotionRequest
from tests.support.promotion_steps import PROMOTION, REASON, World

BEFORE_ANYTHING = [
    outcome
    for outcome in Outcome
    if outcome not in (Outcome.APPLIED, Outcome.APPLIED_IN_PART, Outcome.TAKEN_BACK)
]


@pytest.fixture
def world() -> World:
    """Return a variant whose promotion an execution has taken."""
    world = World()
    world.request()
    world.open()
    return world


@pytest.mark.parametrize("outcome", BEFORE_ANYTHING)
def test_an_end_is_recorded_with_its_entry_and_the_variant_is_free(world: World, outcome: Outcome) -> None:
    """Each end is one line of the variant's history, and the next promotion may be asked for."""
    served = world.stands()

    assert world.close(outcome) == outcome
    entry = world.store.entries[world.row.key][-1].facts
    assert (world.promotion.status, world.promotion.closed_by) == (outcome, "system:promotion")
    assert (entry["action"], entry["actor"]) == ("close_promotion", "system:promotion")
    assert len(entry["reason"]) >= 10
    assert world.stands() == served
    world.assert_audited()
    assert world.request("promotion-2").status == "awaiting_evidence"


def test_a_rejection_is_in_the_name_of_who_rejected(world: World) -> None:
    """The audit log has their reason."""
    world.decide("ann", no="bob")
    world.close(Outcome.REJECTED)
    entry = world.store.entries[world.row.key][-1].facts

    assert (entry["actor"], entry["reason"]) == ("operator:bob", REASON)
    assert world.promotion.closed_by == "operator:bob"


def test_a_rejection_that_the_workflow_was_not_told_in_time_is_a_rejection(world: World) -> None:
    """The log must not say that nobody decided, when somebody did and Step Functions could not be reached."""
    world.decide("ann", no="bob")

    assert world.close(Outcome.EXPIRED) == "rejected"
    entry = world.store.entries[world.row.key][-1].facts
    assert (entry["actor"], entry["reason"]) == ("operator:bob", REASON)


def test_a_yes_that_the_workflow_was_not_told_in_time_is_a_failure(world: World) -> None:
    """Nobody let it expire: the schedule may ask again, and the log says that it was approved."""
    world.decide("ann")

    assert world.close(Outcome.EXPIRED) == "failed"
    assert "was approved" in world.store.entries[world.row.key][-1].facts["reason"]
    assert world.stands() == ("staged", 5)


def test_why_the_registry_refused_is_in_the_log(world: World) -> None:
    """Whoever looks for the reason finds it where the end is."""
    world.close(Outcome.FAILED, code="no-free-traffic")

    assert "no-free-traffic" in world.store.entries[world.row.key][-1].facts["reason"]


@pytest.mark.parametrize("second", list(Outcome))
def test_what_has_ended_stays_as_it_ended(world: World, second: Outcome) -> None:
    """The end of an execution is told twice, by its last state and by a rule."""
    world.close(Outcome.EXPIRED)
    entries = len(world.actions)

    assert world.close(second) == "expired"
    assert (world.promotion.status, len(world.actions)) == ("expired", entries)


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.TAKEN_BACK])
def test_what_was_applied_with_its_last_step_is_applied(world: World, outcome: Outcome) -> None:
    """A failure after the work does not undo it, and must not deny it."""
    world.decide("ann")
    world.apply()
    world.apply("ramp")

    assert world.close(outcome) == "applied"
    assert world.stands() == ("canary", 25)


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.TAKEN_BACK])
def test_what_was_begun_is_applied_in_part(world: World, outcome: Outcome) -> None:
    """Stopped by hand, failed or changed: the variant stays where it is, and the record says so."""
    world.decide("ann")
    world.apply()

    assert world.close(outcome) == "applied_in_part"
    assert (world.stands(), world.promotion.status) == (("canary", 10), "applied_in_part")
    world.assert_audited()


def test_a_step_in_its_cooldown_is_begun() -> None:
    """It takes effect by itself in a few minutes."""
    world = World("SYSTEM_PROMPT")
    world.request()
    world.decide("ann")
    world.apply()

    assert world.close(Outcome.STOPPED) == "applied_in_part"
    world.clock.advance(301)
    assert world.stands() == ("canary", 10)


@pytest.mark.parametrize("outcome", [Outcome.APPLIED, Outcome.APPLIED_IN_PART])
def test_nothing_is_said_to_be_applied_that_was_not(world: World, outcome: Outcome) -> None:
    """Were the machine wrong, the rows are right."""
    assert world.close(outcome) == "failed"
    assert world.stands() == ("staged", 5)


@pytest.mark.parametrize("ramped", [False, True])
def test_an_arm_that_harmed_ends_as_taken_back(world: World, ramped: bool) -> None:
    """The demotion itself ends the promotion; the workflow that comes to close it finds the same word."""
    if ramped:
        world.decide("ann")
        world.apply()
    world.operator(Action.AUTOMATIC_DEMOTION, actor="system:promotion", expected_version=None)

    assert world.promotion.status == "taken_back"
    assert world.close(Outcome.TAKEN_BACK) == "taken_back"
    assert world.stands() == ("experimental", 0)


def test_an_arm_that_serves_nobody_any_more_ends_as_taken_back_too() -> None:
    """A demotion that found nothing to do leaves the promotion open."""
    world = World(percent=0)
    world.request()

    assert world.close(Outcome.TAKEN_BACK) == "taken_back"
    world.assert_audited()


@pytest.mark.parametrize(("applied", "outcome"), [(False, "not_passed"), (True, "applied_in_part")])
def test_an_arm_that_serves_still_is_not_said_to_be_taken_back(
    world: World, applied: bool, outcome: str
) -> None:
    """The demotion asked for a person instead; the record must not soothe."""
    if applied:
        world.decide("ann")
        world.apply()

    assert world.close(Outcome.TAKEN_BACK) == outcome
    world.assert_audited()


def test_an_undo_of_an_operator_stays_a_withdrawal(world: World) -> None:
    """A person took it back, whatever the figures say by then."""
    world.operator(Action.ROLLBACK)

    assert world.close(Outcome.TAKEN_BACK) == "withdrawn"


def test_the_end_of_another_execution_changes_nothing(world: World) -> None:
    """A second execution that found it busy is over; the first one goes on."""
    assert world.close(Outcome.FAILED, execution="arn:two") == "awaiting_evidence"
    assert world.promotion.status == "awaiting_evidence"
    assert world.close(Outcome.FAILED, execution="arn:one") == "failed"


def test_an_execution_that_ended_before_it_took_the_promotion_ends_it() -> None:
    """Stopped in its first state, it would leave the promotion open for ever."""
    world = World()
    world.request()

    assert world.close(Outcome.STOPPED, execution="arn:one") == "stopped"


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_store_that_fails_is_tried_again_and_there_is_one_end(world: World, fault: str) -> None:
    """Closing is tried for a day; the log has one entry of it."""
    world.store.faults = (fault,)
    with pytest.raises(StoreUnavailableError):
        world.close(Outcome.FAILED)

    assert world.close(Outcome.FAILED) == "failed"
    assert world.actions.count("close_promotion") == 1


def test_an_edit_in_between_is_looked_at_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that was on its way may apply the step between the look at the row and the end."""
    world.decide("ann")
    find, steps = world.promotions.find, iter([world.apply])

    def meanwhile(promotion_id: str) -> object:
        found = find(promotion_id)
        monkeypatch.setattr(world.promotions, "find", find)
        return found

    snapshot = world.store.snapshot

    def then() -> object:
        held = snapshot()
        monkeypatch.setattr(world.store, "snapshot", snapshot)
        next(steps)()
        return held

    monkeypatch.setattr(world.promotions, "find", meanwhile)
    monkeypatch.setattr(world.store, "snapshot", then)

    assert world.close(Outcome.STOPPED) == "applied_in_part"
    assert world.stands() == ("canary", 10)
    world.assert_audited()


def test_an_unknown_promotion_is_left_alone() -> None:
    """An execution that somebody started by hand with a name of their own."""
    world = World()

    assert world.close(Outcome.FAILED) == "failed"
    assert world.store.version == 0


def test_a_word_that_is_no_end_is_refused() -> None:
    """It would stand in the record for ever."""
    with pytest.raises(ValueError, match="nonsense"):
        ClosePromotionRequest.from_event({"promotion_id": PROMOTION, "outcome": "nonsense"})
