"""A circuit breaker for each model at each provider: nobody waits for what has just failed for others."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from silent_infinity.adapters.llm.deadline import NO_TIME
from silent_infinity.adapters.llm.measured import Measured, logger
from silent_infinity.adapters.llm.shared import Shared
from silent_infinity.domain.breaker import BreakerRules, BreakerState, Passage
from silent_infinity.domain.turn_classes import SHARED, turn_classes
from silent_infinity.ports.breakers import BreakerStore
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.llm import (
    LanguageModel,
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
    TransientModelError,
)

OPEN = "breaker:open"
_ATTEMPTS = 4
"""How often a change is tried that met another one. A count that is lost then is one of many."""

_UNCHANGED = BreakerState()

Transition = Callable[[BreakerState], BreakerState]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A state as this process knows it, and when it was read from the shared store (epoch milliseconds)."""

    state: BreakerState = _UNCHANGED
    at_ms: int = -(10**15)


class Breakers:
    """The breakers of all models, as this process sees them.

    The state is read from the shared store at most every `seen_ms`, and changed there with every failure, but
    with a success only when failures are counted. Without a store, or while it is down, the process goes by
    what it has met itself.
    """

    def __init__(
        self, store: Shared[BreakerStore], rules: BreakerRules, clock: Clock, measured: Measured
    ) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._measured = measured
        self._seen: dict[str, _Seen] = {}
        self._lock = threading.Lock()

    @property
    def rules(self) -> BreakerRules:
        """When it opens, and for how long."""
        return self._rules

    def enter(self, key: str, *, shared: bool) -> Passage:
        """Return what a call may do. Who gets PROBE has claimed it, and has to tell how it ended."""
        now_ms = self._now_ms()
        passage = self._view(key, shared=shared).passage(now_ms)
        if passage is not Passage.PROBE:
            return passage
        claimed = False

        def claim(state: BreakerState) -> BreakerState:
            nonlocal claimed
            claimed = state.passage(now_ms) is Passage.PROBE
            return state.probing(self._rules, now_ms) if claimed else state

        state = self._change(key, claim, shared=shared)
        if state is None:
            return Passage.REFUSED
        return Passage.PROBE if claimed else state.passage(now_ms)

    def failed(self, key: str, *, probe: bool, shared: bool) -> None:
        """A call has failed in a way that may pass."""
        now_ms = self._now_ms()
        self._change(
            key,
            lambda state: (state.probe_failed if probe else state.failed)(self._rules, now_ms),
            shared=shared,
        )

    def succeeded(self, key: str, *, probe: bool, shared: bool) -> None:
        """A call has succeeded."""
        if probe:
            self._change(key, BreakerState.probe_succeeded, shared=shared)
        elif self._known(key).state.failures:
            self._change(key, BreakerState.succeeded, shared=shared)

    def released(self, key: str, *, probe: bool, shared: bool) -> None:
        """A call has ended in a way that tells nothing of the model."""
        if probe:
            self._change(key, BreakerState.probe_released, shared=shared)

    def _now_ms(self) -> int:
        return unix_ms(self._clock.now())

    def _known(self, key: str) -> _Seen:
        return self._seen.get(key, _Seen())

    def _view(self, key: str, *, shared: bool) -> BreakerState:
        seen = self._known(key)
        if shared and self._store.present and self._now_ms() - seen.at_ms >= self._rules.seen_ms:
            try:
                return self._read(key)
            except StoreUnavailableError:
                pass
        return seen.state

    def _read(self, key: str) -> BreakerState:
        state = self._store.ask(lambda store: store.read(key))
        self._seen[key] = _Seen(state, self._now_ms())
        return state

    def _change(self, key: str, transition: Transition, *, shared: bool) -> BreakerState | None:
        """Change a state; return it as it is then, or None if others changed it all the time."""
        if shared and self._store.present:
            try:
                return self._change_shared(key, transition)
            except StoreUnavailableError:
                pass
        with self._lock:
            old = self._known(key)
            new = transition(old.state)
            self._seen[key] = _Seen(new, old.at_ms)
        self._tell(key, old.state, new)
        return new

    def _change_shared(self, key: str, transition: Transition) -> BreakerState | None:
        for _ in range(_ATTEMPTS):
            old = self._read(key)
            new = transition(old)
            if new == old:
                return old
            if self._store.ask(lambda store, old=old, new=new: store.replace(key, old, new, self._now_ms())):  # type: ignore[misc]  # defaults bind the loop's values
                self._seen[key] = _Seen(new, self._now_ms())
                self._tell(key, old, new)
                return new
        return None

    def _tell(self, key: str, old: BreakerState, new: BreakerState) -> None:
        if new.is_closed and not old.is_closed:
            logger.warning("breaker closed: %s", key)
            self._measured.count("BreakerClosed")
            self._measured.count("BreakerClosed", model=key)
        elif not new.is_closed and old.is_closed:
            logger.warning("breaker opened: %s", key)
            self._measured.count("BreakerOpened")
            self._measured.count("BreakerOpened", model=key)


class BreakerModel:
    """Refuses at once with `breaker:open` while the model's breaker is open, so that the next one is asked.

    Time-outs and other transient failures count; what the provider or one of the inner wrappers refuses does
    not, nor does a time-out of a call that had hardly any time.
    """

    def __init__(
        self, inner: LanguageModel, breakers: Breakers, clock: Clock, provider: str, server_model: str = ""
    ) -> None:
        self._inner = inner
        self._breakers = breakers
        self._clock = clock
        self._provider = provider
        self._server_model = server_model

    def complete(self, request: ModelRequest) -> ModelReply:
        key = f"{self._provider}/{self._server_model or request.model_id}"
        shared = turn_classes()[request.turn_class].breaker == SHARED
        passage = self._breakers.enter(key, shared=shared)
        if passage is Passage.REFUSED:
            raise ModelError(OPEN)
        probe = passage is Passage.PROBE
        had_ms = request.deadline_ms - unix_ms(self._clock.now())
        try:
            reply = self._inner.complete(request)
        except TransientModelError as error:
            if self._says_nothing(error, had_ms):
                self._breakers.released(key, probe=probe, shared=shared)
            else:
                self._breakers.failed(key, probe=probe, shared=shared)
            raise
        except Exception:
            self._breakers.released(key, probe=probe, shared=shared)
            raise
        self._breakers.succeeded(key, probe=probe, shared=shared)
        return reply

    def _says_nothing(self, error: TransientModelError, had_ms: int) -> bool:
        hurried = isinstance(error, ModelTimeoutError) and had_ms < self._breakers.rules.fair_ms
        return hurried or str(error) == NO_TIME
