"""Screen, intent and validation as states: each is told everything that its rules can make use of."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from silent_infinity.adapters.memory.clock import SteppingClock
from silent_infinity.domain.crisis.help_lines import for_locale
from silent_infinity.domain.quality import validate_reply
from silent_infinity.usecases.detect_intent import DetectIntent, IntentRequest
from silent_infinity.usecases.screen_for_crisis import ScreenForCrisis, ScreenRequest
from silent_infinity.usecases.validate_reply import ValidateReply, ValidateRequest
from tests.support.world import MIRROR, START, TELLING

PASSIVE = "I wish I would not wake up tomorrow."
STEP_MS = 7


def _clock() -> SteppingClock:
    return SteppingClock(START, timedelta(milliseconds=STEP_MS).total_seconds())


def _screen(message: str, **event: Any) -> dict[str, Any]:
    screen = ScreenForCrisis(clock=_clock())
    return screen(ScreenRequest.from_event({"message": message, **event})).to_payload()


def _intent(message: str, **event: Any) -> dict[str, Any]:
    detect = DetectIntent(clock=_clock())
    return detect(IntentRequest.from_event({"message": message, **event})).to_payload()


def _validate(text: str, **event: Any) -> dict[str, Any]:
    known = {"text": text, "source": "model", "turn_class": "TC4", "message": TELLING, **event}
    return ValidateReply(clock=_clock())(ValidateRequest.from_event(known)).to_payload()


def test_the_screen_reads_what_the_person_wrote_just_before() -> None:
    """A disclosure in two messages is one disclosure."""
    said = [{"role": "user", "text": "I want to kill"}]
    replied = [{"role": "assistant", "text": "I want to kill"}]

    assert _screen("myself")["screened_level"] == 0
    assert _screen("myself", history=said)["screened_level"] >= 2
    assert _screen("myself", history=replied)["screened_level"] == 0  # nobody said that but a reply


def test_the_screen_knows_where_the_session_stands() -> None:
    """Levels are sticky: one calm sentence does not end a crisis."""
    posture = {"active": True, "level": 3, "peak": 3, "calm_turns": 0, "check_in_due": False, "version": 2}

    verdict = _screen(TELLING, posture=posture)

    assert (verdict["level"], verdict["path"]) == (3, "crisis")
    assert verdict["screened_level"] < 2


def test_the_screen_names_the_help_lines_of_the_persons_country() -> None:
    """988 is of no use in Leeds."""
    verdict = _screen(PASSIVE, locale="en-GB")

    assert [line["contact"] for line in verdict["resources"]] == [
        line.contact for line in for_locale("en-GB")
    ]
    assert "116 123" in verdict["vetted_reply"]["text"]


def test_the_screen_serves_no_vetted_reply_twice_before_all_were_used() -> None:
    """Copied text reads as abandonment."""
    used: list[str] = []
    for _ in range(3):
        used.append(_screen(PASSIVE, used_reply_ids=used, turn_id="turn-1")["vetted_reply"]["reply_id"])

    assert len(set(used)) == 3


@pytest.mark.parametrize(
    "state",
    [
        lambda turn_id: _screen(PASSIVE, turn_id=turn_id)["vetted_reply"],
        lambda turn_id: _intent("asdf", turn_id=turn_id)["reply"],
    ],
)
def test_a_prepared_reply_is_the_same_for_a_turn_and_another_for_the_next(
    state: Callable[[str], dict[str, Any]],
) -> None:
    """A retry of the state must not change what is served; different people need not read the same."""
    assert state("turn-1") == state("turn-1")
    assert len({state(f"turn-{number}")["reply_id"] for number in range(12)}) > 1


def test_nobody_is_asked_what_they_mean_twice_in_a_row() -> None:
    """The second question in a row is a reason to leave."""
    assert _intent("asdf")["path"] == "clarify"
    assert _intent("asdf", last_kind="clarification")["path"] == "generate"


def test_a_greeting_in_the_middle_of_a_conversation_is_no_first_one() -> None:
    """Being introduced again to somebody one is talking to is odd."""
    history = [{"role": "user", "text": "My week was fine."}, {"role": "assistant", "text": "Good."}]

    first, later = _intent("Hello!")["reply"], _intent("Hello!", history=history)["reply"]

    assert first["reply_id"].startswith("greeting_first")
    assert not later["reply_id"].startswith("greeting_first")


def _crisis(level: int = 3, locale: str = "en-US") -> dict[str, Any]:
    return {"level": level, "resources": [line.to_payload() for line in for_locale(locale)]}


def test_a_crisis_reply_has_to_meet_the_obligations_of_its_level_and_country() -> None:
    """The vetted replies do, each for its own case; validation must be asked about that very case."""
    active = _screen("I want to die and I have been planning it.")["vetted_reply"]["text"]
    british = _screen("I want to die and I have been planning it.", locale="en-GB")["vetted_reply"]["text"]
    case: dict[str, Any] = {"turn_class": "TC6", "message": PASSIVE}

    assert "no_help_line" in " ".join(_validate(MIRROR, crisis=_crisis(), **case)["failures"])
    assert _validate(active, crisis=_crisis(), **case)["acceptable"]
    assert not _validate(british, crisis=_crisis(), **case)["acceptable"]
    gb = _crisis(locale="en-GB")
    assert _validate(british, crisis=gb, locale="en-GB", **case)["acceptable"]
    imminent = _validate(active, crisis=_crisis(4), **case)
    assert not imminent["acceptable"]  # it urges neither contact now nor distance from means


def test_only_the_contacts_of_the_turns_own_help_lines_may_be_given() -> None:
    """A number that a model made up is taken out; the one that saves a life stays."""
    text = f"{MIRROR} You can also call 0800 123 4567 whenever you like."

    named = _validate(text, crisis={"level": 0, "resources": [{"contact": "Call 0800 123 4567"}]})
    unnamed = _validate(text)

    assert "0800 123 4567" in named["text"]
    assert "0800 123 4567" not in unnamed["text"]


def test_the_composer_may_decline_a_question_that_a_model_has_to_answer() -> None:
    """A draft is judged as the work of whoever wrote it."""
    case = {
        "text": "You wonder about that, and it matters to you. What made you think of it today?",
        "turn_class": "TC5",
        "message": "How does breathing slowly calm the body down?",
    }

    assert "quality.relevance" in _validate(**case, source="model")["failures"]
    assert _validate(**case, source="composer")["acceptable"]


def test_a_draft_is_judged_as_the_attempt_that_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar for style is lower for the second, because what follows it is a fallback."""
    told: list[int] = []

    def judge(*args: Any, attempt: int, **kwargs: Any) -> Any:
        told.append(attempt)
        return validate_reply(*args, attempt=attempt, **kwargs)

    monkeypatch.setattr("silent_infinity.usecases.validate_reply.validate_reply", judge)
    _validate(MIRROR, attempt=1)
    _validate(MIRROR, attempt=2)

    assert told == [1, 2]


def test_every_state_says_how_long_it_took() -> None:
    """The latency breakdown of the event is made of these."""
    assert _screen(TELLING)["screen_ms"] == STEP_MS
    assert _intent(TELLING)["intent_ms"] == STEP_MS
    assert _validate(MIRROR)["guardrail_ms"] == STEP_MS
