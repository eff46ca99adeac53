"""Stage c of the crisis screen: one call of a model (TC1) for a message that the other stages leave open."""

import re
from collections.abc import Mapping
from dataclasses import replace

from silent_infinity.domain.crisis.band import Band
from silent_infinity.domain.crisis.model_screen import (
    MODEL_SCREEN,
    needs_model,
    question,
    read_answer,
)
from silent_infinity.domain.crisis.verdict import ScreenCase, Verdict
from silent_infinity.domain.json_answer import AnswerError
from silent_infinity.domain.prompts import Prompt, PromptError, bundled
from silent_infinity.domain.turn import AssignedVariant, ScreenModelCall, SystemBlock, Utterance
from silent_infinity.domain.turn_classes import ModelChoice, model_for, turn_classes
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelReply, ModelRequest, ModelTimeoutError

SCREEN_CLASS = "TC1"
_CODE = re.compile(r"[A-Za-z0-9._:,-]{1,80}")


class ModelStage:
    """A `Stage` for one message. Afterwards `call` tells what was asked and what it cost; None if nobody was.

    There is one attempt, and it ends when the class's budget is spent or at `deadline_ms` (epoch
    milliseconds, 0 if nobody set one), whichever is first: the verdict of the other stages must not be late
    because of this one. `production` are the production variants: the screen is never experimented on.
    """

    def __init__(
        self,
        model: LanguageModel,
        clock: Clock,
        band: Band,
        *,
        history: tuple[Utterance, ...] = (),
        production: Mapping[str, AssignedVariant],
        deadline_ms: int = 0,
        seed: str = "",
    ) -> None:
        self._model = model
        self._clock = clock
        self._band = band
        self._history = history
        self._production = production
        self._deadline_ms = deadline_ms
        self._seed = seed
        self.call: ScreenModelCall | None = None

    def __call__(self, case: ScreenCase, /) -> Verdict | None:
        """Ask the model, if the message is open.

        Raises:
            ModelError: there is no answer in time.
            AnswerError: there is one that cannot be read.
        """
        if not needs_model(case, self._band):
            return None
        choice = model_for(SCREEN_CLASS, self._production)
        prompt = _prompt()
        start_ms = unix_ms(self._clock.now())
        deadline_ms = self._deadline(start_ms)
        call = ScreenModelCall(model_id=choice.model_id, prompt_id=prompt.prompt_id)
        try:
            if start_ms >= deadline_ms:
                raise ModelTimeoutError(f"{MODEL_SCREEN}:no-time")
            reply = self._model.complete(self._request(case, choice, prompt, deadline_ms))
            call = _with_reply(call, reply)
            if unix_ms(self._clock.now()) > deadline_ms:
                raise ModelTimeoutError(f"{MODEL_SCREEN}:late")
            if reply.finish_reason not in ("stop", "length"):
                raise ModelError(f"{MODEL_SCREEN}:refused")
            verdict = read_answer(reply.text)
            call = replace(call, level=verdict.level)
        except Exception as failure:
            call = replace(call, error=_code(failure))
            raise
        finally:
            self.call = replace(call, ms=unix_ms(self._clock.now()) - start_ms)
        return verdict

    def _deadline(self, start_ms: int) -> int:
        own = start_ms + turn_classes()[SCREEN_CLASS].budget_ms
        return min(own, self._deadline_ms) if self._deadline_ms else own

    def _request(
        self, case: ScreenCase, choice: ModelChoice, prompt: Prompt, deadline_ms: int
    ) -> ModelRequest:
        system, text = question(prompt, case.message, self._history)
        asked = Utterance("user", text)
        return ModelRequest(
            system=(SystemBlock(system, choice.cache_ttls[0]),),
            messages=(asked,),
            model_id=choice.model_id,
            max_tokens=choice.max_tokens,
            temperature=choice.temperature,
            deadline_ms=deadline_ms,
            turn_class=SCREEN_CLASS,
            message=case.message,
            seed=self._seed,
        )


def _prompt() -> Prompt:
    wanted = turn_classes()[SCREEN_CLASS].prompt
    if wanted is None:
        raise PromptError(f"{SCREEN_CLASS} has no prompt")
    return bundled(wanted.template_id, wanted.version)


def _code(failure: Exception) -> str:
    """Return what may be recorded of a failure: its code if it has one, else its kind. Never words."""
    known = isinstance(failure, (ModelError, AnswerError)) and _CODE.fullmatch(str(failure))
    return str(failure) if known else type(failure).__name__


def _with_reply(call: ScreenModelCall, reply: ModelReply) -> ScreenModelCall:
    usage = reply.usage
    return replace(
        call,
        model_id=reply.model_id,
        provider=reply.provider,
        tokens_input=usage.tokens_input,
        tokens_output=usage.tokens_output,
        tokens_cache_read=usage.tokens_cache_read,
        tokens_cache_write=usage.tokens_cache_write,
        cost_usd=usage.cost_usd,
    )
