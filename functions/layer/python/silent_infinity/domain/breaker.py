"""The circuit breaker of a model as arithmetic, for every store that keeps its state.

Closed: calls go through and failures are counted. Open: nobody calls. Half open: one call, the probe,
decides. The pattern: https://martinfowler.com/bliki/CircuitBreaker.html. Counted are failures less successes,
so that a provider that fails one call in a hundred stays in use however many calls there are.
"""

from dataclasses import dataclass, replace
from enum import Enum


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """`failures` within `window_ms` open it for `open_ms`; a probe has `probe_ms` to tell how it ended.

    A process trusts what it last read for `seen_ms`. A call that had less than `fair_ms` and ran out of time
    says nothing of the model.
    """

    failures: int
    window_ms: int
    open_ms: int
    probe_ms: int
    seen_ms: int
    fair_ms: int


class Passage(Enum):
    """What a caller may do."""

    FREE = "free"
    PROBE = "probe"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What is known of one model at one provider. Times are epoch milliseconds; 0 means never.

    `open_until_ms` is 0 while it is closed. `probe_until_ms` is how long a probe may still be under way.
    `version` counts the changes, so that of two that start from the same state one is refused.
    """

    failures: int = 0
    window_start_ms: int = 0
    open_until_ms: int = 0
    probe_until_ms: int = 0
    version: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether calls go through."""
        return self.open_until_ms == 0

    def passage(self, now_ms: int) -> Passage:
        """Return what a caller may do now. Whoever gets PROBE has to claim it with `probing`."""
        if self.is_closed:
            return Passage.FREE
        if now_ms < self.open_until_ms or now_ms < self.probe_until_ms:
            return Passage.REFUSED
        return Passage.PROBE

    def probing(self, rules: BreakerRules, now_ms: int) -> "BreakerState":
        """Return the state while a probe is under way. A probe that dies makes room when its time is over."""
        return self._changed(probe_until_ms=now_ms + rules.probe_ms)

    def failed(self, rules: BreakerRules, now_ms: int) -> "BreakerState":
        """Return the state after a failure of a call that went through free."""
        if not self.is_closed:
            return self  # the call began before it opened; what it tells is known by now
        within = now_ms - self.window_start_ms < rules.window_ms
        failures = self.failures + 1 if within else 1
        start_ms = self.window_start_ms if within else now_ms
        if failures >= rules.failures:
            return self._opened(rules, now_ms)
        return self._changed(failures=failures, window_start_ms=start_ms)

    def succeeded(self) -> "BreakerState":
        """Return the state after a success of a call that went through free: it takes one failure back."""
        if not self.is_closed or not self.failures:
            return self
        return self._changed(failures=self.failures - 1)

    def probe_failed(self, rules: BreakerRules, now_ms: int) -> "BreakerState":
        """Return the state after a probe that failed: open again."""
        return self if self.is_closed else self._opened(rules, now_ms)

    def probe_succeeded(self) -> "BreakerState":
        """Return the state after a probe that succeeded: closed, with nothing counted."""
        return self if self.is_closed else BreakerState(version=self.version + 1)

    def probe_released(self) -> "BreakerState":
        """Return the state after a probe that told nothing, such as one that a budget refused."""
        return self._changed(probe_until_ms=0) if self.probe_until_ms else self

    def _opened(self, rules: BreakerRules, now_ms: int) -> "BreakerState":
        return BreakerState(open_until_ms=now_ms + rules.open_ms, version=self.version + 1)

    def _changed(self, **fields: int) -> "BreakerState":
        return replace(self, version=self.version + 1, **fields)
