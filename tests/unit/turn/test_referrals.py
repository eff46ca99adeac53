"""Referrals to crisis services: what counts as one, and where it is counted."""

from typing import Any

import pytest

from silent_infinity.domain.crisis.help_lines import for_locale
from silent_infinity.domain.referral import Referral, referral
from tests.support.world import MIRROR, TELLING, ScriptedModel, World

ACTIVE_RISK = "I want to die and I have been planning it."


@pytest.fixture
def world() -> World:
    """A world in which everything is up and the model writes well."""
    return World(ScriptedModel(MIRROR))


def _answer(level: int, locale: str | None) -> dict[str, Any]:
    lines = [line.to_payload() for line in for_locale(locale)] if locale is not None else []
    return {"crisis": {"level": level, "resources": lines}}


def _counted(world: World) -> list[dict[str, str]]:
    return [dict(entry.dimensions) for entry in world.metrics.flushed if entry.name == "CrisisReferrals"]


@pytest.mark.parametrize(
    ("level", "shown", "locale", "counted"),
    [
        (3, "en-GB", "en-GB", Referral(3, "GB")),
        (2, "es-MX", "es-MX", Referral(2, "MX")),
        (2, "en-GB", "en-UK", Referral(2, "GB")),
        (2, "de-CH", "de-CH-1996", Referral(2, "CH")),
        (4, "en", "en", Referral(4, "001")),
        (4, "en-ZZ", "en-ZZ", Referral(4, "001")),
        (0, "en-US", "fr-FR", Referral(0, "001")),
        (0, None, "en-US", None),
        (1, None, "en-US", None),
    ],
)
def test_a_turn_is_a_referral_when_it_shows_help_lines(
    level: int, shown: str | None, locale: str, counted: Referral | None
) -> None:
    """The figure that laws ask for; the lines of fixed words say nothing of where the person is."""
    assert referral(_answer(level, shown), locale) == counted


def test_referrals_are_counted_for_the_turn_and_the_session(world: World) -> None:
    """Reports need turns and sessions alike, and neither needs a word of what was said."""
    session_id = world.turn(TELLING, locale="en-GB")["body"]["session_id"]
    for message in (ACTIVE_RISK, "Hello!"):
        world.later(60)
        world.turn(message, session_id=session_id, locale="en-GB")

    counts = [
        (event["referrals"], event["session_referrals"], event["referral_country"])
        for event in world.events()
    ]
    # The session is in crisis flow, so that the greeting is answered with help lines too.
    assert counts == [(0, 0, None), (1, 1, "GB"), (1, 2, "GB")]
    assert world.store.sessions[session_id].state.referrals == 2


def test_the_metric_says_level_and_country_and_nothing_else(world: World) -> None:
    """It is kept for months and shown to many."""
    world.turn(ACTIVE_RISK, locale="hi-IN")

    assert _counted(world) == [{"environment": "test", "level": "3", "country": "IN"}]


def test_a_turn_without_help_lines_is_not_counted(world: World) -> None:
    """A count of zeros would be read as a count of turns."""
    world.turn(TELLING)

    assert _counted(world) == []


def test_help_lines_that_went_out_for_want_of_a_screen_are_referrals_of_level_0(world: World) -> None:
    """They were shown, so they count; the level keeps them apart from those that a disclosure led to."""
    world.down = {"screen"}
    world.turn(TELLING, locale="en-US")

    assert _counted(world) == [{"environment": "test", "level": "0", "country": "US"}]


def test_a_repeated_turn_is_one_referral(world: World) -> None:
    """A client that asks again has not been referred twice."""
    for _ in range(3):
        world.turn(ACTIVE_RISK, key="key-1")

    assert len(_counted(world)) == 1
    assert [event["session_referrals"] for event in world.events()] == [1]
