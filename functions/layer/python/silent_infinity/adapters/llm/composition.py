"""Puts the wrappers around a provider as the data of each turn class says, and chains what comes after."""

import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from silent_infinity.adapters.llm.breaker import BreakerModel, Breakers
from silent_infinity.adapters.llm.budget import BudgetModel, SpendPolicy
from silent_infinity.adapters.llm.composed import ComposedModel
from silent_infinity.adapters.llm.deadline import DeadlineModel
from silent_infinity.adapters.llm.fallback import FallbackModel, Link
from silent_infinity.adapters.llm.guard import GuardModel
from silent_infinity.adapters.llm.measured import Measured
from silent_infinity.adapters.llm.rate_limit import RateLimitModel
from silent_infinity.adapters.llm.recorder import RecorderModel
from silent_infinity.adapters.llm.retry import RetryModel
from silent_infinity.adapters.llm.shared import Background, Outage, Shared
from silent_infinity.domain.gateway import GatewayRules, gateway_rules
from silent_infinity.domain.model_rates import ModelRate
from silent_infinity.domain.turn_classes import COMPOSER, TurnClass, turn_classes
from silent_infinity.ports.breakers import BreakerStore
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import LanguageModel, ModelReply, ModelRequest
from silent_infinity.ports.metrics import Metrics
from silent_infinity.ports.model_rates import ModelRateStore
from silent_infinity.ports.spend import SpendStore


@dataclass(frozen=True, slots=True)
class GatewayStores:
    """How the shared stores are made, each when it is first needed. None: there is no such store."""

    breakers: Callable[[], BreakerStore] | None = None
    spend: Callable[[], SpendStore] | None = None
    rates: Callable[[], ModelRateStore] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a gateway is made of.

    `provider` is bare, and None where the composer is all there is. `server_model` is the one model of a
    server that has no other, whatever a request names; empty elsewhere.
    """

    clock: Clock
    metrics: Metrics
    provider: LanguageModel | None
    provider_name: str = ""
    server_model: str = ""
    stores: GatewayStores = GatewayStores()
    spend: SpendPolicy = SpendPolicy()
    rate: ModelRate = ModelRate()
    environment: str = ""
    background: Background = field(default_factory=Background)
    rules: GatewayRules = field(default_factory=gateway_rules)
    sleep: Callable[[float], None] = time.sleep
    randomness: Callable[[], float] = random.random
    new_id: Callable[[], str] = lambda: secrets.token_hex(12)


class Gateway:
    """The one `LanguageModel` that the rest of the system asks: each class gets the chain its data names.

    A generation has the class's `budget_ms` in all, and never longer than the request's own deadline.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._measured = Measured(parts.metrics, parts.environment)
        outage = Outage(parts.clock, parts.rules.stores.pause_ms)
        self._breakers = Breakers(
            Shared(parts.stores.breakers, outage), parts.rules.breaker, parts.clock, self._measured
        )
        self._spend = Shared(parts.stores.spend, outage)
        self._rates = Shared(parts.stores.rates, outage)
        self._chains: dict[str, LanguageModel] = {}
        self._makers: Mapping[str, Callable[[LanguageModel], LanguageModel]] = {
            "retry": self._retry,
            "record": self._record,
            "breaker": self._breaker,
            "rate": self._rate,
            "budget": self._budget,
            "guard": self._guard,
            "deadline": self._deadline,
        }

    def complete(self, request: ModelRequest) -> ModelReply:
        rules = turn_classes()[request.turn_class]
        chain = self._chains.get(rules.name) or self._chains.setdefault(rules.name, self.chain(rules))
        most_ms = unix_ms(self._parts.clock.now()) + rules.budget_ms
        try:
            return chain.complete(replace(request, deadline_ms=min(request.deadline_ms, most_ms)))
        finally:
            self._measured.flush()

    def chain(self, rules: TurnClass) -> LanguageModel:
        """Return the chain of a class: the provider, for one model after the other, then the last resort.

        Raises:
            KeyError: the class names a wrapper that there is not.
        """
        parts = self._parts
        links: list[Link] = []
        if parts.provider is not None:
            model = parts.provider
            for name in reversed(rules.wrappers):
                model = self._makers[name](model)
            # A server with one model would only be asked the same thing again.
            one_model = bool(parts.server_model)
            links.append(Link(model, parts.rules.chain.model_reserve_ms, ignores_model_id=one_model))
        if rules.last_resort == COMPOSER:
            composer = ComposedModel(parts.clock)
            reserve_ms = parts.rules.chain.composer_reserve_ms
            links.append(Link(composer, reserve_ms, ignores_model_id=True, costs_nothing=True))
        return FallbackModel(links, parts.clock)

    def _retry(self, inner: LanguageModel) -> LanguageModel:
        """Ask again after a transient error."""
        return RetryModel(inner, self._parts.clock, self._parts.sleep, self._parts.randomness)

    def _record(self, inner: LanguageModel) -> LanguageModel:
        """Leave a record of each attempt."""
        parts = self._parts
        return RecorderModel(inner, parts.clock, self._measured, parts.provider_name, parts.server_model)

    def _breaker(self, inner: LanguageModel) -> LanguageModel:
        """Refuse at once what has just failed again and again."""
        parts = self._parts
        return BreakerModel(inner, self._breakers, parts.clock, parts.provider_name, parts.server_model)

    def _rate(self, inner: LanguageModel) -> LanguageModel:
        """Keep to the provider's quotas."""
        parts = self._parts
        return RateLimitModel(
            inner,
            store=self._rates,
            rate=parts.rate,
            burst_seconds=parts.rules.rate.burst_seconds,
            clock=parts.clock,
            background=parts.background,
            measured=self._measured,
            provider=parts.provider_name,
            server_model=parts.server_model,
        )

    def _budget(self, inner: LanguageModel) -> LanguageModel:
        """Reserve before, settle after."""
        parts = self._parts
        return BudgetModel(
            inner,
            store=self._spend,
            policy=parts.spend,
            rules=parts.rules,
            clock=parts.clock,
            background=parts.background,
            measured=self._measured,
            new_id=parts.new_id,
            provider=parts.provider_name,
            server_model=parts.server_model,
        )

    def _guard(self, inner: LanguageModel) -> LanguageModel:
        """Refuse the families that must not serve the class."""
        return GuardModel(inner, self._parts.server_model)

    def _deadline(self, inner: LanguageModel) -> LanguageModel:
        """Leave a call behind when its time is up."""
        return DeadlineModel(inner, self._parts.clock)
