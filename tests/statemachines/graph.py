"""A state machine as a graph, and what is proved of it by following every path, loops and errors included.

A Parallel state runs all its branches, so its branches are put one after the other: whatever holds on every
path then holds however they interleave. A proof gives a list of complaints, each with a path that shows it;
no complaint means that no path, of whatever length, breaks the rule.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from tests.statemachines.expressions import variables_read

State = dict[str, Any]


class Edge(NamedTuple):
    """A step that an execution can take. ``assign`` is what it assigns on the way."""

    source: str
    target: str
    kind: str  # next, choice, default, catch, branch, join
    condition: str = ""
    assign: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Graph:
    """All states by name, those of branches included, and the edges between them."""

    definition: Mapping[str, Any]

    @property
    def start(self) -> str:
        """Where every execution begins."""
        return str(self.definition["StartAt"])

    @cached_property
    def states(self) -> dict[str, State]:
        """Every state. A Parallel state appears a second time as its joined half, which has its Assign."""
        found: dict[str, State] = {}
        _collect(self.definition, found)
        return found

    @cached_property
    def edges(self) -> dict[str, tuple[Edge, ...]]:
        """What can follow each state; nothing follows one that ends the execution."""
        found: dict[str, list[Edge]] = {name: [] for name in self.states}
        for edge in _edges(self.definition, None):
            found[edge.source].append(edge)
        return {name: tuple(edges) for name, edges in found.items()}

    def ends(self) -> set[str]:
        """The states that end the execution."""
        return {name for name, edges in self.edges.items() if not edges}

    def without(self, unwanted: Callable[[Edge], bool]) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that are left when some are taken away."""
        return {name: tuple(e for e in edges if not unwanted(e)) for name, edges in self.edges.items()}

    def reachable(
        self, start: str, edges: Mapping[str, tuple[Edge, ...]] | None = None
    ) -> dict[str, list[str]]:
        """Every state that can be reached, with a shortest path to it."""
        following = edges or self.edges
        paths = {start: [start]}
        waiting = deque([start])
        while waiting:
            name = waiting.popleft()
            for edge in following[name]:
                if edge.target not in paths:
                    paths[edge.target] = [*paths[name], edge.target]
                    waiting.append(edge.target)
        return paths


def joined(name: str) -> str:
    """The name of a Parallel state's second half: all its branches have ended."""
    return f"{name} (joined)"


def _collect(machine: Mapping[str, Any], found: dict[str, State]) -> None:
    for name, state in machine["States"].items():
        if name in found:
            raise ValueError(f"two states are called {name!r}")
        found[name] = state
        for branch in state.get("Branches", ()):
            _collect(branch, found)
        if state["Type"] == "Parallel":
            found[joined(name)] = {**state, "Type": "Join"}


def _edges(machine: Mapping[str, Any], after: str | None) -> Iterator[Edge]:
    """The edges of a machine or branch; what ends a branch goes on to ``after``."""
    for name, state in machine["States"].items():
        yield from _error_edges(name, state)
        if state["Type"] == "Choice":
            yield from _choice_edges(name, state)
        elif state["Type"] == "Parallel":
            starts = [branch["StartAt"] for branch in state["Branches"]]
            yield Edge(name, starts[0], "branch")
            for branch, following in zip(state["Branches"], [*starts[1:], joined(name)], strict=True):
                yield from _edges(branch, following)
            yield from _following(joined(name), state, after)
        else:
            yield from _following(name, state, after)


def _following(name: str, state: State, after: str | None) -> Iterator[Edge]:
    if "Next" in state:
        yield Edge(name, state["Next"], "next", assign=state.get("Assign", {}))
    elif after is not None:
        yield Edge(name, after, "join", assign=state.get("Assign", {}))


def _choice_edges(name: str, state: State) -> Iterator[Edge]:
    for rule in state["Choices"]:
        condition = rule["Condition"].removeprefix("{%").removesuffix("%}").strip()
        yield Edge(name, rule["Next"], "choice", condition, rule.get("Assign", {}))
    if "Default" in state:
        yield Edge(name, state["Default"], "default", assign=state.get("Assign", {}))


def _error_edges(name: str, state: State) -> Iterator[Edge]:
    for catcher in state.get("Catch", ()):
        yield Edge(
            name, catcher["Next"], "catch", ",".join(catcher["ErrorEquals"]), catcher.get("Assign", {})
        )


# -- Invariant 1: nothing is answered unscreened, no generated text unvalidated

_GENERATED_TEXT = re.compile(r"\$(?:draft|validation)\.text\b")
_SCREEN_PATH = re.compile(r"\$screen\.path = '(\w+)'")
ANY = "any verdict"


@dataclass(frozen=True)
class _Facts:
    """What has happened on the way: who has judged the message, and how far the draft has come."""

    verdict: str = ""  # ANY, or the fixed path that a state puts in the screen's place
    judged: bool = False
    elsewhere: bool = False  # the reply was made, and judged, by an earlier execution
    draft: str = "none"  # none, raw, checked, accepted


def screening_complaints(definition: Mapping[str, Any], *, may_answer_unscreened: set[str]) -> list[str]:
    """Paths that reach the model or an answer before the message is judged, or serve unaccepted text.

    A message is judged by the screen's verdict or by the red flags. ``may_answer_unscreened`` are the states
    that end an execution before there is a turn to screen; each of them must really do so.
    """
    graph = Graph(definition)
    complaints: list[str] = []
    unscreened_ends: set[str] = set()
    seen = {(graph.start, _Facts())}
    waiting: deque[tuple[str, _Facts, list[str]]] = deque([(graph.start, _Facts(), [graph.start])])
    while waiting:
        name, facts, path = waiting.popleft()
        state = graph.states[name]
        judged = facts.judged or facts.elsewhere
        if _function(state) == "${GenerateFunctionArn}" and not facts.judged:
            complaints.append(f"a model is reached unscreened: {' > '.join(path)}")
        if "served" in state.get("Assign", {}):
            if not facts.judged:
                complaints.append(f"a reply is chosen unscreened: {' > '.join(path)}")
            if _GENERATED_TEXT.search(str(state["Assign"])) and facts.draft != "accepted":
                complaints.append(f"a {facts.draft} draft is served: {' > '.join(path)}")
        if not graph.edges[name] and not judged:
            unscreened_ends.add(name)
            if name not in may_answer_unscreened:
                complaints.append(f"an answer is given unscreened: {' > '.join(path)}")
        for edge in graph.edges[name]:
            if not _possible(edge, facts):
                continue
            following = (edge.target, _after(edge, state, facts, graph.states[edge.target]))
            if following not in seen:
                seen.add(following)
                waiting.append((*following, [*path, edge.target]))
    complaints += [f"{name} is not reached" for name in sorted(may_answer_unscreened - unscreened_ends)]
    return complaints


def _possible(edge: Edge, facts: _Facts) -> bool:
    wanted = _SCREEN_PATH.fullmatch(edge.condition)
    return wanted is None or facts.verdict in ("", ANY, wanted[1])


def _after(edge: Edge, state: State, facts: _Facts, following: State) -> _Facts:
    function = _function(state)
    if function == "${CrisisScreenFunctionArn}":
        if edge.kind == "catch":
            output = following.get("Output")
            facts = replace(facts, verdict=output.get("path", "") if isinstance(output, Mapping) else "")
        else:
            facts = replace(facts, verdict=ANY, judged=True)
    if "${RedFlagPattern}" in str(state.get("Assign", "")):
        facts = replace(facts, judged=True)
    if edge.condition == "$states.input.outcome = 'unrecorded'":
        facts = replace(facts, elsewhere=True)
    if function == "${GenerateFunctionArn}" and edge.kind != "catch":
        facts = replace(facts, draft="raw")
    if function == "${ValidateFunctionArn}" and edge.kind != "catch" and facts.draft == "raw":
        facts = replace(facts, draft="checked")
    if edge.condition == "$validation.acceptable" and facts.draft == "checked":
        facts = replace(facts, draft="accepted")
    return facts


def _function(state: State) -> str:
    return str(state.get("Arguments", {}).get("FunctionName", "")) if state["Type"] == "Task" else ""


# -- Invariant 2, its structural half: nothing interferes with a crisis

_INTERFERING = re.compile(
    r"[$.]turn\.(?:limited|limit|blocked|block|variants|client_variants)\b"
    r"|\$intent\.(?:path|reply)\b|rate-limited"
)


def interference_complaints(definition: Mapping[str, Any]) -> list[str]:
    """Paths on which a limit, refusal, clarification, template or experiment meets an unclear message.

    Such states are known by what they read, what the clear edge itself assigns apart. They may lie behind the
    one edge that asks for a clear verdict and nowhere else, and no message that took another edge may come
    back to the question.
    """
    graph = Graph(definition)
    asking = [e for edges in graph.edges.values() for e in edges if e.condition == "$screen.path = 'clear'"]
    if len(asking) != 1:
        return [f"{len(asking)} edges ask for a clear verdict, not one"]
    clear = asking[0]
    others = graph.without(lambda edge: edge == clear)
    complaints = [
        f"{name} can touch a crisis: {' > '.join(path)}"
        for name, path in graph.reachable(graph.start, others).items()
        if _INTERFERING.search(_read_text(graph.states[name], apart=clear))
    ]
    for edge in others[clear.source]:
        back = graph.reachable(edge.target, others)
        if clear.source in back:
            complaints.append(f"a crisis is asked again: {' > '.join(back[clear.source])}")
    for name in graph.reachable(clear.source, others):
        served = graph.states[name].get("Assign", {}).get("served")
        if served and served["resources"] not in ("{% $screen.resources %}", "{% $help.resources %}"):
            complaints.append(f"{name} serves a crisis without help lines")
    return complaints


def _read_text(state: State, *, apart: Edge) -> str:
    """What a state itself does, but for one of its edges and the branches, which are states of their own."""
    own = {key: value for key, value in state.items() if key not in ("Branches", "Comment")}
    if "Choices" in own:
        own["Choices"] = [rule for rule in own["Choices"] if rule.get("Assign") is not apart.assign]
    return str(own)


# -- Every variable has a value wherever it is read


def unset_variable_complaints(definition: Mapping[str, Any]) -> list[str]:
    """Variables that some path reads before it has set them; Step Functions fails such an execution."""
    graph = Graph(definition)
    known: dict[str, frozenset[str]] = {graph.start: frozenset()}
    waiting = deque([graph.start])
    while waiting:
        name = waiting.popleft()
        for edge in graph.edges[name]:
            after = known[name] | set(edge.assign)
            before = known.get(edge.target)
            # What is known is what every way here has set.
            if before is None or not before <= after:
                known[edge.target] = after if before is None else before & after
                waiting.append(edge.target)
    complaints = []
    for name, variables in known.items():
        state = graph.states[name]
        if state["Type"] == "Parallel":
            continue
        own = {key: value for key, value in state.items() if key != "Branches"}
        missing = variables_read(own) - variables
        complaints += [f"{name} reads ${variable}, which is not always set" for variable in sorted(missing)]
    return complaints
