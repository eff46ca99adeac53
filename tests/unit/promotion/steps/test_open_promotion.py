"""One execution takes a promotion; every other one leaves it alone."""

import pytest

from silent_infinity.domain.payload import PayloadError
from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.open_promotion import OpenPromotionRequest
from tests.support.promotion_steps import PROMOTION, World


def test_the_first_execution_has_the_promotion_and_learns_its_way() -> None:
    """The states that follow are told which way to go, and how long people and figures are waited for."""
    world = World()
    world.request()
    opened = world.open().to_payload()

    assert opened == {
        "outcome": "taken",
        "category": "COMPOSE_POSITION",
        "variant_id": "x",
        "route": "sample",
        "approval_seconds": 604_800,
        "watch_seconds": 86_400,
    }
    assert world.promotion.execution == "arn:one"


def test_a_state_that_is_tried_again_has_it_still() -> None:
    """The answer to the first attempt may have been lost."""
    world = World()
    world.request()

    assert [world.open().outcome, world.open().outcome] == ["taken", "taken"]


def test_a_second_execution_finds_it_busy() -> None:
    """Two at work on one variant would ask people twice, and apply twice."""
    world = World()
    world.request()
    world.open()

    assert world.open("arn:two").outcome == "busy"
    assert world.promotion.execution == "arn:one"


def test_there_is_nothing_to_do_for_a_promotion_that_is_over_or_unknown() -> None:
    """An operator may have withdrawn it before its execution began."""
    world = World()
    assert world.open().outcome == "closed"
    world.request()
    world.close(Outcome.STOPPED)

    assert world.open().outcome == "closed"
    assert world.promotion.execution == ""


def test_a_crisis_category_goes_by_golden_sets_and_its_cooldown_is_waited_for() -> None:
    """Nobody in a crisis is part of a sample, and a watched step must have taken effect."""
    world = World("CRISIS_DETECTOR_MODEL", percent=0)
    world.request()
    opened = world.open()

    assert (opened.route, opened.watch_seconds) == ("golden", 86_400 + 300)


def test_a_store_that_is_down_is_told() -> None:
    """The state tries again; it must not take silence for a closed promotion."""
    world = World()
    world.request()
    world.store.unavailable = True

    with pytest.raises(StoreUnavailableError):
        world.open()


def test_an_input_without_a_promotion_is_refused() -> None:
    """It would be a mistake of the machine."""
    with pytest.raises(PayloadError, match="promotion_id"):
        OpenPromotionRequest.from_event({"execution": "arn:one"})
    request = OpenPromotionRequest.from_event({"promotion_id": PROMOTION, "execution": "a", "more": 1})
    assert request == OpenPromotionRequest(PROMOTION, "a")
