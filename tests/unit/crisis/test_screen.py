"""The screen as the state machine sees it."""

import pytest

from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.crisis.screen import RULE_STAGE, ScreenError, ScreenResult, screen
from silent_infinity.domain.crisis.verdict import ScreenCase, Verdict

CALM = Posture()
IN_CRISIS = Posture(active=True, level=3, peak=3, version=1)


def _screen(message: str, posture: Posture = CALM, locale: str = "en-US") -> ScreenResult:
    return screen(message, [], posture, locale, [], "turn-1")


def test_a_calm_message_is_clear_and_carries_nothing() -> None:
    """Help lines under a recipe would make people stop reading them."""
    assert _screen("what should i cook tonight").to_payload() == {
        "path": "clear",
        "level": 0,
        "screened_level": 0,
        "rule_ids": [],
        "safe_exit": False,
        "resources": [],
        "vetted_reply": None,
        "degraded": [],
    }


@pytest.mark.parametrize(
    ("message", "path", "level"),
    [
        ("i wish i wouldn't wake up tomorrow", "crisis", 2),
        ("i want to kill myself", "crisis", 3),
        ("i took all my pills", "imminent", 4),
    ],
)
def test_a_risk_brings_a_path_resources_and_a_reply(message: str, path: str, level: int) -> None:
    """Whatever fails afterwards, this payload alone can answer."""
    payload = _screen(message).to_payload()

    assert (payload["path"], payload["level"], payload["screened_level"]) == (path, level, level)
    assert payload["rule_ids"]
    assert payload["resources"][0]["id"] == "us-988"
    assert set(payload["vetted_reply"]) == {"reply_id", "text"}


def test_the_level_of_the_session_holds_a_calm_message_in_the_flow() -> None:
    """ "hi" after a disclosure is answered by somebody who remembers."""
    result = _screen("hi", IN_CRISIS)

    assert (result.path, result.level, result.screened_level) == ("crisis", 3, 0)
    assert result.resources


def test_a_safe_exit_is_answered_with_a_check_in() -> None:
    """And with help lines, once more."""
    result = _screen("i'm safe now, my sister is here with me", IN_CRISIS)

    assert (result.path, result.safe_exit) == ("check_in", True)
    assert result.vetted_reply is not None
    assert "check-in" in result.vetted_reply.reply_id


def test_worry_about_somebody_else_gets_a_reply_about_them() -> None:
    """Asking the helper about their own plans first would push them away."""
    result = _screen("my friend wants to kill herself")

    assert result.level == 2
    assert result.vetted_reply is not None
    assert "other" in result.vetted_reply.reply_id


def test_the_verdict_is_the_maximum_of_the_stages() -> None:
    """A later stage can raise what the rules found, and never lower it."""
    quiet = ("learned", lambda case: Verdict(0))
    loud = ("learned", lambda case: Verdict(3, ("learned",)))

    assert screen("i took all my pills", [], Posture(), "en", [], "x", [RULE_STAGE, quiet]).level == 4
    assert screen("hello", [], Posture(), "en", [], "x", [RULE_STAGE, loud]).level == 3


def _broken(case: ScreenCase) -> Verdict:
    raise RuntimeError("no weights")


def test_a_stage_that_raises_is_recorded_and_skipped() -> None:
    """The other stages must still be heard."""
    result = screen("i want to die", [], Posture(), "en-US", [], "x", [RULE_STAGE, ("learned", _broken)])

    assert (result.level, result.degraded) == (3, ("learned",))


def test_a_screen_of_which_no_stage_answered_is_an_error_and_not_a_clear_message() -> None:
    """The state machine then decides by its red flags."""
    with pytest.raises(ScreenError, match="learned"):
        screen("i want to die", [], Posture(), "en-US", [], "x", [("learned", _broken)])
