"""Reserves what a call may cost before it is made, and settles what it did cost afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from silent_infinity.adapters.llm.guard import AnsweredByAnotherError
from silent_infinity.adapters.llm.measured import Measured
from silent_infinity.adapters.llm.shared import Background, Shared
from silent_infinity.domain.budget import (
    DAY_SPENT,
    MINIMAL,
    REDUCED,
    SESSION_SPENT,
    UNAVAILABLE,
    WAS_REDUCED,
    micro_usd,
    most_input_tokens,
    most_micro_usd,
)
from silent_infinity.domain.gateway import GatewayRules
from silent_infinity.domain.limits import utc_day
from silent_infinity.domain.spend import day_key, session_key
from silent_infinity.domain.turn import Usage
from silent_infinity.domain.turn_classes import DAY, SESSION, TurnClass, may_ask, turn_classes
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.llm import BudgetSpentError, LanguageModel, ModelError, ModelReply, ModelRequest
from silent_infinity.ports.spend import SpendStore


@dataclass(frozen=True, slots=True)
class SpendPolicy:
    """Tokens of a session, and millionths of a dollar of a UTC day for everybody together; 0: no budget."""

    session_tokens: int = 0
    day_micro_usd: int = 0


@dataclass(frozen=True, slots=True)
class _Held:
    """A reservation at one counter, and how a call's usage is counted there."""

    key: str
    amount: int
    actual: Callable[[Usage], int]


@dataclass(slots=True)
class _Reservation:
    """What one call holds, at all counters. `unavailable` once a counter could not be reached."""

    store: Shared[SpendStore]
    reservation: str
    held: list[_Held] = field(default_factory=list)
    unavailable: bool = False

    def take(self, holding: _Held, most: int | None, now_ms: int) -> tuple[bool, int]:
        """Reserve; return whether it was granted, and what was used before.

        When the counter cannot be reached, the write may have taken place all the same: settling finds it.
        """
        try:
            taken = self.store.ask(
                lambda store: store.reserve(holding.key, self.reservation, holding.amount, most, now_ms)
            )
        except StoreUnavailableError:
            self.unavailable = True
            self.held.append(holding)
            return True, 0
        if taken.granted:
            self.held.append(holding)
        return taken.granted, taken.used

    def settle(self, usage: Usage | None) -> None:
        """Replace what was reserved by what was used. None: it may have been all, and stays charged."""
        for holding in self.held:
            actual = holding.amount if usage is None else holding.actual(usage)
            try:
                self.store.ask(
                    lambda store, holding=holding, actual=actual: store.settle(  # type: ignore[misc]  # as above
                        holding.key, self.reservation, holding.amount, actual
                    )
                )
            except StoreUnavailableError:
                self.unavailable = True
        self.held.clear()


class BudgetModel:
    """Counts calls against their session's tokens and the day's money; reduces or refuses what does not fit.

    Every call has a reservation of its own, an upper bound of its tokens and of their price. A call that ends
    is settled once; one that dies, or may have been billed although it failed, stays charged. A set of
    reservations that could not be completed is given back. While the store is down calls go on, and the reply
    says so. Classes that are counted only are counted in the background, in the same two steps.
    """

    def __init__(
        self,
        inner: LanguageModel,
        *,
        store: Shared[SpendStore],
        policy: SpendPolicy,
        rules: GatewayRules,
        clock: Clock,
        background: Background,
        measured: Measured,
        new_id: Callable[[], str],
        provider: str,
        server_model: str = "",
    ) -> None:
        self._inner = inner
        self._store = store
        self._policy = policy
        self._rules = rules
        self._clock = clock
        self._background = background
        self._measured = measured
        self._new_id = new_id
        self._provider = provider
        self._server_model = server_model
        self._day_spent_until_ms = 0

    def complete(self, request: ModelRequest) -> ModelReply:
        if not self._store.present:
            return self._inner.complete(request)
        rules = turn_classes()[request.turn_class]
        reservation = _Reservation(self._store, self._new_id())
        if rules.counted_only:
            return self._counted(request, rules, reservation)
        return self._enforced(request, rules, reservation)

    def _enforced(self, request: ModelRequest, rules: TurnClass, reservation: _Reservation) -> ModelReply:
        now_ms = unix_ms(self._clock.now())
        try:
            fitting = self._within_session(request, rules, reservation, now_ms)
            self._within_day(fitting, rules, reservation, now_ms)
        except BudgetSpentError as error:
            reservation.settle(Usage())
            self._measured.count("BudgetRefusals", scope=str(error).rpartition(":")[2])
            raise
        reduced = fitting != request
        if reduced:
            self._measured.count("BudgetReductions")
        try:
            reply = self._inner.complete(fitting)
        except ModelError as error:
            self._settle(reservation, self._cost_of(error), request)
            self._tell(reservation)
            raise
        self._settle(reservation, reply.usage if reply.usage.total_tokens else None, request)
        self._tell(reservation)
        notes = [WAS_REDUCED] if reduced else []
        notes += [UNAVAILABLE] if reservation.unavailable else []
        return replace(reply, notes=(*reply.notes, *notes))

    def _counted(self, request: ModelRequest, rules: TurnClass, reservation: _Reservation) -> ModelReply:
        now_ms = unix_ms(self._clock.now())

        def take() -> None:
            if self._counts(SESSION, request, rules):
                reservation.take(self._session_holding(request), None, now_ms)
            if self._counts(DAY, request, rules) and (amount := self._price(request, now_ms)):
                reservation.take(
                    self._day_holding(amount, self._shards(reservation)[0], now_ms), None, now_ms
                )

        self._background.submit(take)
        try:
            reply = self._inner.complete(request)
        except ModelError as error:
            cost = self._cost_of(error)
            self._background.submit(lambda: reservation.settle(cost))
            raise
        usage = reply.usage if reply.usage.total_tokens else None
        self._background.submit(lambda: reservation.settle(usage))
        return reply

    def _settle(self, reservation: _Reservation, usage: Usage | None, request: ModelRequest) -> None:
        """Settle; in the background if a store that hangs could make the reply late."""
        late_ms = unix_ms(self._clock.now()) + self._rules.stores.slow_ms
        if reservation.unavailable or late_ms > request.deadline_ms:
            self._background.submit(lambda: reservation.settle(usage))
        else:
            reservation.settle(usage)

    def _within_session(
        self, request: ModelRequest, rules: TurnClass, reservation: _Reservation, now_ms: int
    ) -> ModelRequest:
        """Reserve the session's tokens; return the request as far as they allow it."""
        if not self._counts(SESSION, request, rules):
            return request
        budget, levels = self._policy.session_tokens, self._rules.budget
        holding = self._session_holding(request)
        # Below the last level no model is asked, so that the condition alone refuses what is minimal.
        most = min(budget - holding.amount, levels.last_reduced(budget))
        granted, used = reservation.take(holding, most, now_ms)
        if reservation.unavailable:
            return request
        level = levels.level(used, budget)
        if granted and level not in (REDUCED, MINIMAL):
            return request
        reduced = self._reduced(request, rules)
        if not granted:
            if level == MINIMAL:
                raise BudgetSpentError(SESSION_SPENT)
            holding = self._session_holding(reduced)
            most = min(budget - holding.amount, levels.last_reduced(budget))
            if not reservation.take(holding, most, now_ms)[0]:
                raise BudgetSpentError(SESSION_SPENT)
        return reduced

    def _within_day(
        self, request: ModelRequest, rules: TurnClass, reservation: _Reservation, now_ms: int
    ) -> None:
        """Reserve the price of the request, at whichever shard has so much left."""
        amount = self._price(request, now_ms) if self._counts(DAY, request, rules) else 0
        if not amount:
            return
        if now_ms < self._day_spent_until_ms:
            raise BudgetSpentError(DAY_SPENT)
        caps = self._rules.spend.caps(self._policy.day_micro_usd)
        for shard in self._shards(reservation):
            holding = self._day_holding(amount, shard, now_ms)
            if reservation.take(holding, caps[shard] - amount, now_ms)[0]:
                return
        self._day_spent_until_ms = now_ms + self._rules.spend.spent_ms
        self._measured.count("SpendCapReached")
        raise BudgetSpentError(DAY_SPENT)

    def _counts(self, scope: str, request: ModelRequest, rules: TurnClass) -> bool:
        if scope not in rules.budget_scopes:
            return False
        if scope == SESSION:
            return bool(request.session_id and self._policy.session_tokens)
        return bool(self._policy.day_micro_usd)

    def _session_holding(self, request: ModelRequest) -> _Held:
        return _Held(session_key(request.session_id), _most_tokens(request), lambda usage: usage.total_tokens)

    def _day_holding(self, amount: int, shard: int, now_ms: int) -> _Held:
        return _Held(day_key(utc_day(now_ms), shard), amount, micro_usd)

    def _shards(self, reservation: _Reservation) -> list[int]:
        """Return the shards in the order in which this call tries them: each begins somewhere else."""
        count = self._rules.spend.count(self._policy.day_micro_usd)
        first = int(reservation.reservation[:8], 16) % count
        return [(first + step) % count for step in range(count)]

    def _price(self, request: ModelRequest, now_ms: int) -> int:
        return most_micro_usd(
            model_id=self._server_model or request.model_id,
            provider=self._provider,
            day=utc_day(now_ms),
            input_tokens=most_input_tokens(request.system, request.messages),
            max_tokens=request.max_tokens,
            cache_ttls=[block.cache_ttl for block in request.system],
        )

    def _reduced(self, request: ModelRequest, rules: TurnClass) -> ModelRequest:
        levels = self._rules.budget
        cheaper = rules.reduced_model
        return replace(
            request,
            messages=levels.shortened(request.messages),
            max_tokens=levels.shorter(request.max_tokens),
            model_id=cheaper if cheaper and may_ask(rules, cheaper) else request.model_id,
        )

    def _cost_of(self, error: ModelError) -> Usage | None:
        """Return what a failed call has used: what it says, nothing, or None if it may have been anything."""
        if isinstance(error, AnsweredByAnotherError):
            return error.reply.usage if error.reply.usage.total_tokens else None
        return None if self._rules.may_have_cost(str(error)) else Usage()

    def _tell(self, reservation: _Reservation) -> None:
        if reservation.unavailable:
            self._measured.count("BudgetUnavailable")


def _most_tokens(request: ModelRequest) -> int:
    return most_input_tokens(request.system, request.messages) + request.max_tokens
