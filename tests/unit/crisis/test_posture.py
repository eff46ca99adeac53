"""How a session enters, stays in and leaves the crisis flow."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.crisis.posture import Posture, advance, effective_level, path

LEVELS = st.integers(0, 4)
CALM_LEVELS = st.integers(0, 1)
TURNS = st.lists(st.tuples(LEVELS, st.booleans()), max_size=30)


def after(*turns: tuple[int, bool]) -> Posture:
    """Return the posture after turns of (screened level, safe exit)."""
    posture = Posture()
    for level, safe_exit in turns:
        posture = advance(posture, level, safe_exit)
    return posture


def test_three_calm_turns_leave_the_crisis_flow() -> None:
    """Two would be too few after a disclosure; for ever would make every later word a crisis."""
    assert after((2, False), (0, False), (1, False)).active
    assert not after((2, False), (0, False), (1, False), (0, False)).active


def test_a_relapse_starts_the_count_again() -> None:
    """Calm has to hold."""
    assert after((2, False), (0, False), (0, False), (2, False), (0, False), (0, False)).active


def test_a_safe_exit_leaves_at_once_after_level_two() -> None:
    """Somebody who says that they are fine must not be treated as a crisis for two more turns."""
    assert not after((2, False), (0, True)).active


@pytest.mark.parametrize("peak", [3, 4])
def test_a_safe_exit_after_level_three_needs_one_calm_turn_more(peak: int) -> None:
    """Relief is often said to end the questions; the check-in asks once more, with help lines."""
    left = after((peak, False), (0, True))

    assert (left.active, left.check_in_due) == (True, True)
    assert path(left, 0, False) == "check_in"
    assert not advance(left, 0, False).active


def test_the_peak_of_an_earlier_crisis_still_asks_for_a_check_in() -> None:
    """A second, milder episode in the same session is not a mild session."""
    calmed = ((0, False), (0, False), (0, False))

    assert after((4, False), *calmed, (2, False), (0, True)).active


def test_a_safe_exit_in_a_risky_message_counts_for_nothing() -> None:
    """ "I'm safe now but I still want to die" is a disclosure."""
    assert after((3, True)) == after((3, False))


@pytest.mark.parametrize(
    ("posture", "screened", "safe_exit", "expected"),
    [
        (Posture(), 0, False, "clear"),
        (Posture(), 1, True, "clear"),
        (Posture(), 2, False, "crisis"),
        (Posture(), 3, False, "crisis"),
        (Posture(), 4, False, "imminent"),
        (Posture(active=True, level=3, peak=3), 0, False, "crisis"),
        (Posture(active=True, level=4, peak=4), 0, False, "imminent"),
        (Posture(active=True, level=2, peak=2), 4, False, "imminent"),
        (Posture(active=True, level=3, peak=3), 0, True, "check_in"),
        (Posture(active=True, level=4, peak=4, check_in_due=True), 1, False, "check_in"),
        (Posture(active=True, level=4, peak=4, check_in_due=True), 2, False, "imminent"),
        (Posture(active=False, level=0, peak=4), 0, False, "clear"),
    ],
)
def test_the_path_follows_level_and_check_in(
    posture: Posture, screened: int, safe_exit: bool, expected: str
) -> None:
    """The state machine chooses by this one word."""
    assert path(posture, screened, safe_exit) == expected


@pytest.mark.parametrize("level", [-1, 5])
def test_a_level_outside_the_rubric_is_an_error(level: int) -> None:
    """A stage that returned 7 must not become a posture."""
    with pytest.raises(ValueError, match="0-4"):
        advance(Posture(), level, safe_exit=False)


@given(TURNS, st.lists(CALM_LEVELS, min_size=3, max_size=8))
def test_enough_calm_turns_always_leave(turns: list[tuple[int, bool]], calm: list[int]) -> None:
    """No history may hold a session in crisis flow for ever."""
    assert not after(*turns, *((level, False) for level in calm)).active


@given(TURNS, st.integers(2, 4), st.lists(CALM_LEVELS, max_size=2))
def test_fewer_than_three_calm_turns_never_leave_without_a_safe_exit(
    turns: list[tuple[int, bool]], risk: int, calm: list[int]
) -> None:
    """Leaving early is the failure that this state exists to prevent."""
    posture = after(*turns)
    due = advance(posture, risk, safe_exit=False)
    left = due
    for level in calm:
        left = advance(left, level, safe_exit=False)

    assert left.active


@given(TURNS)
def test_while_active_nothing_falls(turns: list[tuple[int, bool]]) -> None:
    """The level is sticky and the peak is the highest so far."""
    steps = list(accumulate(turns, lambda state, turn: advance(state, *turn), initial=Posture()))
    for before, now, (screened, _) in zip(steps, steps[1:], turns, strict=False):
        assert now.version == before.version + 1
        assert now.peak == max(before.peak, screened)
        assert effective_level(before, screened) >= screened
        if before.active and now.active:
            assert now.level >= before.level
        if now.active:
            assert 2 <= now.level <= now.peak
        else:
            assert (now.level, now.calm_turns, now.check_in_due) == (0, 0, False)


@given(TURNS)
def test_nobody_leaves_a_serious_crisis_without_a_check_in(turns: list[tuple[int, bool]]) -> None:
    """Whichever way leads out after level 3, the last answer within the flow asks once more."""
    steps = list(accumulate(turns, lambda state, turn: advance(state, *turn), initial=Posture()))
    for before, now, (screened, safe_exit) in zip(steps, steps[1:], turns, strict=False):
        if before.active and not now.active and before.peak >= 3:
            assert path(before, screened, safe_exit) == "check_in"
