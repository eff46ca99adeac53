"""The screen with a model behind it: asked once, in time, about what is open; heard only to raise."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.domain.crisis.band import Band
from silent_infinity.domain.crisis.model_screen import MODEL_SCREEN
from silent_infinity.domain.crisis.screen import RULE_STAGE, ScreenError
from silent_infinity.domain.crisis.verdict import ScreenCase, Stage, Verdict
from silent_infinity.domain.turn import AssignedVariant, Usage, Utterance
from silent_infinity.ports.clock import unix_ms
from silent_infinity.ports.llm import (
    LanguageModel,
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
    TransientModelError,
)
from silent_infinity.usecases.screen_for_crisis import Screened, ScreenForCrisis, ScreenRequest
from tests.support.world import START

OPEN = "i just can't see where any of this is going anymore"
ACTIVE = "I want to die and I have been planning it."
CANARY = "canaryq7x"
NOW_MS = unix_ms(START)


class AskedModel:
    """A model that answers as it is told, `seconds` later."""

    def __init__(
        self, clock: FixedClock, answer: str | Exception, seconds: float = 0.4, **reply: Any
    ) -> None:
        self.requests: list[ModelRequest] = []
        self._clock = clock
        self._answer = answer
        self._seconds = seconds
        self._reply = reply

    def complete(self, request: ModelRequest) -> ModelReply:
        """Answer once the time has passed."""
        self.requests.append(request)
        self._clock.advance(self._seconds)
        if isinstance(self._answer, Exception):
            raise self._answer
        reply: dict[str, Any] = {
            "model_id": "claude-haiku-4-5",
            "provider": "scripted",
            "usage": Usage(900, 14, 3, 5, 0.001),
            "finish_reason": "stop",
            "llm_ttft_ms": 1,
            "llm_complete_ms": 2,
        }
        return ModelReply(self._answer, **{**reply, **self._reply})


def scored(score: float, level: int = 0) -> tuple[str, Stage]:
    """Return a learned stage that says this of every message."""
    return "learned", lambda _case: Verdict(level, score=score)


def _broken(_case: ScreenCase) -> Verdict:
    raise RuntimeError("no weights")


def screened(
    model: LanguageModel | None, clock: FixedClock, message: str = OPEN, stages: Any = None, **fields: Any
) -> Screened:
    """Return what the screen says, with the rules and an unsure learned stage before the model."""
    screen = ScreenForCrisis(
        clock=clock, stages=stages or (RULE_STAGE, scored(0.3)), model=model, band=Band(0.1)
    )
    return screen(ScreenRequest(message, turn_id="turn-1", **fields))


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still until a model moves it."""
    return FixedClock(START)


def test_an_open_message_is_decided_by_the_model(clock: FixedClock) -> None:
    """That is what stage c is for."""
    model = AskedModel(clock, '{"level": 3, "about_other": false}')
    result = screened(model, clock)

    assert (result.screen.screened_level, result.screen.path) == (3, "crisis")
    assert result.screen.degraded == ()
    assert MODEL_SCREEN in result.screen.rule_ids
    assert result.screen.resources
    assert result.to_payload()["model"] == {
        "model_id": "claude-haiku-4-5",
        "provider": "scripted",
        "prompt_id": "crisis_screen/v1",
        "tokens_input": 900,
        "tokens_output": 14,
        "tokens_cache_read": 3,
        "tokens_cache_write": 5,
        "cost_usd": 0.001,
        "ms": 400,
        "level": 3,
        "error": None,
    }
    assert result.screen_ms == 400


def test_a_model_that_sees_nothing_changes_nothing(clock: FixedClock) -> None:
    """The commonest case: it costs money and is not an event."""
    result = screened(AskedModel(clock, '{"level": 0, "about_other": false}'), clock)

    assert (result.screen.screened_level, result.screen.path, result.screen.degraded) == (0, "clear", ())
    assert result.model is not None
    assert result.model.level == 0


@pytest.mark.parametrize(
    ("message", "stages"),
    [
        (ACTIVE, None),
        (OPEN, (RULE_STAGE, scored(0.05))),
        (OPEN, (RULE_STAGE, scored(0.7, level=2))),
        ("Hi!", (RULE_STAGE,)),
    ],
    ids=["a risk is found", "below the band", "the weights decide", "a greeting"],
)
def test_a_message_that_is_not_open_is_not_asked_about(clock: FixedClock, message: str, stages: Any) -> None:
    """TC1 is cheap because it is rare; and what was found needs no second opinion."""
    model = AskedModel(clock, '{"level": 0, "about_other": false}')
    result = screened(model, clock, message, stages)

    assert model.requests == []
    assert result.model is None
    assert "model" not in result.to_payload()


@pytest.mark.parametrize(
    "stages",
    [(RULE_STAGE,), (RULE_STAGE, ("learned", _broken)), (RULE_STAGE, ("learned", lambda _case: None))],
    ids=["none is there", "it failed", "not its language"],
)
def test_a_message_that_no_learned_stage_read_is_open(clock: FixedClock, stages: Any) -> None:
    """A language without weights gets the model instead, as does a broken file of weights."""
    model = AskedModel(clock, '{"level": 2, "about_other": true}')
    result = screened(model, clock, "je ne vois plus de chemin pour moi", stages)

    assert (result.screen.screened_level, result.screen.path) == (2, "crisis")
    assert result.screen.vetted_reply is not None
    assert "other" in result.screen.vetted_reply.reply_id


def test_the_model_is_asked_as_the_class_says(clock: FixedClock) -> None:
    """64 tokens, temperature 0, Haiku; the conversation delimited in one message."""
    model = AskedModel(clock, '{"level": 0, "about_other": false}')
    history = (Utterance("user", "it has been a long year"), Utterance("assistant", "A long year."))
    screened(model, clock, history=history)

    [request] = model.requests
    assert (request.model_id, request.max_tokens, request.temperature) == ("claude-haiku-4-5", 64, 0.0)
    assert (request.turn_class, request.fallback_models) == ("TC1", ())
    assert (request.seed, request.system[0].cache_ttl) == ("turn-1", "1h")
    assert [utterance.role for utterance in request.messages] == ["user"]
    assert "A long year." in request.messages[0].text
    assert OPEN in request.messages[0].text
    assert OPEN not in request.system_text


def test_the_production_variant_names_the_model(clock: FixedClock) -> None:
    """Promoting another detector is data; the screen is not even told of experiments."""
    model = AskedModel(clock, '{"level": 0, "about_other": false}')
    detector = AssignedVariant("sonnet", {"model_id": "claude-sonnet-4-6", "max_tokens": 4000})
    screened(model, clock, production={"CRISIS_DETECTOR_MODEL": detector})

    assert (model.requests[0].model_id, model.requests[0].max_tokens) == ("claude-sonnet-4-6", 64)


@pytest.mark.parametrize(
    ("state_deadline", "expected"), [(0, 3000), (9000, 3000), (1700, 1700)], ids=["none", "late", "soon"]
)
def test_the_call_ends_after_three_seconds_or_with_the_state(
    clock: FixedClock, state_deadline: int, expected: int
) -> None:
    """The verdict of the other stages must not be lost to the state's time-out."""
    model = AskedModel(clock, '{"level": 0, "about_other": false}')
    screened(model, clock, deadline_ms=NOW_MS + state_deadline if state_deadline else 0)

    assert model.requests[0].deadline_ms == NOW_MS + expected


def test_an_answer_to_a_direct_question_is_not_asked_about(clock: FixedClock) -> None:
    """ "Yes" is read as what it answers before the model comes; a second of waiting would add nothing."""
    model = AskedModel(clock, '{"level": 0, "about_other": false}')
    history = (Utterance("assistant", "Are you thinking about ending your life?"),)
    result = screened(model, clock, "yes", history=history)

    assert (result.screen.screened_level, model.requests) == (3, [])


def test_an_answer_that_was_cut_off_after_its_end_counts(clock: FixedClock) -> None:
    """Some providers report a spent allowance of tokens although the object is whole."""
    model = AskedModel(clock, '{"level": 3, "about_other": false}', finish_reason="length")

    assert screened(model, clock).screen.screened_level == 3


def test_a_state_that_has_no_time_left_asks_nobody(clock: FixedClock) -> None:
    """And says so: the message stays unread by the model."""
    model = AskedModel(clock, '{"level": 3, "about_other": false}')
    result = screened(model, clock, deadline_ms=NOW_MS)

    assert model.requests == []
    assert result.screen.degraded == (MODEL_SCREEN,)
    assert result.model is not None
    assert result.model.error == "model_screen:no-time"


FAULTS: dict[str, tuple[Callable[[FixedClock], AskedModel], str]] = {
    "time-out": (
        lambda c: AskedModel(c, ModelTimeoutError("bedrock:timeout"), seconds=3.0),
        "bedrock:timeout",
    ),
    "late": (
        lambda c: AskedModel(c, '{"level": 3, "about_other": false}', seconds=3.1),
        "model_screen:late",
    ),
    "5xx": (lambda c: AskedModel(c, TransientModelError("openai:http-503")), "openai:http-503"),
    "429": (lambda c: AskedModel(c, TransientModelError("openai:http-429")), "openai:http-429"),
    "down": (lambda c: AskedModel(c, ModelError("openai:http-400")), "openai:http-400"),
    "malformed": (lambda c: AskedModel(c, f'{{"level": 3, {CANARY}'), "model_screen:malformed"),
    "prose": (lambda c: AskedModel(c, f"Level 3, because of {CANARY}."), "model_screen:malformed"),
    "empty": (lambda c: AskedModel(c, "  "), "model_screen:empty"),
    "schema": (lambda c: AskedModel(c, f'{{"level": 3, "why": "{CANARY}"}}'), "model_screen:schema"),
    "refusal": (
        lambda c: AskedModel(c, f"I cannot discuss {CANARY}.", finish_reason="content_filter"),
        "model_screen:refused",
    ),
    "words in an error": (lambda c: AskedModel(c, ModelError(f"said {CANARY}")), "ModelError"),
    "anything": (lambda c: AskedModel(c, KeyError(CANARY)), "KeyError"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_the_verdict_of_the_other_stages(fault: str, clock: FixedClock) -> None:
    """The fault matrix: asked once, never again, and a mark that says what was missing."""
    make, error = FAULTS[fault]
    model = make(clock)
    result = screened(model, clock, f"{OPEN} {CANARY}", stages=(RULE_STAGE, scored(0.3, level=1)))

    assert len(model.requests) == 1
    assert (result.screen.screened_level, result.screen.path) == (1, "clear")
    assert result.screen.degraded == (MODEL_SCREEN,)
    assert result.model is not None
    assert (result.model.level, result.model.error) == (None, error)
    assert CANARY not in str(result.to_payload())


@pytest.mark.parametrize("fault", ["malformed", "empty", "schema", "refusal", "late"])
def test_an_answer_that_cannot_be_used_still_costs(fault: str, clock: FixedClock) -> None:
    """The provider counts its tokens whether we can read them or not."""
    result = screened(FAULTS[fault][0](clock), clock)

    assert result.model is not None
    assert (result.model.tokens_input, result.model.cost_usd) == (900, 0.001)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_session_in_crisis_stays_there_through_every_fault(fault: str, clock: FixedClock) -> None:
    """A fault must never look like a calm answer that ends the flow by itself."""
    posture = {"active": True, "level": 3, "peak": 3, "calm_turns": 0, "check_in_due": False, "version": 2}
    request = ScreenRequest.from_event({"message": OPEN, "posture": posture})
    screen = ScreenForCrisis(
        clock=clock, stages=(RULE_STAGE, scored(0.3)), model=FAULTS[fault][0](clock), band=Band(0.1)
    )

    assert (screen(request).screen.path, screen(request).screen.level) == ("crisis", 3)


def test_the_model_alone_is_heard_when_all_other_stages_fail(clock: FixedClock) -> None:
    """One verdict is enough; without any, the red flags of the state machine decide."""
    broken = (("rules", _broken), ("learned", _broken))
    heard = screened(AskedModel(clock, '{"level": 3, "about_other": false}'), clock, stages=broken)

    assert (heard.screen.screened_level, heard.screen.degraded) == (3, ("rules", "learned"))
    with pytest.raises(ScreenError):
        screened(AskedModel(clock, "nonsense"), clock, stages=broken)


def test_without_a_model_nothing_is_asked_and_nothing_is_degraded(clock: FixedClock) -> None:
    """With the composer as provider there is no TC1; that is a choice and not a fault."""
    result = screened(None, clock)

    assert (result.screen.degraded, result.model) == ((), None)


def test_a_screen_with_other_stages_keeps_everything_else(clock: FixedClock) -> None:
    """Evaluation times each stage of the very screen that is deployed."""
    model = AskedModel(clock, '{"level": 3, "about_other": false}')
    screen = ScreenForCrisis(clock=clock, stages=(RULE_STAGE,), model=model, band=Band(0.5))
    other = screen.with_stages([*screen.stages, scored(0.4)])

    assert [name for name, _ in other.stages] == ["rules", "learned"]
    assert other(ScreenRequest(OPEN)).model is None
    assert screen(ScreenRequest(OPEN)).model is not None


def test_screenings_do_not_share_their_calls() -> None:
    """One process screens one person after the other."""
    clock = FixedClock(START)
    model = AskedModel(clock, '{"level": 3, "about_other": false}')
    screen = ScreenForCrisis(clock=clock, stages=(RULE_STAGE,), model=model, band=Band(0.1))
    first, second = screen(ScreenRequest(OPEN)), screen(ScreenRequest("Hi!"))
    clock.advance(timedelta(seconds=1).total_seconds())

    assert first.model is not None
    assert second.model is None
