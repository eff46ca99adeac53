"""How late an execution can end: every path, every retry, with the time-outs that the definition computes.

The search walks the graph in steps of time. A task may take any time up to its worst: every attempt lasts its
whole time-out, and every delay between attempts its whole interval (full jitter is at most that). JSONata
time-outs and conditions are evaluated for the moment that has come; within a step of time the longer time-out
counts and every outcome of a condition is possible. Each state costs a little by itself.

The moments at which a state can be entered are the bits of an integer: bit 50 is the step that begins at 1 s.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.statemachines.expressions import evaluate, expressions_of
from tests.statemachines.graph import Graph, joined

STEP = 0.02
"""Seconds in a step of time; also what each state costs: its end is rounded up to the next step."""

STEPS_BETWEEN_EVALUATIONS = 5
"""An expression that reads the clock is evaluated ten times a second."""

HORIZON = 32.0
"""An execution that can last until then counts as one that never ends: the machine has ended it by itself."""

_START_MS = 1_800_000_000_000
_LAST = round(HORIZON / STEP)
_TRACKED = ("attempt", "seconds")

Moments = int
Variables = tuple[int, int]  # attempt, seconds


@dataclass(frozen=True)
class Bound:
    """The latest moment, in seconds after the start, and a path that ends then."""

    seconds: float
    path: tuple[str, ...]


@dataclass(frozen=True)
class _Key:
    state: str
    variables: Variables


class _EndlessError(Exception):
    """The search came to the horizon."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(path)
        self.path = path


def latest_end(definition: Mapping[str, Any]) -> Bound:
    """The latest moment at which an execution can end by itself."""
    return max(latest_ends(definition).values(), key=lambda bound: bound.seconds)


def latest_ends(definition: Mapping[str, Any]) -> dict[str, Bound]:
    """For each state that ends the execution, the latest moment of its end."""
    graph = Graph(definition)
    search = _Search(graph, _CLOCK)
    try:
        search.enter(_Key(graph.start, (0, 0)), 1, None)
        search.run()
    except _EndlessError as endless:
        return {endless.path[-1]: Bound(HORIZON, endless.path)}
    bounds: dict[str, Bound] = {}
    for key, moments in search.reached.items():
        if not graph.edges[key.state]:
            bound = Bound(moments.bit_length() * STEP, search.path(key))
            if key.state not in bounds or bounds[key.state].seconds < bound.seconds:
                bounds[key.state] = bound
    return bounds


def retry_delays(retrier: Mapping[str, Any]) -> list[float]:
    """The longest delays before the second, third… attempt; the defaults are those of the States Language."""
    interval, rate = retrier.get("IntervalSeconds", 1), retrier.get("BackoffRate", 2.0)
    longest = retrier.get("MaxDelaySeconds", math.inf)
    return [min(longest, interval * rate**n) for n in range(retrier.get("MaxAttempts", 3))]


class _Clock:
    """Evaluates what depends on the time, once for each moment that is looked at."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, Variables], Any] = {}

    def values(self, template: Any, window: int, variables: Variables) -> set[Any]:
        """The values that a template has at the beginning and at the end of a window of steps."""
        found = list(expressions_of(template))
        if not found:
            return {template}
        moments = (window, window + 1) if "$millis" in found[0] else (0,)
        return {self._value(found[0], moment, variables) for moment in moments}

    def _value(self, expression: str, moment: int, variables: Variables) -> Any:
        key = (expression, moment, variables)
        if key not in self._known:
            named = {"started_ms": _START_MS, **dict(zip(_TRACKED, variables, strict=True))}
            now = _START_MS + round(moment * STEPS_BETWEEN_EVALUATIONS * STEP * 1000)
            self._known[key] = evaluate(expression, named, now_ms=now)
        return self._known[key]


_CLOCK = _Clock()
"""One for all definitions: most of their expressions are the same."""


class _Search:
    def __init__(self, graph: Graph, clock: _Clock) -> None:
        self.graph = graph
        self.reached: dict[_Key, Moments] = {}
        self._clock = clock
        self._new: dict[_Key, Moments] = {}
        self._waiting: deque[_Key] = deque()
        self._before: dict[_Key, _Key | None] = {}

    def enter(self, key: _Key, moments: Moments, before: _Key | None) -> None:
        """Come to a state at these moments."""
        known = self.reached.get(key, 0)
        new = moments & ~known
        if not new:
            return
        if new.bit_length() > known.bit_length():
            self._before[key] = before
            if new.bit_length() > _LAST:
                raise _EndlessError(self.path(key))
        self.reached[key] = known | new
        if key not in self._new:
            self._waiting.append(key)
        self._new[key] = self._new.get(key, 0) | new

    def run(self) -> None:
        """Follow everything until nothing new is reached."""
        while self._waiting:
            key = self._waiting.popleft()
            moments = self._new.pop(key)
            state = self.graph.states[key.state]
            if state["Type"] == "Choice":
                self._choose(key, moments)
            elif state["Type"] == "Parallel":
                self._run_branches(key, state, moments)
            else:
                after = self._after(key, state, moments)
                for edge in self.graph.edges[key.state]:
                    self._follow(key, edge.target, edge.assign, after)

    def path(self, key: _Key) -> tuple[str, ...]:
        """A way on which the state is entered late; at most a hundred states of it."""
        names: list[str] = []
        at: _Key | None = key
        while at is not None and len(names) < 100:
            names.append(at.state)
            at = self._before[at]
        return tuple(reversed(names))

    def _follow(self, key: _Key, target: str, assign: Mapping[str, Any], moments: Moments) -> None:
        """Go on to a state; the variables that matter here get their values for the moment."""
        templates = [assign.get(name, old) for name, old in zip(_TRACKED, key.variables, strict=True)]
        if not set(_TRACKED) & set(assign):
            self.enter(_Key(target, key.variables), moments, key)
            return
        for window, own in _windows(moments):
            attempts, seconds = (self._clock.values(each, window, key.variables) for each in templates)
            for attempt in attempts:
                for second in seconds:
                    self.enter(_Key(target, (int(attempt), int(second))), own, key)

    def _choose(self, key: _Key, moments: Moments) -> None:
        left = moments << 1
        for edge in self.graph.edges[key.state]:
            if "$millis" not in edge.condition:
                self.enter(_Key(edge.target, key.variables), left, key)
                continue
            remaining = 0
            for window, own in _windows(left):
                outcomes = self._clock.values(f"{{% {edge.condition} %}}", window, key.variables)
                if True in outcomes:
                    self.enter(_Key(edge.target, key.variables), own, key)
                if False in outcomes:
                    remaining |= own
            left = remaining

    def _run_branches(self, key: _Key, state: Mapping[str, Any], moments: Moments) -> None:
        """All branches begin together; the join can be at any time until the last of them ends."""
        latest = moments.bit_length()
        for branch in state["Branches"]:
            inner = _Search(Graph(branch), self._clock)
            inner.enter(_Key(branch["StartAt"], key.variables), moments, None)
            inner.run()
            latest = max(
                latest, *(m.bit_length() for k, m in inner.reached.items() if not inner.graph.edges[k.state])
            )
        first = (moments & -moments).bit_length() - 1
        after = _smeared(1 << first, latest + 1 - first)
        for edge in self.graph.edges[key.state]:
            if edge.kind == "catch":
                self._follow(key, edge.target, edge.assign, after)
        self.enter(_Key(joined(key.state), key.variables), after, key)

    def _after(self, key: _Key, state: Mapping[str, Any], moments: Moments) -> Moments:
        """The moments at which the state can have ended."""
        if state["Type"] == "Wait":
            return moments << math.ceil(float(state["Seconds"]) / STEP) + 1
        if state["Type"] != "Task":
            return moments << 1
        delays = [delay for retrier in state.get("Retry", ()) for delay in retry_delays(retrier)]
        after = 0
        for window, own in _windows(moments):
            timeout = max(self._clock.values(state.get("TimeoutSeconds", HORIZON), window, key.variables))
            longest = timeout * (len(delays) + 1) + sum(delays)
            after |= _smeared(own << 1, math.ceil(longest / STEP))
        return after


def _windows(moments: Moments) -> Iterator[tuple[int, Moments]]:
    """The moments in groups between two evaluations, with the number of the group."""
    window, width = 0, (1 << STEPS_BETWEEN_EVALUATIONS) - 1
    while moments >> (window * STEPS_BETWEEN_EVALUATIONS):
        own = moments & (width << (window * STEPS_BETWEEN_EVALUATIONS))
        if own:
            yield window, own
        window += 1


def _smeared(moments: Moments, steps: int) -> Moments:
    """The moments, and all that follow each of them by up to so many steps."""
    done = 0
    while done < steps:
        more = min(done + 1, steps - done)
        moments |= moments << more
        done += more
    return moments
