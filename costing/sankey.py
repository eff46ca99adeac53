"""A Sankey picture as SVG: money flows from the left to the right, as wide as it is much.

No script, no font of its own, nothing fetched; colours by class, so that one style sheet serves light, dark
and print, and a description for those who cannot see it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

WIDTH: Final = 980
HEIGHT: Final = 560
TOP: Final = 20
GAP: Final = 16
BAR: Final = 14
LABEL: Final = 240
"""Room for the labels of the last column."""

STYLE: Final = """
svg.sankey { width: 100%; height: auto; font: 13px/1.3 system-ui, sans-serif; }
svg.sankey text { fill: #1d2733; paint-order: stroke; stroke: #fff; stroke-width: 3px; stroke-opacity: .8; }
svg.sankey .figure { fill: #55606e; }
svg.sankey .saved { fill: #9aa5b1; } svg.sankey .spent { fill: #35506b; }
svg.sankey .haiku { fill: #2f8f83; } svg.sankey .sonnet { fill: #7a5ea8; } svg.sankey .opus { fill: #b0603a; }
svg.sankey path { opacity: .35; } svg.sankey path:hover { opacity: .6; }
@media (prefers-color-scheme: dark) {
  svg.sankey text { fill: #e7ecf1; stroke: #15191e; } svg.sankey .figure { fill: #a9b4c0; }
  svg.sankey .saved { fill: #66717d; } svg.sankey .spent { fill: #7fa3c7; }
}
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A bar. `kind` is a class of the style sheet; `column` counts from 0."""

    name: str
    label: str
    column: int
    kind: str


@dataclass(frozen=True, slots=True)
class Flow:
    """Money from one node to another, in US dollars."""

    start: str
    end: str
    usd: float


def of_month(month: Mapping[str, Any]) -> tuple[list[Node], list[Flow]]:
    """Return the picture's parts: the month without savings, what each takes off, and where the rest goes."""
    nodes = [Node("all", "without any saving", 0, "spent"), Node("spent", "spent", 1, "spent")]
    flows = [Flow("all", "spent", month["usd"])]
    for step in month["steps"]:
        if step["saves"] > 0:
            nodes.append(Node(step["name"], f"saved by {step['name']}", 1, "saved"))
            flows.append(Flow("all", step["name"], step["saves"]))
    for row in sorted(month["rows"], key=lambda row: (str(row["model"]), str(row["class"]))):
        model = row["model"]
        if all(node.name != model for node in nodes):
            spent = sum(other["usd"] for other in month["rows"] if other["model"] == model)
            nodes.append(Node(model, model, 2, _kind(model)))
            flows.append(Flow("spent", model, spent))
        place = f"{row['class']} on {model}"
        nodes.append(Node(place, f"{row['class']} {row['title']}", 3, _kind(model)))
        flows.append(Flow(model, place, row["usd"]))
    return nodes, flows


def svg(nodes: Sequence[Node], flows: Sequence[Flow], title: str, *, styled: bool = False) -> str:
    """Return the picture. `styled` puts the style sheet into it, for a file that stands alone.

    Raises:
        ValueError: there is nothing to draw.
    """
    sizes = {
        node.name: max(
            sum(flow.usd for flow in flows if flow.start == node.name),
            sum(flow.usd for flow in flows if flow.end == node.name),
        )
        for node in nodes
    }
    columns = [[node for node in nodes if node.column == column] for column in range(4)]
    total = max((sum(sizes[node.name] for node in column) for column in columns), default=0.0)
    if total <= 0:
        raise ValueError("a picture of no money")
    room = HEIGHT - TOP - GAP * max(len(column) for column in columns)
    scale = room / total
    step = (WIDTH - LABEL - BAR) / (len(columns) - 1)
    at: dict[str, tuple[float, float]] = {}
    for index, column in enumerate(columns):
        y = float(TOP)
        for node in column:
            at[node.name] = (round(index * step, 1), y)
            y += max(sizes[node.name] * scale, 1) + GAP
    kinds = {node.name: node.kind for node in nodes}
    parts = [*_ribbons(flows, at, kinds, scale), *_bars(nodes, sizes, at, scale)]
    words = "; ".join(f"{node.label} {_usd(sizes[node.name])}" for node in nodes)
    style = f"<style>{STYLE}</style>" if styled else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sankey" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}: {escape(words)}"><title>{escape(title)}</title>'
        f"{style}{''.join(parts)}</svg>"
    )


def _ribbons(
    flows: Sequence[Flow], at: Mapping[str, tuple[float, float]], kinds: Mapping[str, str], scale: float
) -> list[str]:
    out: dict[str, float] = {}
    into: dict[str, float] = {}
    parts = []
    for flow in flows:
        x1, top1 = at[flow.start]
        x2, top2 = at[flow.end]
        width = flow.usd * scale
        y1, y2 = top1 + out.get(flow.start, 0.0), top2 + into.get(flow.end, 0.0)
        out[flow.start] = out.get(flow.start, 0.0) + width
        into[flow.end] = into.get(flow.end, 0.0) + width
        x1, middle = x1 + BAR, (x1 + BAR + x2) / 2
        shape = (
            f"M{x1:.1f},{y1:.1f} C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} {x2:.1f},{y2:.1f} "
            f"V{y2 + width:.1f} C{middle:.1f},{y2 + width:.1f} {middle:.1f},{y1 + width:.1f} "
            f"{x1:.1f},{y1 + width:.1f} Z"
        )
        tip = escape(f"{flow.start} → {flow.end}: {_usd(flow.usd)}")
        parts.append(f'<path class="{kinds[flow.end]}" d="{shape}"><title>{tip}</title></path>')
    return parts


def _bars(
    nodes: Sequence[Node],
    sizes: Mapping[str, float],
    at: Mapping[str, tuple[float, float]],
    scale: float,
) -> list[str]:
    parts = []
    for node in nodes:
        x, y = at[node.name]
        height = max(sizes[node.name] * scale, 1)
        parts.append(
            f'<rect class="{node.kind}" x="{x}" y="{y:.1f}" width="{BAR}" height="{height:.1f}" rx="2"/>'
            f'<text x="{x + BAR + 6:.1f}" y="{y + max(height / 2, 6) + 4:.1f}">{escape(node.label)} '
            f'<tspan class="figure">{_usd(sizes[node.name])}</tspan></text>'
        )
    return parts


def _kind(model: str) -> str:
    return next((family for family in ("haiku", "sonnet", "opus") if family in model), "spent")


def _usd(value: float) -> str:
    return f"${value:,.0f}" if value >= 100 else f"${value:,.2f}"
