"""The picture of the turn: ``python -m local.diagram`` draws it from the state machine's file.

States, questions, edges, labels, status codes and the services behind a task all come from
``statemachines/turn.asl.json``. What a machine cannot know is here: where a state stands and which of the
colours it has. A state without a place, or an edge that is neither straight nor has a route, is an error, so
that the picture cannot leave anything out.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DEFINITION = ROOT / "statemachines" / "turn.asl.json"
PICTURE = ROOT / "docs" / "turn-workflow.svg"

WIDTH, HEIGHT = 1240, 984
LEFT, TOP = 98, 74
COLUMN, ROW = 206, 63
NODE_WIDTH, NODE_HEIGHT = 148, 44
POINT = 13


class Place(NamedTuple):
    """Where a state stands on the grid, and what it belongs to."""

    column: float
    row: float
    kind: str


class Route(NamedTuple):
    """How an edge runs: the side it leaves by, the lines that it follows, the side it enters by.

    Sides are ``T``, ``B``, ``L`` and ``R`` with an offset along the side in pixels: ``T-20``. Lines are those
    of the grid: ``x2.5``, ``y4.5-6``. ``label`` is where the label stands if it does not fit beside the
    beginning: ``x1.5 y4.8 middle``.
    """

    start: str
    lines: str
    end: str
    label: str = ""


@dataclass(frozen=True)
class Style:
    """The colours of one kind of state, and what the legend says of it."""

    fill: str
    line: str
    text: str
    meaning: str


STYLES = {
    "plain": Style("#f4f6f8", "#66788a", "#22303c", "what every turn does"),
    "safety": Style("#fdeaea", "#c0392b", "#7b1e15", "safety path"),
    "model": Style("#e6f0fb", "#2b6cb0", "#1a4070", "model path"),
    "answer": Style("#e6f5ea", "#2f855a", "#1c4f36", "answers"),
    "failure": Style("#fff4dd", "#b7791f", "#6b4510", "when something is down"),
}

PLACES = {
    "Remember the request": Place(3, 0, "plain"),
    "Capture the message": Place(3, 1, "plain"),
    "What did capture decide?": Place(3, 2, "plain"),
    "Pass on what capture answered": Place(2, 1, "answer"),
    "Wait a second": Place(2, 2, "plain"),
    "Look for the first attempt's reply": Place(1, 2, "plain"),
    "Has the first attempt replied?": Place(0, 2, "plain"),
    "Give the first attempt's reply": Place(0, 1, "answer"),
    "Is there still time?": Place(1, 3, "plain"),
    "Say that it is still in progress": Place(0, 3, "answer"),
    "Is there a message to answer?": Place(4, 1, "failure"),
    "Refuse what is not a message": Place(5, 1, "answer"),
    "Go on without a record": Place(4, 2, "failure"),
    "Screen for crisis": Place(3, 3.3, "safety"),
    "Detect intent": Place(4, 3.3, "model"),
    "Leave it to the red flags": Place(3, 4.15, "failure"),
    "Mirror what was said": Place(4, 4.15, "failure"),
    "Which path?": Place(3, 5.3, "safety"),
    "Look for red flags": Place(2, 5.3, "failure"),
    "Is it a red flag?": Place(2, 6.3, "failure"),
    "Take it as a crisis": Place(1, 6.3, "safety"),
    "Plan a reply without a model": Place(2, 8.3, "failure"),
    "Plan a crisis reply": Place(3, 8.3, "safety"),
    "Is the person over a limit?": Place(4, 5.3, "plain"),
    "Ask to wait": Place(5, 5.3, "answer"),
    "Is the message blocked?": Place(4, 6.3, "plain"),
    "Refuse kindly": Place(5, 6.3, "answer"),
    "What kind of reply fits?": Place(4, 7.3, "plain"),
    "Ask what is meant": Place(5, 7.3, "answer"),
    "Answer from a template": Place(5, 8.3, "answer"),
    "Plan a reply": Place(4, 8.3, "model"),
    "Begin an attempt": Place(2, 9.3, "model"),
    "Generate a reply": Place(3, 9.3, "model"),
    "Is there a draft?": Place(4, 9.3, "model"),
    "Validate the reply": Place(5, 9.3, "model"),
    "Is it good enough?": Place(5, 10.3, "model"),
    "Is there time to try again?": Place(3, 10.3, "model"),
    "What can be served instead?": Place(3, 11.3, "failure"),
    "Serve the vetted reply": Place(1, 12.3, "safety"),
    "Serve the reserve": Place(2, 12.3, "answer"),
    "Serve the fixed fallback": Place(3, 12.3, "answer"),
    "Serve the generated reply": Place(5, 12.3, "answer"),
    "Compose the answer": Place(2, 13.5, "plain"),
    "Record the turn": Place(3, 13.5, "plain"),
    "Keep the record for later": Place(4, 13.5, "failure"),
    "Respond": Place(5, 13.5, "answer"),
}

ROUTES = {
    ("What did capture decide?", "Pass on what capture answered"): Route(
        "T-48", "y1.5 x2.5", "R", "x2.5-4 y1.5+8 end"
    ),
    ("What did capture decide?", "Record the turn"): Route(
        "R+10", "x3.5 y2.56 x5.46 y14.1", "B-14", "x4.5+4 y2.56-4 start"
    ),
    ("Look for the first attempt's reply", "Is there still time?"): Route("B", "", "T"),
    ("Has the first attempt replied?", "Is there still time?"): Route(
        "B+52", "y2.5", "T-40", "x0.5 y2.5+12 middle"
    ),
    ("Is there still time?", "Wait a second"): Route("R", "x2", "B"),
    ("Understand the message", "Look for red flags"): Route("L", "x2", "T"),
    ("Which path?", "Serve the vetted reply"): Route("T-48", "y4.84 x0.52", "L", "x1.25 y4.84-4 middle"),
    ("Is it a red flag?", "Plan a reply without a model"): Route("B", "", "T"),
    ("What kind of reply fits?", "Answer from a template"): Route("R+10", "x4.5", "L", "x4.5+5 y7.8+4 start"),
    ("Plan a reply without a model", "Begin an attempt"): Route("B", "", "T"),
    ("Plan a crisis reply", "Begin an attempt"): Route("B", "y8.8", "T"),
    ("Plan a reply", "Begin an attempt"): Route("B", "y8.8", "T"),
    ("Is there time to try again?", "Begin an attempt"): Route("L", "x2", "B"),
    ("Is there a draft?", "What can be served instead?"): Route("B", "y11.3", "R"),
    ("Validate the reply", "What can be served instead?"): Route("B-48", "y9.8 x4.52 y11.3", "R"),
    ("Is it good enough?", "Serve the generated reply"): Route("B", "", "T"),
    ("What can be served instead?", "Serve the vetted reply"): Route("L-10", "x1", "T"),
    ("What can be served instead?", "Serve the reserve"): Route("L+10", "x2", "T", "x2.64-5 y11.3+21 end"),
    ("Refuse kindly", "Compose the answer"): Route("R", "x5.42 y12.9", "T"),
    ("Ask what is meant", "Compose the answer"): Route("R", "x5.42 y12.9", "T"),
    ("Answer from a template", "Compose the answer"): Route("R", "x5.42 y12.9", "T"),
    ("Serve the vetted reply", "Compose the answer"): Route("B", "y12.9", "T"),
    ("Serve the fixed fallback", "Compose the answer"): Route("B", "y12.9", "T"),
    ("Serve the generated reply", "Compose the answer"): Route("B", "y12.9", "T"),
    ("Record the turn", "Respond"): Route("B+14", "y13.98", "B"),
}

SERVICES = {
    "lambda:invoke": "Lambda",
    "dynamodb:getItem": "DynamoDB",
    "sqs:sendMessage": "SQS",
}


class IncompletePictureError(Exception):
    """The state machine has something that the picture has no place for."""


@dataclass(frozen=True)
class Edge:
    """An arrow of the picture; several conditions with one target are one arrow."""

    source: str
    target: str
    labels: tuple[str, ...] = ()
    on_failure: bool = False


@dataclass(frozen=True)
class Workflow:
    """The states of a definition by name, branches included, and the arrows between them."""

    states: Mapping[str, Mapping[str, Any]]
    edges: tuple[Edge, ...]
    start: str
    parallels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def main() -> int:
    """Write the picture."""
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(json.loads(DEFINITION.read_text(encoding="utf-8"))), encoding="utf-8")
    print(f"Drew {PICTURE.relative_to(ROOT)}.")
    return 0


def draw(definition: Mapping[str, Any]) -> str:
    """The picture of a definition as an SVG document.

    Raises:
        IncompletePictureError: a state has no place, a place has no state, or an edge has no way.
    """
    workflow = read(definition)
    drawn = {name for name in workflow.states if name not in workflow.parallels}
    if drawn != set(PLACES):
        odd = sorted(drawn ^ set(PLACES))
        raise IncompletePictureError(
            f"states and places differ in {', '.join(odd)}: see PLACES in {__file__}"
        )
    parts = [
        _head(definition),
        *_containers(workflow),
        *(_arrow(workflow, edge) for edge in workflow.edges),
        *(_node(workflow, name) for name in workflow.states if name in PLACES),
        *(_label(workflow, edge) for edge in workflow.edges if edge.labels),
        _beginning(workflow.start),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


# -- What the file says


def read(definition: Mapping[str, Any]) -> Workflow:
    """The states and arrows of a definition."""
    states: dict[str, Mapping[str, Any]] = {}
    parallels: dict[str, tuple[str, ...]] = {}
    edges: list[Edge] = []
    for name, state in definition["States"].items():
        states[name] = state
        for branch in state.get("Branches", ()):
            inner = read(branch)
            states.update(inner.states)
            edges += inner.edges
            parallels[name] = (*parallels.get(name, ()), *inner.states)
        edges += _merged(_edges(name, state))
    return Workflow(states, tuple(edges), definition["StartAt"], parallels)


def _edges(name: str, state: Mapping[str, Any]) -> Iterator[Edge]:
    rules = state.get("Choices", ())
    yes_or_no = len({rule["Next"] for rule in rules}) == 1
    for rule in rules:
        yield Edge(name, rule["Next"], ("yes" if yes_or_no else _told(rule["Condition"]),))
    if "Default" in state:
        yield Edge(name, state["Default"], ("no" if yes_or_no else "otherwise",))
    if "Next" in state:
        yield Edge(name, state["Next"])
    for catcher in state.get("Catch", ()):
        yield Edge(name, catcher["Next"], on_failure=True)


def _told(condition: str) -> str:
    """The word that a condition turns on: what is compared with, or what is asked to be there."""
    for pattern in (r"= '(\w+)'", r"\$exists\(\$states\.input\.(\w+)", r"\.(\w+) != ''"):
        found = re.search(pattern, condition)
        if found:
            return found[1].replace("_", " ")
    raise IncompletePictureError(f"there is no word for {condition!r}: see _told in {__file__}")


def _merged(edges: Iterator[Edge]) -> list[Edge]:
    found: dict[tuple[str, str, bool], Edge] = {}
    for edge in edges:
        key = (edge.source, edge.target, edge.on_failure)
        before = found[key].labels if key in found else ()
        labels = tuple(dict.fromkeys((*before, *edge.labels)))
        found[key] = Edge(edge.source, edge.target, labels, edge.on_failure)
    return [
        edge
        for edge in found.values()
        # A failure that goes where success goes needs no arrow of its own.
        if not (edge.on_failure and (edge.source, edge.target, False) in found)
    ]


def _note(state: Mapping[str, Any]) -> str:
    """The small second line: the service behind a task, or the status code of an answer."""
    if state["Type"] == "Task":
        service = SERVICES[state["Resource"].removeprefix("arn:aws:states:::")]
        function = re.search(r"\$\{(\w+)FunctionArn\}", json.dumps(state["Arguments"]))
        return f"{service} · {_spaced(function[1])}" if function else service
    status = state.get("Output", {}).get("status_code") if isinstance(state.get("Output"), dict) else None
    return f"HTTP {status}" if status else ""


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


# -- Where things are


class Box(NamedTuple):
    """A shape by its centre. ``point`` is how far the sides of a question run to a point."""

    x: float
    y: float
    width: float
    height: float
    point: float = 0

    def side(self, spec: str) -> tuple[float, float]:
        """A point on one of its sides: ``T``, ``B``, ``L`` or ``R`` with an offset."""
        name, offset = spec[0], float(spec[1:] or 0)
        if name in "TB":
            return self.x + offset, self.y + (self.height / 2 if name == "B" else -self.height / 2)
        reach = self.width / 2 - self.point * abs(offset) / (self.height / 2)
        return self.x + (reach if name == "R" else -reach), self.y + offset


def _x(column: float) -> float:
    return LEFT + column * COLUMN


def _y(row: float) -> float:
    return TOP + row * ROW


def _at(line: str) -> float:
    """The coordinate of a line of the grid, such as ``x2.5`` or ``y4.5-6``."""
    found = re.fullmatch(r"([xy])([\d.]+)([+-]\d+)?", line)
    if found is None:
        raise IncompletePictureError(f"{line!r} is no line of the grid")
    return (_x if found[1] == "x" else _y)(float(found[2])) + float(found[3] or 0)


def _box(workflow: Workflow, name: str) -> Box:
    if name in PLACES:
        place = PLACES[name]
        point = POINT if workflow.states[name]["Type"] == "Choice" else 0
        return Box(_x(place.column), _y(place.row), NODE_WIDTH, NODE_HEIGHT, point)
    boxes = [_box(workflow, inner) for inner in workflow.parallels[name]]
    left, right = min(b.x for b in boxes) - NODE_WIDTH / 2, max(b.x for b in boxes) + NODE_WIDTH / 2
    top, bottom = min(b.y for b in boxes) - NODE_HEIGHT / 2, max(b.y for b in boxes) + NODE_HEIGHT / 2
    left, right, top, bottom = left - 14, right + 14, top - 24, bottom + 10
    return Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def _points(workflow: Workflow, edge: Edge) -> list[tuple[float, float]]:
    """The corners of an arrow, both ends included."""
    source, target = _box(workflow, edge.source), _box(workflow, edge.target)
    route = ROUTES.get((edge.source, edge.target)) or _straight(edge, source, target)
    points = [source.side(route.start)]
    for line in route.lines.split():
        x, y = points[-1]
        points.append((_at(line), y) if line.startswith("x") else (x, _at(line)))
    end = target.side(route.end)
    x, y = points[-1]
    if route.end[0] in "TB" and x != end[0]:
        points.append((end[0], y))
    elif route.end[0] in "LR" and y != end[1]:
        points.append((x, end[1]))
    return [*points, end]


def _straight(edge: Edge, source: Box, target: Box) -> Route:
    """The way between neighbours; into or out of a container, straight up or down from the smaller one."""
    if source.y == target.y:
        return Route("R", "", "L") if source.x < target.x else Route("L", "", "R")
    offset = target.x - source.x
    if source.width != target.width and abs(offset) < max(source.width, target.width) / 2:
        inner = source if source.width < target.width else target
        start, end = inner.x - source.x, inner.x - target.x
        return Route(f"B{start:+}", "", f"T{end:+}")
    if offset == 0:
        return Route("B", "", "T") if source.y < target.y else Route("T", "", "B")
    raise IncompletePictureError(f"there is no route from {edge.source!r} to {edge.target!r}: see ROUTES")


# -- How it looks


def _head(definition: Mapping[str, Any]) -> str:
    markers = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto">'
        f'<path d="M0 0.5 8 4 0 7.5z" fill="{colour}"/></marker>'
        for name, colour in (
            ("go", "#52616f"),
            ("fail", STYLES["failure"].line),
            ("care", STYLES["safety"].line),
        )
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-labelledby="title description" '
        'font-family="-apple-system, Segoe UI, Helvetica, Arial, sans-serif">\n'
        '<title id="title">The turn workflow</title>\n'
        f'<desc id="description">{escape(definition["Comment"])}</desc>\n'
        f"<defs>{markers}</defs>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#ffffff"/>'
    )


def _containers(workflow: Workflow) -> Iterator[str]:
    for name in workflow.parallels:
        box = _box(workflow, name)
        left, top = box.x - box.width / 2, box.y - box.height / 2
        yield (
            f"<g><title>{escape(workflow.states[name].get('Comment', name))}</title>"
            f'<rect x="{left:g}" y="{top:g}" width="{box.width:g}" height="{box.height:g}" rx="10" '
            'fill="#fbfcfd" stroke="#8a99a8" stroke-width="1.2"/>'
            f'<text x="{box.x:g}" y="{top + 15:g}" font-size="11" font-weight="600" fill="#4a5a69" '
            f'text-anchor="middle">{escape(name)}: both at once</text></g>'
        )


def _node(workflow: Workflow, name: str) -> str:
    state, place = workflow.states[name], PLACES[name]
    style, x, y = STYLES[place.kind], _x(place.column), _y(place.row)
    note = _note(state)
    lines = _wrapped(name, 21 if state["Type"] == "Choice" else 24)
    rows = [(line, 11.5, 600 if state["Type"] == "Task" else 400) for line in lines]
    if note:
        rows.append((note, 9.5, 400))
    height = sum(size + 2.5 for _text, size, _weight in rows)
    text, baseline = "", y - height / 2
    for content, size, weight in rows:
        baseline += size + 2.5
        weighted = f' font-weight="{weight}"' if weight != 400 else ""
        text += (
            f'<text x="{x:g}" y="{baseline - 3:g}" font-size="{size:g}"{weighted} fill="{style.text}" '
            f'text-anchor="middle">{escape(content)}</text>'
        )
    comment = state.get("Comment")
    title = f"<title>{escape(comment)}</title>" if comment else ""
    return f"<g>{title}{_shape(workflow, name)}{text}</g>"


def _shape(workflow: Workflow, name: str) -> str:
    state, place = workflow.states[name], PLACES[name]
    style, x, y = STYLES[place.kind], _x(place.column), _y(place.row)
    w, h = NODE_WIDTH / 2, NODE_HEIGHT / 2
    paint = f'fill="{style.fill}" stroke="{style.line}"'
    if state["Type"] == "Choice":
        corners = [(-w, 0), (POINT - w, -h), (w - POINT, -h), (w, 0), (w - POINT, h), (POINT - w, h)]
        points = " ".join(f"{x + dx:g},{y + dy:g}" for dx, dy in corners)
        return f'<polygon points="{points}" {paint} stroke-width="1.2" stroke-linejoin="round"/>'
    in_branch = any(name in inner for inner in workflow.parallels.values())
    radius = h if state.get("End") and not in_branch else 6
    weight = 2 if state["Type"] == "Task" else 1.2
    return (
        f'<rect x="{x - w:g}" y="{y - h:g}" width="{2 * w:g}" height="{2 * h:g}" rx="{radius:g}" {paint} '
        f'stroke-width="{weight:g}"/>'
    )


def _wrapped(text: str, longest: int) -> list[str]:
    """One line if it fits, else two of about the same length."""
    if len(text) <= longest:
        return [text]
    words = text.split()
    cuts = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
    return list(min(cuts, key=lambda cut: max(map(len, cut))))


def _arrow(workflow: Workflow, edge: Edge) -> str:
    points = _points(workflow, edge)
    colour, marker, dash = "#52616f", "go", ""
    if edge.on_failure:
        colour, marker, dash = STYLES["failure"].line, "fail", ' stroke-dasharray="5 4"'
    elif PLACES.get(edge.target, Place(0, 0, "")).kind == "safety" and edge.source in PLACES:
        colour, marker = STYLES["safety"].line, "care"
    return (
        f'<path d="{_rounded(points)}" fill="none" stroke="{colour}" stroke-width="1.3"{dash} '
        f'marker-end="url(#{marker})"/>'
    )


def _rounded(points: list[tuple[float, float]]) -> str:
    """A path through the points whose corners have a radius of at most 7."""
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        path += f"L{_toward(corner, before)}Q{corner[0]:g} {corner[1]:g} {_toward(corner, after)}"
    return f"{path}L{points[-1][0]:g} {points[-1][1]:g}"


def _toward(start: tuple[float, float], end: tuple[float, float]) -> str:
    length = abs(end[0] - start[0]) + abs(end[1] - start[1])
    part = min(7, length / 2) / length if length else 0
    return f"{start[0] + (end[0] - start[0]) * part:g} {start[1] + (end[1] - start[1]) * part:g}"


def _label(workflow: Workflow, edge: Edge) -> str:
    """The answer that an arrow stands for, beside its beginning."""
    route = ROUTES.get((edge.source, edge.target))
    (x, y), (next_x, next_y) = _points(workflow, edge)[:2]
    if route and route.label:
        across, down, anchor = route.label.split()
        x, y = _at(across), _at(down)
    elif next_y == y:
        right = next_x > x
        x, y, anchor = x + (5 if right else -5), y - 4, "start" if right else "end"
    else:
        x, y, anchor = x + 5, y + (12 if next_y > y else -6), "start"
    text = escape(", ".join(edge.labels))
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="9.5" fill="#3d4a56" text-anchor="{anchor}" stroke="#ffffff" '
        f'stroke-width="3" paint-order="stroke">{text}</text>'
    )


def _beginning(start: str) -> str:
    x, y = _x(PLACES[start].column), _y(PLACES[start].row) - NODE_HEIGHT / 2
    left = _x(0) - NODE_WIDTH / 2
    return (
        f'<text x="{left:g}" y="40" font-size="19" font-weight="600" fill="#22303c">'
        "How one message is answered</text>"
        f'<text x="{left:g}" y="60" font-size="11" fill="#52616f">Drawn from {DEFINITION.relative_to(ROOT)}: '
        "every state, every question, every way out</text>"
        f'<text x="{x:g}" y="{y - 26:g}" font-size="11.5" font-weight="600" fill="#22303c" '
        'text-anchor="middle">POST /v1/turns</text>'
        f'<path d="M{x:g} {y - 21:g}L{x:g} {y:g}" stroke="#52616f" stroke-width="1.3" '
        'marker-end="url(#go)"/>'
    )


def _legend() -> Iterator[str]:
    left, top = _x(0) - NODE_WIDTH / 2, _y(5.3) - 22
    yield f'<g font-size="10.5" fill="#22303c" transform="translate({left:g} {top:g})">'
    y = 0
    for style in STYLES.values():
        yield (
            f'<rect x="0" y="{y}" width="18" height="13" rx="3" fill="{style.fill}" stroke="{style.line}" '
            f'stroke-width="1.2"/>'
        )
        for line in _wrapped(style.meaning, 20):
            yield f'<text x="26" y="{y + 10.5}">{escape(line)}</text>'
            y += 13
        y += 7
    shapes = (
        (
            '<rect x="1" y="{}" width="16" height="11" rx="3" fill="#fff" stroke="#52616f" '
            'stroke-width="2"/>',
            "a function or service",
        ),
        (
            '<polygon points="0,{m} 4,{} 14,{} 18,{m} 14,{b} 4,{b}" fill="#fff" stroke="#52616f"/>',
            "a question",
        ),
        ('<rect x="0" y="{}" width="18" height="11" rx="5.5" fill="#fff" stroke="#52616f"/>', "the end"),
        (
            '<path d="M0 {m}H17" stroke="#b7791f" stroke-width="1.3" stroke-dasharray="5 4" '
            'marker-end="url(#fail)"/>',
            "when that fails",
        ),
    )
    y += 4
    for shape, meaning in shapes:
        drawn = shape.replace("{m}", f"{y + 6}").replace("{b}", f"{y + 12}").replace("{}", f"{y}")
        yield f'{drawn}<text x="26" y="{y + 10}">{escape(meaning)}</text>'
        y += 20
    yield "</g>"


if __name__ == "__main__":
    sys.exit(main())
