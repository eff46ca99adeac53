"""Write a draft: pick prompt and model for the turn class and its variants, and have a reserve ready."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from silent_infinity.data import load
from silent_infinity.domain.budget import is_budget_code, level_of
from silent_infinity.domain.composer import compose
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.prompts import (
    PERSONA,
    PERSONA_VERSION,
    Prompt,
    PromptError,
    build_messages,
    bundled,
    lineage,
    newest,
    parse_prompt,
)
from silent_infinity.domain.quality_codes import Approach, second_attempt
from silent_infinity.domain.turn import AssignedVariant, Draft, ModelCall, ModelLatency, Utterance, usage_of
from silent_infinity.domain.turn_classes import (
    PERSONA_CATEGORY,
    ModelChoice,
    PromptRef,
    model_for,
    persona_for,
    turn_classes,
)
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelReply, ModelRequest
from silent_infinity.ports.prompts import PromptNotFoundError, PromptSource
from silent_infinity.usecases.validate_reply import CrisisContext

COMPOSER = "composer"
CRISIS_CLASS = "TC6"


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """A turn that needs words.

    `mode` is `model`, or `composer` for a reply without any model. `deadline_ms` (epoch milliseconds) is when
    the draft must be there. `previous_failures` says what was wrong with the attempt before.
    """

    turn_id: str
    message: str
    turn_class: str
    deadline_ms: int
    session_id: str = ""
    history: tuple[Utterance, ...] = ()
    locale: str = "en-US"
    variants: dict[str, AssignedVariant] = field(default_factory=dict)
    mode: str = "model"
    crisis: CrisisContext = field(default_factory=CrisisContext)
    attempt: int = 1
    previous_failures: tuple[str, ...] = ()

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "GenerateRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Generated:
    """The draft of a turn."""

    draft: Draft
    turn_id: str

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        payload: dict[str, Any] = to_payload(self.draft)
        return payload


class GenerateReply:
    """Asks the model that the class and the variants name; the composer's reply comes along as a reserve."""

    def __init__(
        self, *, model: LanguageModel, prompts: PromptSource, clock: Clock, server_model: str = ""
    ) -> None:
        """Take the gateway; `server_model` is the one model of a server that has no other."""
        self._model = model
        self._server_model = server_model
        self._prompts = prompts
        self._clock = clock

    def __call__(self, request: GenerateRequest) -> Generated:
        """Write the draft. A model that fails is no error here: the draft says what happened."""
        seed = f"{request.turn_id}:{request.attempt}"
        reserve = _reserve(request, seed)
        if request.mode == COMPOSER:
            return Generated(self._composed(request, reserve), request.turn_id)
        choice = model_for(request.turn_class, request.variants)
        answering = catalogue().find(self._server_model or choice.model_id)
        brief = answering is not None and answering.brief_prompts
        persona, persona_exposed, degraded = self._persona(request, brief=brief)
        instructions, missing = self._instructions(request.turn_class, brief=brief)
        degraded += missing
        approach = _approach(request, instructions)
        system, messages = build_messages(
            persona,
            instructions,
            request.message,
            request.history,
            request.locale,
            crisis_level=request.crisis.level,
            resources=request.crisis.resources,
            previous_failures=request.previous_failures,
            cache_ttls=choice.cache_ttls,
        )
        prompt_id, prompt_sha = lineage(persona, instructions)
        start = unix_ms(self._clock.now())
        asked = ModelRequest(
            system=system,
            messages=tuple(Utterance(message["role"], message["content"]) for message in messages),
            model_id=choice.model_id,
            max_tokens=max(1, int(choice.max_tokens * approach.length)) if approach else choice.max_tokens,
            temperature=min(choice.temperature, approach.temperature) if approach else choice.temperature,
            deadline_ms=request.deadline_ms,
            turn_class=request.turn_class,
            message=request.message,
            seed=seed,
            fallback_models=choice.fallback_models,
            session_id=request.session_id,
            prompt_id=prompt_id,
            prompt_sha=prompt_sha,
        )
        try:
            reply = self._model.complete(asked)
        except ModelError as error:
            waited = unix_ms(self._clock.now()) - start
            codes = str(error).split(",")
            tried = _tried(choice, persona_exposed, error.calls, codes, request.variants)
            return Generated(
                Draft(
                    text=reserve,
                    source=COMPOSER if reserve else "none",
                    attempt=request.attempt,
                    provider=COMPOSER if reserve else "",
                    latency=ModelLatency(0, waited),
                    fallback_used=True,
                    usage=usage_of(error.calls),
                    reserve_text=reserve,
                    degraded=(*degraded, *_marks(codes, fallback_used=True)),
                    error_class=type(error).__name__,
                    model_calls=error.calls,
                    budget_level=level_of(codes),
                    tried=tried,
                ),
                request.turn_id,
            )
        composed = reply.provider == COMPOSER
        exposures: dict[str, str] = {}
        if not composed:
            exposures = {PERSONA_CATEGORY: persona_exposed} if persona_exposed else {}
            exposures |= _model_exposure(choice, reply, request.variants)
        return Generated(
            Draft(
                text=reply.text,
                source=COMPOSER if composed else "model",
                attempt=request.attempt,
                model_id=reply.model_id,
                provider=reply.provider,
                prompt_id="" if composed else prompt_id,
                prompt_sha="" if composed else prompt_sha,
                usage=usage_of(reply.calls) if reply.calls else reply.usage,
                latency=ModelLatency(reply.llm_ttft_ms, reply.llm_complete_ms),
                finish_reason=reply.finish_reason,
                fallback_used=reply.fallback_used,
                reserve_text=reserve,
                exposures=exposures,
                degraded=(*degraded, *_marks(reply.notes, fallback_used=reply.fallback_used)),
                retry_count=reply.retry_count,
                model_calls=reply.calls,
                budget_level=level_of(reply.notes),
                tried=_tried(choice, persona_exposed, reply.calls, reply.notes, request.variants),
            ),
            request.turn_id,
        )

    def _composed(self, request: GenerateRequest, reserve: str) -> Draft:
        return Draft(
            text=reserve,
            source=COMPOSER if reserve else "none",
            attempt=request.attempt,
            provider=COMPOSER,
            finish_reason="stop",
            reserve_text=reserve,
        )

    def _persona(
        self, request: GenerateRequest, *, brief: bool
    ) -> tuple[Prompt, str | None, tuple[str, ...]]:
        """Return the persona, the variant that it is the exposure of, and what was degraded on the way."""
        rules = turn_classes()[request.turn_class]
        own = (rules.brief_persona if brief else None) or rules.persona
        if own is not None:
            prompt = self._fetch(own)
            return (prompt, None, ()) if prompt else (newest(own.template_id), None, ("prompts",))
        variant = request.variants.get(PERSONA_CATEGORY)
        wanted = persona_for(request.variants)
        if variant is None or wanted is None:
            return bundled(PERSONA, PERSONA_VERSION), None, ()
        prompt = self._fetch(wanted)
        if prompt is not None:
            return prompt, variant.variant_id, ()
        return bundled(PERSONA, PERSONA_VERSION), None, ("prompts",)

    def _instructions(self, turn_class: str, *, brief: bool) -> tuple[Prompt, tuple[str, ...]]:
        rules = turn_classes()[turn_class]
        wanted = (rules.brief_prompt if brief else None) or rules.prompt
        if wanted is None:
            raise PromptError(f"{turn_class} has no prompt")
        prompt = self._fetch(wanted)
        return (prompt, ()) if prompt else (newest(wanted.template_id), ("prompts",))

    def _fetch(self, wanted: PromptRef) -> Prompt | None:
        """Return the prompt if it can be had, is well formed, and is the very text that was asked for."""
        try:
            text = self._prompts.text(wanted.template_id, wanted.version)
            if wanted.sha256 and hashlib.sha256(text.encode()).hexdigest() != wanted.sha256:
                return None
            return parse_prompt(text)
        except (PromptNotFoundError, PromptError):
            return None


def _approach(request: GenerateRequest, instructions: Prompt) -> Approach | None:
    """Return how a second attempt goes about it; None for a first one."""
    if not request.previous_failures:
        return None
    return second_attempt(instructions.template_id, request.previous_failures)


def _reserve(request: GenerateRequest, seed: str) -> str:
    """Return words that may be served as they stand; none for a crisis, whose reserve is vetted elsewhere.

    `composer` mode means that nobody has screened the message: then the reply asks how the person is, names
    help lines, and says nothing of the message back.
    """
    if request.turn_class == CRISIS_CLASS:
        return ""
    help_text = load("static_replies.json")["help"]["text"] if request.mode == COMPOSER else ""
    return compose(request.message, request.turn_class, seed, help_text)


def _marks(codes: Sequence[str], *, fallback_used: bool) -> tuple[str, ...]:
    """Return the degraded marks of a generation: a spent budget is no outage of a model."""
    budget = ("budget",) if any(is_budget_code(code) for code in codes) else ()
    by_budget = bool(codes) and all(is_budget_code(code) for code in codes)
    return (("model",) if fallback_used and not by_budget else ()) + budget


def _model_exposure(
    choice: ModelChoice, reply: ModelReply, variants: Mapping[str, AssignedVariant]
) -> dict[str, str]:
    """A variant was exposed only if its own model answered, and answered the whole request: some servers have
    one model for all requests, and a budget makes requests smaller.
    """
    category = choice.exposed_category
    own = not reply.fallback_used and reply.model_id == choice.model_id and not level_of(reply.notes)
    if category is None or not own or category not in variants:
        return {}
    return {category: variants[category].variant_id}


def _tried(
    choice: ModelChoice,
    persona_exposed: str | None,
    calls: Sequence[ModelCall],
    codes: Sequence[str],
    variants: Mapping[str, AssignedVariant],
) -> dict[str, str]:
    """A variant whose own model was asked for the whole request was tried, whoever answered in the end."""
    if level_of(codes) or not any(call.model_asked == choice.model_id for call in calls):
        return {}
    category = choice.exposed_category
    own = {category: variants[category].variant_id} if category is not None and category in variants else {}
    return {PERSONA_CATEGORY: persona_exposed, **own} if persona_exposed else own
