"""Keeps to the provider's quotas: requests and tokens a minute, counted for all processes together."""

from collections.abc import Callable
from dataclasses import replace

from silent_infinity.adapters.llm.measured import Measured
from silent_infinity.adapters.llm.shared import Background, Shared
from silent_infinity.domain.budget import most_input_tokens
from silent_infinity.domain.model_rates import Bucket, ModelRate
from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelReply, ModelRequest
from silent_infinity.ports.model_rates import ModelRateStore

LIMITED = "rate:limited"
UNAVAILABLE = "rate:unavailable"


class RateLimitModel:
    """Refuses with `rate:limited` what the provider would throttle, so that the next one is asked at once.

    Tokens are taken as providers do it: all that the request may use. Calls of classes that are counted only
    are counted in the background. While the store is down nobody is limited, and the reply says so.
    """

    def __init__(
        self,
        inner: LanguageModel,
        *,
        store: Shared[ModelRateStore],
        rate: ModelRate,
        burst_seconds: float,
        clock: Clock,
        background: Background,
        measured: Measured,
        provider: str,
        server_model: str = "",
    ) -> None:
        self._inner = inner
        self._store = store
        self._rate = rate
        self._burst_seconds = burst_seconds
        self._clock = clock
        self._background = background
        self._measured = measured
        self._provider = provider
        self._server_model = server_model

    def complete(self, request: ModelRequest) -> ModelReply:
        if not self._rate or not self._store.present:
            return self._inner.complete(request)
        if turn_classes()[request.turn_class].counted_only:
            take = self._take(request, force=True)
            self._background.submit(lambda: self._store.ask(take))
            return self._inner.complete(request)
        try:
            admitted = self._store.ask(self._take(request, force=False))
        except StoreUnavailableError:
            self._measured.count("RateLimitUnavailable")
            reply = self._inner.complete(request)
            return replace(reply, notes=(*reply.notes, UNAVAILABLE))
        if not admitted:
            raise ModelError(LIMITED)
        return self._inner.complete(request)

    def _take(self, request: ModelRequest, *, force: bool) -> Callable[[ModelRateStore], bool]:
        key = f"{self._provider}/{self._server_model or request.model_id}"
        tokens = most_input_tokens(request.system, request.messages) + request.max_tokens
        buckets = (
            Bucket.of(self._rate.requests_per_minute, 1, self._burst_seconds),
            Bucket.of(self._rate.tokens_per_minute, tokens, self._burst_seconds),
        )
        now_us = int(self._clock.now().timestamp() * 1_000_000)
        return lambda store: store.take(key, *buckets, now_us, force=force)
