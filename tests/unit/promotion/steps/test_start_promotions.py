"""The workflow follows the record of promotions, however often it is told."""

from dataclasses import replace

import pytest

from silent_infinity.domain.promotion.approval import OVER, PENDING
from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.ports.errors import StoreUnavailableError
from tests.support.promotion_steps import PROMOTION, World


@pytest.fixture
def world() -> World:
    """Return a variant whose promotion was asked for."""
    world = World()
    world.request()
    return world


def _wait(world: World, status: str = PENDING) -> None:
    """Let an execution wait for people."""
    world.decide(status=status, decisions=())
    world.approvals.tokens[PROMOTION] = "token"
    world.executions.waiting.add("token")


def test_a_new_promotion_starts_one_execution(world: World) -> None:
    """Streams deliver at least once."""
    world.start(is_new=True)
    world.start(is_new=True)

    assert world.executions.started == [PROMOTION]


def test_a_note_on_an_open_promotion_does_nothing(world: World) -> None:
    """Executions and evidence are noted on it again and again."""
    _wait(world)
    world.start()

    assert (world.executions.started, world.executions.resumed) == ([], [])
    assert world.approvals.kept[PROMOTION].status == PENDING


def test_people_are_asked_no_more_once_it_is_over(world: World) -> None:
    """A link must not approve what was withdrawn, and the execution need not wait for seven days."""
    _wait(world)
    world.close(Outcome.WITHDRAWN)
    world.start()
    world.start()

    assert world.approvals.kept[PROMOTION].status == OVER
    assert world.executions.resumed == [("token", "withdrawn")]


def test_a_decision_that_came_first_stands(world: World) -> None:
    """What somebody said is not made unsaid."""
    world.decide("ann")
    world.approvals.tokens[PROMOTION] = "token"
    world.executions.waiting.add("token")
    world.close(Outcome.WITHDRAWN)
    world.start()

    assert world.approvals.kept[PROMOTION].status == "approved"
    assert world.executions.resumed == [("token", "approved")]


def test_what_was_told_is_not_told_again(world: World) -> None:
    """The execution closed the promotion itself."""
    approval = world.decide("ann", no="bob")
    world.approvals.kept[PROMOTION] = replace(approval, delivered=True)
    world.approvals.tokens[PROMOTION] = "token"
    world.executions.waiting.add("token")
    world.close(Outcome.REJECTED)
    world.start()

    assert world.executions.resumed == []


def test_a_promotion_that_nobody_was_asked_about_just_ends(world: World) -> None:
    """Its gates were not passed."""
    world.close(Outcome.NOT_PASSED)
    world.start()

    assert world.executions.resumed == []


@pytest.mark.parametrize("down", ["executions", "approvals"])
def test_what_cannot_be_reached_is_tried_again(world: World, down: str) -> None:
    """The stream delivers the record once more."""
    _wait(world)
    world.close(Outcome.STOPPED)
    getattr(world, down).unavailable = True
    with pytest.raises(StoreUnavailableError):
        world.start()
    getattr(world, down).unavailable = False
    world.start()

    assert world.executions.resumed == [("token", "withdrawn")]
    assert world.approvals.kept[PROMOTION].delivered
