"""Leaves a record of every attempt at a model: for lineage, and as metrics."""

import re
from dataclasses import replace

from silent_infinity.adapters.llm.guard import AnsweredByAnotherError
from silent_infinity.adapters.llm.measured import Measured
from silent_infinity.adapters.llm.streamed import refused
from silent_infinity.domain.turn import ModelCall
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import (
    BudgetSpentError,
    LanguageModel,
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
    TransientModelError,
)

_CODE = re.compile(r"[A-Za-z0-9._:,-]{1,80}")


class RecorderModel:
    """Makes the attempt the one `ModelCall` of the reply, or of the error.

    Attempts that another wrapper refused are recorded too: an operator wants to know why nobody was asked.
    """

    def __init__(
        self, inner: LanguageModel, clock: Clock, measured: Measured, provider: str, server_model: str = ""
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._measured = measured
        self._provider = provider
        self._server_model = server_model

    def complete(self, request: ModelRequest) -> ModelReply:
        started_ms = unix_ms(self._clock.now())
        asked = ModelCall(
            turn_class=request.turn_class,
            model_asked=self._server_model or request.model_id,
            provider=self._provider,
            prompt_id=request.prompt_id,
            prompt_sha=request.prompt_sha,
        )
        try:
            reply = self._inner.complete(request)
        except ModelError as error:
            failed = replace(asked, outcome=_outcome(error), total_ms=unix_ms(self._clock.now()) - started_ms)
            if isinstance(error, AnsweredByAnotherError):
                failed = _with_reply(failed, error.reply)
            self._measure(failed, _kind(error))
            error.calls = (failed,)
            raise
        outcome = _finish(reply)
        call = _with_reply(replace(asked, outcome=outcome), reply)
        call = replace(call, total_ms=unix_ms(self._clock.now()) - started_ms)
        self._measure(call, outcome)
        return replace(reply, calls=(call,))

    def _measure(self, call: ModelCall, outcome: str) -> None:
        by_model = {"model": call.model_answered or call.model_asked, "turn_class": call.turn_class}
        self._measured.count("ModelCalls", outcome=outcome, **by_model)
        self._measured.add("ModelLatency", call.total_ms, "Milliseconds", **by_model)
        if call.cost_usd:
            self._measured.add("ModelCostMicroUsd", round(call.cost_usd * 1e6), "None", **by_model)


def _with_reply(call: ModelCall, reply: ModelReply) -> ModelCall:
    usage = reply.usage
    return replace(
        call,
        model_answered=reply.model_id,
        provider=reply.provider,
        tokens_input=usage.tokens_input,
        tokens_output=usage.tokens_output,
        tokens_cache_read=usage.tokens_cache_read,
        tokens_cache_write=usage.tokens_cache_write,
        cost_usd=usage.cost_usd,
        ttft_ms=reply.llm_ttft_ms,
        notes=(*call.notes, *reply.notes),
    )


def _finish(reply: ModelReply) -> str:
    if refused(reply):
        return "guarded" if reply.text.strip() else "empty"
    return "ok" if reply.finish_reason == "stop" else reply.finish_reason


def _outcome(error: ModelError) -> str:
    """Return the error's code; its kind if what it says does not look like one."""
    return str(error) if _CODE.fullmatch(str(error)) else type(error).__name__


def _kind(error: ModelError) -> str:
    """Return one of a few words: a metric's dimension must not have a value for every code."""
    source = str(error).partition(":")[0]
    if isinstance(error, BudgetSpentError) or source in ("breaker", "rate", "guard"):
        return "budget" if isinstance(error, BudgetSpentError) else source
    if isinstance(error, ModelTimeoutError):
        return "timeout"
    return "transient" if isinstance(error, TransientModelError) else "error"
