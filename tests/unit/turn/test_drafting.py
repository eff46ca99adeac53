"""Drafts by themselves: what a model is asked, what it may claim to have been, and what stands behind it."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.system.prompts import PromptFiles
from silent_infinity.bootstrap import BUNDLED_PROMPTS
from silent_infinity.domain.turn import AssignedVariant, Draft, ModelCall, Usage, Utterance
from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.ports.llm import (
    LanguageModel,
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
)
from silent_infinity.ports.prompts import PromptNotFoundError, PromptSource
from silent_infinity.usecases.generate_reply import GenerateReply, GenerateRequest
from silent_infinity.usecases.validate_reply import CrisisContext
from tests.support.world import MIRROR, START, TELLING

FILES = PromptFiles(BUNDLED_PROMPTS)
LINE = {
    "name": "Somebody to Call",
    "contact": "0800 000 111",
    "hours": "24/7",
    "wording": "Call 0800 000 111 now.",
}


class _Model:
    """Answers with one reply or error, and keeps what it was asked."""

    def __init__(self, answer: ModelReply | ModelError) -> None:
        self.answer = answer
        self.asked: list[ModelRequest] = []

    def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        if isinstance(self.answer, ModelError):
            raise self.answer
        return self.answer


class _Prompts:
    """The bundled prompts, of which some read otherwise (a text) or are gone (None)."""

    def __init__(self, **changed: str | None) -> None:
        self._changed = changed

    def text(self, template_id: str, version: int) -> str:
        text = self._changed.get(template_id, "")
        if text is None:
            raise PromptNotFoundError(template_id)
        return text or FILES.text(template_id, version)


def _reply(**fields: Any) -> ModelReply:
    known: dict[str, Any] = {
        "text": MIRROR,
        "model_id": "claude-opus-4-7",
        "provider": "scripted",
        "usage": Usage(100, 20, 3, 4, 0.5),
        "finish_reason": "stop",
        "llm_ttft_ms": 5,
        "llm_complete_ms": 10,
        "retry_count": 1,
        **fields,
    }
    return ModelReply(**known)


def _variants(**persona: str) -> dict[str, AssignedVariant]:
    config = {"s3_key": "prompts/system/v1.md", **persona}
    return {
        "LLM_MODEL": AssignedVariant("arm", {"model_id": "claude-opus-4-7", "temperature": 0.3}),
        "SYSTEM_PROMPT": AssignedVariant("persona-arm", config),
    }


def _request(**fields: Any) -> GenerateRequest:
    known: dict[str, Any] = {
        "turn_id": "turn-1",
        "message": TELLING,
        "turn_class": "TC4",
        "deadline_ms": 1_800_000_000_123,
        "variants": _variants(),
        **fields,
    }
    return GenerateRequest(**known)


def _draft(model: LanguageModel, request: GenerateRequest, prompts: PromptSource | None = None) -> Draft:
    generate = GenerateReply(model=model, prompts=prompts or _Prompts(), clock=FixedClock(START))
    return generate(request).draft


def test_a_model_is_asked_in_the_terms_of_its_class_variant_and_deadline() -> None:
    """A deadline that is lost on the way is a person who gets no reply."""
    model = _Model(_reply())
    history = (Utterance("user", "We buried him in May."), Utterance("assistant", "You miss him."))

    _draft(model, _request(history=history, attempt=2))

    [asked] = model.asked
    assert asked.deadline_ms == 1_800_000_000_123
    assert (asked.turn_class, asked.message, asked.seed) == ("TC4", TELLING, "turn-1:2")
    assert (asked.max_tokens, asked.temperature) == (384, 0.3)
    assert [block.cache_ttl for block in asked.system] == ["1h", "1h", None]
    assert [message.role for message in asked.messages] == ["user", "assistant", "user"]
    assert "We buried him in May." in asked.messages[0].text
    assert asked.messages[1] == history[1]
    assert TELLING in asked.messages[2].text


def test_the_models_to_fall_back_to_go_along() -> None:
    """The chain knows them from the request alone."""
    model = _Model(_reply())

    _draft(model, _request(turn_class="TC3", variants={}))

    assert model.asked[0].fallback_models


def test_a_crisis_is_told_its_level_and_help_lines() -> None:
    """The reply has to name a line, and the right one."""
    calm, serious = _Model(_reply()), _Model(_reply())
    _draft(calm, _request(turn_class="TC6", crisis=CrisisContext(2, (LINE,))))
    _draft(serious, _request(turn_class="TC6", crisis=CrisisContext(3, (LINE,))))

    assert LINE["wording"] in calm.asked[0].system_text
    assert calm.asked[0].system_text != serious.asked[0].system_text


def test_a_second_attempt_is_told_what_was_wrong() -> None:
    """The same question again would get the same answer."""
    first, second = _Model(_reply()), _Model(_reply())
    _draft(first, _request())
    _draft(second, _request(previous_failures=("too_long",)))

    assert first.asked[0].system_text != second.asked[0].system_text


@pytest.mark.parametrize("turn_class", ["TC3", "TC4", "TC5", "TC6"])
def test_a_second_attempt_goes_about_it_differently(turn_class: str) -> None:
    """Calmer, no longer, and with a plan: by design and not by chance."""
    first, second = _Model(_reply()), _Model(_reply())
    _draft(first, _request(turn_class=turn_class, variants={}))
    _draft(second, _request(turn_class=turn_class, variants={}, previous_failures=("generate_failed",)))

    [before], [after] = first.asked, second.asked
    assert after.temperature < before.temperature
    assert 1 <= after.max_tokens < before.max_tokens
    assert after.system[:2] == before.system[:2]  # what a provider keeps stays as it was
    assert "1. " in after.system[-1].text


def test_a_variant_that_is_calmer_still_stays_so() -> None:
    """The approach is a ceiling like the class is one."""
    model = _Model(_reply())
    _draft(model, _request(previous_failures=("length.too_short",)))

    assert (model.asked[0].temperature, model.asked[0].max_tokens) == (0.3, 384)


def test_small_talk_has_a_persona_of_its_own_which_is_nobodys_exposure() -> None:
    """Its prompt is too short for a cache on purpose; a persona in test there would never have been read."""
    model = _Model(_reply())
    draft = _draft(model, _request(turn_class="TC3"))

    assert draft.prompt_id == "small_talk/v2+brief/v1"
    assert draft.exposures == {}
    assert draft.degraded == ()


def test_prompts_that_are_newer_than_the_code_give_way_to_the_newest_bundled_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not to the first that were ever written."""
    newer = {
        name: replace(
            rules,
            prompt=replace(rules.prompt, version=99) if rules.prompt else None,
            persona=replace(rules.persona, version=99) if rules.persona else None,
        )
        for name, rules in turn_classes().items()
    }
    monkeypatch.setattr("silent_infinity.usecases.generate_reply.turn_classes", lambda: newer)

    mirror = _draft(_Model(_reply()), _request())
    talk = _draft(_Model(_reply()), _request(turn_class="TC3"))

    assert mirror.prompt_id == "reflective_mirror/v2+system/v1"
    assert talk.prompt_id == "small_talk/v2+brief/v1"
    assert (mirror.degraded, talk.degraded) == (("prompts",), ("prompts", "prompts"))


def test_a_server_with_one_model_for_all_requests_exposes_no_model_variant() -> None:
    """What was measured of another model must not be credited to the arm."""
    draft = _draft(_Model(_reply(model_id="smollm2-135m-instruct")), _request())

    assert draft.exposures == {"SYSTEM_PROMPT": "persona-arm"}


def test_a_draft_says_where_it_comes_from() -> None:
    """Cost, lineage and exposure are judged by these fields."""
    draft = _draft(_Model(_reply()), _request())

    assert (draft.text, draft.source, draft.provider) == (MIRROR, "model", "scripted")
    assert draft.exposures == {"LLM_MODEL": "arm", "SYSTEM_PROMPT": "persona-arm"}
    assert draft.usage == Usage(100, 20, 3, 4, 0.5)
    assert (draft.latency.llm_ttft_ms, draft.latency.llm_complete_ms) == (5, 10)
    assert (draft.retry_count, draft.finish_reason, draft.degraded) == (1, "stop", ())
    assert draft.prompt_id
    assert len(draft.prompt_sha) == 64
    assert draft.reserve_text not in ("", MIRROR)


def test_a_variant_whose_model_did_not_answer_was_not_exposed() -> None:
    """Another model wrote the words: whoever rates them does not rate the variant's."""
    draft = _draft(_Model(_reply(fallback_used=True)), _request())

    assert draft.exposures == {"SYSTEM_PROMPT": "persona-arm"}
    assert draft.fallback_used
    assert draft.degraded == ("model",)


def test_the_composer_exposes_nobody_to_anything() -> None:
    """It reads neither persona nor prompt."""
    draft = _draft(_Model(_reply(provider="composer", fallback_used=True)), _request())

    assert draft.source == "composer"
    assert draft.exposures == {}
    assert (draft.prompt_id, draft.prompt_sha) == ("", "")


@pytest.mark.parametrize("turn_class", ["TC3", "TC4", "TC5"])
def test_without_any_model_the_reserve_is_the_draft(turn_class: str) -> None:
    """And the class of the error is kept; its text never is, whatever an adapter put into it."""
    error = ModelTimeoutError(f"quoting {TELLING}")

    draft = _draft(_Model(error), _request(turn_class=turn_class))

    assert draft.text == draft.reserve_text != ""
    assert (draft.source, draft.error_class) == ("composer", "ModelTimeoutError")
    assert draft.fallback_used
    assert draft.degraded == ("model",)
    assert draft.exposures == {}
    assert f"quoting {TELLING}" not in repr(draft)


CALLS = (
    ModelCall(turn_class="TC4", outcome="scripted:http-500"),
    ModelCall(turn_class="TC4", outcome="guarded", tokens_input=100, tokens_output=9, cost_usd=0.0004),
)
LAST = ModelCall(turn_class="TC4", outcome="ok", tokens_input=100, tokens_output=20, cost_usd=0.0006)


ARMS_CALL = ModelCall(turn_class="TC4", model_asked="claude-opus-4-7", outcome="scripted:timeout")
ARM = {"LLM_MODEL": "arm", "SYSTEM_PROMPT": "persona-arm"}


def test_an_arm_whose_model_fails_was_tried() -> None:
    """It is judged by what people got instead: otherwise an arm that always failed would look like one that
    never does.
    """
    error = ModelTimeoutError("")
    error.calls = (ARMS_CALL,)

    nobody = _draft(_Model(error), _request())
    another = _draft(_Model(_reply(fallback_used=True, calls=(ARMS_CALL, LAST))), _request())
    composed = _draft(_Model(_reply(provider="composer", fallback_used=True, calls=(ARMS_CALL,))), _request())

    assert nobody.tried == another.tried == composed.tried == ARM
    assert nobody.exposures == composed.exposures == {}


def test_a_variant_is_tried_by_asking_its_own_model_for_the_whole_request() -> None:
    """Not by asking the one model of a server, nor by a request that a budget made smaller, nor by a variant
    whose model may not serve the class.
    """
    elsewhere = replace(ARMS_CALL, model_asked="smollm2-135m-instruct")
    haiku = {"LLM_MODEL": AssignedVariant("small", {"model_id": "claude-haiku-4-5"})}
    default = replace(ARMS_CALL, model_asked="claude-sonnet-4-6")

    assert _draft(_Model(_reply(calls=(elsewhere,))), _request()).tried == {}
    assert _draft(_Model(_reply(calls=(ARMS_CALL,), notes=("budget:reduced",))), _request()).tried == {}
    assert _draft(_Model(_reply(calls=(default,))), _request(variants=haiku)).tried == {}
    assert _draft(_Model(_reply(calls=(ARMS_CALL,))), _request()).tried == ARM


def test_a_draft_costs_what_all_its_calls_have_cost() -> None:
    """Failed attempts are on the bill too."""
    draft = _draft(_Model(_reply(calls=(*CALLS, LAST))), _request())

    assert draft.model_calls == (*CALLS, LAST)
    assert draft.usage == Usage(200, 29, cost_usd=0.001)


def test_a_draft_without_a_reply_costs_what_was_tried_for_it() -> None:
    """A crisis reply that the provider guarded is paid for, and served by nobody."""
    error = ModelError("scripted:http-500,scripted:guarded")
    error.calls = CALLS

    draft = _draft(_Model(error), _request(turn_class="TC6", crisis=CrisisContext(3, (LINE,))))

    assert draft.model_calls == CALLS
    assert draft.usage == Usage(100, 9, cost_usd=0.0004)


def test_the_gateway_is_told_whose_budget_and_which_prompt() -> None:
    """Without a session there is no budget of one; without a prompt no lineage."""
    model = _Model(_reply())
    draft = _draft(model, _request(session_id="session-1"))

    [asked] = model.asked
    assert asked.session_id == "session-1"
    assert (asked.prompt_id, asked.prompt_sha) == (draft.prompt_id, draft.prompt_sha)


@pytest.mark.parametrize(
    ("notes", "fallback", "degraded", "level"),
    [
        ((), False, (), ""),
        (("budget:reduced",), False, ("budget",), "reduced"),
        (("budget:unavailable",), False, ("budget",), ""),
        (("budget:session",), True, ("budget",), "minimal"),
        (("budget:day",), True, ("budget",), "minimal"),
        (("bedrock:timeout",), True, ("model",), ""),
        (("bedrock:timeout", "budget:reduced"), True, ("model", "budget"), "reduced"),
        (("temperature-dropped",), False, (), ""),
    ],
)
def test_a_spent_budget_is_a_mark_of_its_own(
    notes: tuple[str, ...], fallback: bool, degraded: tuple[str, ...], level: str
) -> None:
    """Who reads `model` looks for an outage, and here is none."""
    draft = _draft(_Model(_reply(notes=notes, fallback_used=fallback)), _request())

    assert (draft.degraded, draft.budget_level) == (degraded, level)


def test_without_money_and_without_a_last_resort_the_mark_is_the_budgets() -> None:
    """The chain had nobody to hand over to."""
    draft = _draft(_Model(ModelError("budget:day")), _request())

    assert (draft.degraded, draft.budget_level, draft.source) == (("budget",), "minimal", "composer")


def test_a_reduced_reply_is_no_exposure_of_its_model() -> None:
    """It answered less than the whole conversation, in fewer words than its configuration allows."""
    draft = _draft(_Model(_reply(notes=("budget:reduced",))), _request())

    assert draft.exposures == {"SYSTEM_PROMPT": "persona-arm"}


def test_nothing_is_composed_for_a_crisis() -> None:
    """Its reserve is the vetted reply of the screen."""
    request = _request(turn_class="TC6", crisis=CrisisContext(3, (LINE,)))

    failed = _draft(_Model(ModelError("down")), request)
    written = _draft(_Model(_reply()), request)

    assert (failed.text, failed.source, failed.reserve_text) == ("", "none", "")
    assert written.reserve_text == ""


def test_an_unscreened_message_meets_no_model_and_is_shown_help_lines() -> None:
    """Nobody knows what it says; what can be served is the composer's careful reply."""
    model = _Model(_reply())
    unscreened = _draft(model, _request(mode="composer"))
    screened = _draft(model, _request())

    assert len(model.asked) == 1
    assert (unscreened.source, unscreened.exposures, unscreened.model_id) == ("composer", {}, "")
    assert "988" in unscreened.text
    assert "988" not in screened.reserve_text


def test_a_second_attempt_composes_other_words() -> None:
    """What validation has refused once must not come back unchanged."""
    words = {
        _draft(_Model(ModelError("down")), _request(turn_id=f"turn-{turn}", attempt=attempt)).text
        for turn in range(4)
        for attempt in (1, 2)
    }

    assert len(words) > 4


@pytest.mark.parametrize(
    ("prompts", "variants"),
    [
        (_Prompts(system=None), _variants()),
        (_Prompts(system="no front matter"), _variants()),
        (_Prompts(), _variants(prompt_sha="0" * 64)),
    ],
    ids=["gone", "malformed", "another text"],
)
def test_a_persona_that_is_not_the_one_asked_for_gives_way_to_the_bundled_one(
    prompts: _Prompts, variants: dict[str, AssignedVariant]
) -> None:
    """The turn goes on, is marked, and counts for no variant of the persona."""
    draft = _draft(_Model(_reply()), _request(variants=variants), prompts)

    assert draft.text == MIRROR
    assert draft.degraded == ("prompts",)
    assert draft.exposures == {"LLM_MODEL": "arm"}


def test_a_persona_that_hashes_to_what_was_promised_is_used() -> None:
    """The check must not refuse what is right."""
    sha = hashlib.sha256(FILES.text("system", 1).encode()).hexdigest()

    draft = _draft(_Model(_reply()), _request(variants=_variants(prompt_sha=sha)))

    assert draft.degraded == ()
    assert draft.exposures["SYSTEM_PROMPT"] == "persona-arm"


def test_instructions_that_cannot_be_had_are_the_bundled_ones_and_marked() -> None:
    """A bucket that is down costs nobody a reply."""
    draft = _draft(_Model(_reply()), _request(), _Prompts(reflective_mirror=None))

    assert draft.text == MIRROR
    assert draft.degraded == ("prompts",)


def test_a_turn_without_variants_is_nobodys_exposure() -> None:
    """The class's own defaults serve; no experiment may count it."""
    draft = _draft(_Model(_reply()), replace(_request(), variants={}))

    assert draft.exposures == {}
    assert draft.degraded == ()


@pytest.mark.parametrize("turn_class", ["TC4", "TC5", "TC6"])
def test_a_small_model_is_given_the_short_instructions(turn_class: str) -> None:
    """It reads slowly: the long ones alone would take it longer than a turn has."""
    long, short = _Model(_reply()), _Model(_reply())
    request = _request(turn_class=turn_class, variants=_variants(), crisis=CrisisContext(2, (LINE,)))

    GenerateReply(model=long, prompts=PromptFiles(BUNDLED_PROMPTS), clock=FixedClock(START))(request)
    draft = GenerateReply(
        model=short,
        prompts=PromptFiles(BUNDLED_PROMPTS),
        clock=FixedClock(START),
        server_model="smollm2-135m-instruct",
    )(request).draft

    assert draft.prompt_id.endswith("+brief/v1")
    assert len(short.asked[0].system_text) < 3_500
    assert "SYSTEM_PROMPT" not in draft.exposures


def test_a_model_that_nobody_knows_is_given_all_of_it() -> None:
    """The short instructions are for models that are known to need them."""
    model = _Model(_reply())

    GenerateReply(
        model=model, prompts=PromptFiles(BUNDLED_PROMPTS), clock=FixedClock(START), server_model="some-llm"
    )(_request(variants={}))

    assert "brief" not in model.asked[0].prompt_id
