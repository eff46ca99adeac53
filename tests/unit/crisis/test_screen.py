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


@pytest.mark.parametrize(("level", "kind"), [(2, "passive"), (3, "active"), (4, "imminent")])
def test_a_calm_message_in_the_flow_is_answered_as_the_session_calls_for(level: int, kind: str) -> None:
    """Who has said that they took pills, and then "hi", is told to get help now."""
    result = _screen("hi", Posture(active=True, level=level, peak=level, version=1))

    assert result.vetted_reply is not None
    assert f"-{kind}-" in result.vetted_reply.reply_id


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


def _said(*verdicts: Verdict) -> ScreenResult:
    """Return what the screen makes of stages that say just this."""
    stages = [(f"stage{place}", lambda _, verdict=verdict: verdict) for place, verdict in enumerate(verdicts)]
    return screen("…", [], Posture(), "en-US", [], "x", stages)


def test_nobody_leaves_as_safe_in_whose_words_any_stage_finds_a_risk() -> None:
    """ "I'm safe now, the pills are working": one stage hears the first half, another the second."""
    assert _said(Verdict(0, safe_exit=True), Verdict(1)).safe_exit
    assert not _said(Verdict(0, safe_exit=True), Verdict(3)).safe_exit


@pytest.mark.parametrize(
    ("verdicts", "kind"),
    [
        ((Verdict(2, about_other=True), Verdict(2, about_other=True)), "other"),
        ((Verdict(2, about_other=True), Verdict(0)), "other"),
        ((Verdict(2, about_other=True), Verdict(2)), "passive"),
        ((Verdict(2), Verdict(2, about_other=True)), "passive"),
    ],
)
def test_only_where_all_risk_is_anothers_is_the_reply_about_them(
    verdicts: tuple[Verdict, ...], kind: str
) -> None:
    """Who may be at risk themselves is asked about themselves."""
    reply = _said(*verdicts).vetted_reply

    assert reply is not None
    assert f"-{kind}-" in reply.reply_id


@pytest.mark.parametrize(
    ("verdicts", "score"),
    [
        ((Verdict(0),), 0.0),
        ((Verdict(0, score=0.3), Verdict(0, score=0.2)), 0.2),
        ((Verdict(3, score=0.1), Verdict(0, score=0.2)), 0.95),
        ((Verdict(2, score=0.97), Verdict(0)), 0.97),
        ((Verdict(1, score=0.05),), 0.05),
    ],
)
def test_the_score_is_that_of_the_last_stage_and_no_risk_that_was_found_scores_low(
    verdicts: tuple[Verdict, ...], score: float
) -> None:
    """Evaluation ranks by it: what was flagged must stand above what was not."""
    assert _said(*verdicts).score == pytest.approx(score)


def test_a_stage_is_given_the_whole_case_and_what_those_before_it_found() -> None:
    """A stage that did not know the language, or the rules' verdict, would judge another message."""
    heard: list[ScreenCase] = []

    def listen(case: ScreenCase) -> None:
        heard.append(case)

    found = Verdict(1, ("first",))
    screen("now", ["before"], Posture(), "es-MX", [], "x", [("first", lambda _: found), ("second", listen)])

    assert heard == [ScreenCase("now", ["before"], "es-MX", {"first": found})]


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
