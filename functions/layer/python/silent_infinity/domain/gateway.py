"""The rules of the wrappers around language models, as `data/gateway.json` has them."""

from dataclasses import dataclass
from functools import cache

from silent_infinity.data import load
from silent_infinity.domain.breaker import BreakerRules
from silent_infinity.domain.budget import BudgetRules
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.spend import SpendRules


@dataclass(frozen=True, slots=True)
class ChainRules:
    """Milliseconds that earlier calls leave for a later one: a model's, or the composer's."""

    model_reserve_ms: int
    composer_reserve_ms: int


@dataclass(frozen=True, slots=True)
class RateRules:
    """How many seconds' worth of a rate may be used at once."""

    burst_seconds: float


@dataclass(frozen=True, slots=True)
class StoreRules:
    """Milliseconds: how long a process goes on without stores that have failed, and how long one may take."""

    pause_ms: int
    slow_ms: int


@dataclass(frozen=True, slots=True)
class GatewayRules:
    """All of them. `unbilled` are error codes after which nothing was charged."""

    breaker: BreakerRules
    budget: BudgetRules
    spend: SpendRules
    rate: RateRules
    stores: StoreRules
    chain: ChainRules
    unbilled: tuple[str, ...]

    def may_have_cost(self, code: str) -> bool:
        """Whether a call that failed with this code (`provider:value`) may have been billed."""
        return code.rpartition(":")[2] not in self.unbilled


@cache
def gateway_rules() -> GatewayRules:
    """Return the rules that ship with the code."""
    return from_payload(GatewayRules, load("gateway.json"))
