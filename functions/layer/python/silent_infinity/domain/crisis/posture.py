"""How a session enters, stays in and leaves the crisis flow.

The level is sticky: it never falls while the session is in crisis flow. The session leaves after three calm
turns, or after a turn in which the person says that they are safe; when the session has ever reached level 3,
such a safe exit needs one more calm turn. Nobody leaves from a peak of 3 or more without a check-in,
whichever way leads out. The turn that ends the flow is itself still answered within it.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from silent_infinity.domain.crisis.verdict import RISK_LEVEL

Path = Literal["imminent", "crisis", "check_in", "clear"]

SERIOUS_LEVEL: Final = 3
IMMINENT_LEVEL: Final = 4
CALM_TURNS_TO_LEAVE: Final = 3


@dataclass(frozen=True, slots=True)
class Posture:
    """Where a session stands.

    `active`: in crisis flow. `level`: 0, or the sticky level 2-4 while active. `peak`: the highest level of
    the session so far. `calm_turns`: calm turns in a row while active. `check_in_due`: if the next turn is
    calm, it is a check-in. `version`: how many turns this posture has seen.
    """

    active: bool = False
    level: int = 0
    peak: int = 0
    calm_turns: int = 0
    check_in_due: bool = False
    version: int = 0


def advance(posture: Posture, screened_level: int, safe_exit: bool) -> Posture:
    """Return the posture after a turn whose message was screened at `screened_level` (0-4).

    `safe_exit` says that the person told of being safe; it counts only in a calm turn (a level below 2).

    Raises:
        ValueError: `screened_level` is not 0-4.
    """
    if not 0 <= screened_level <= IMMINENT_LEVEL:
        raise ValueError(f"a screened level is 0-4, not {screened_level}")
    seen = replace(posture, version=posture.version + 1, peak=max(posture.peak, screened_level))
    if screened_level >= RISK_LEVEL:
        sticky = max(posture.level, screened_level) if posture.active else screened_level
        return replace(seen, active=True, level=sticky, calm_turns=0, check_in_due=False)
    if not posture.active:
        return replace(seen, level=0, calm_turns=0, check_in_due=False)
    calm_turns = posture.calm_turns + 1
    serious = seen.peak >= SERIOUS_LEVEL
    if calm_turns >= CALM_TURNS_TO_LEAVE or posture.check_in_due or (safe_exit and not serious):
        return replace(seen, active=False, level=0, calm_turns=0, check_in_due=False)
    last_calm_turn_is_next = calm_turns == CALM_TURNS_TO_LEAVE - 1
    return replace(
        seen, calm_turns=calm_turns, check_in_due=serious and (safe_exit or last_calm_turn_is_next)
    )


def effective_level(posture: Posture, screened_level: int) -> int:
    """Return the level (0-4) that a turn is answered at: its own, or the session's sticky one."""
    return max(screened_level, posture.level if posture.active else 0)


def path(posture: Posture, screened_level: int, safe_exit: bool) -> Path:
    """Return the path of a turn, from the posture before it."""
    level = effective_level(posture, screened_level)
    if level < RISK_LEVEL:
        return "clear"
    if screened_level < RISK_LEVEL and (safe_exit or posture.check_in_due):
        return "check_in"
    return "imminent" if level >= IMMINENT_LEVEL else "crisis"
