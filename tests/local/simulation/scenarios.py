"""Scenarios that several tests look at, each simulated once."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from local.simulation.conversation import Event
from local.simulation.effects import parsed
from local.simulation.scenario import TIDY, Disorder, Scenario, Share, registry
from local.simulation.simulation import Day, days
from local.simulation.truth import Truth

UNTIL = date(2026, 11, 20)


def scenario(
    sessions: int = 300,
    number_of_days: int = 3,
    *,
    seed: int = 7,
    effects: Sequence[str] = (),
    shares: Sequence[Share] = (),
    disorder: Disorder = TIDY,
) -> Scenario:
    """Return a scenario that ends on UNTIL; effects as the command line has them."""
    planted = tuple(parsed(text) for text in effects)
    return Scenario(
        sessions=sessions,
        days=number_of_days,
        until=UNTIL,
        seed=seed,
        variants=registry(planted, shares),
        effects=planted,
        disorder=disorder,
    )


def truth_of(wanted: Scenario, **options: Any) -> dict[str, Any]:
    """Return the truth of a scenario."""
    truth = Truth(wanted, **options)
    for day in days(wanted):
        truth.see(day)
    return truth.finish()


@cache
def usual_days() -> tuple[Day, ...]:
    """Some 2,000 sessions of the initial registry, with half of the conversations in an arm of the model."""
    shares = (Share("LLM_MODEL", "claude-opus-4-7", 50), Share("GHOST_CHAR_STYLE", "dots", 30))
    return tuple(days(scenario(2000, 5, shares=shares)))


def usual_events() -> list[Event]:
    """Their turn events, session by session."""
    return [event for day in usual_days() for session in day.sessions for event in session.events]


def is_careful(event: Event) -> bool:
    """Whether the turn is part of no experiment."""
    return event["crisis_flag_level"] >= 2 or "screen" in event["degraded"]
