"""Gates: what a data set's figures must keep, and what was broken."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Gates = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Data file, to figure, to its bounds."""

BOUNDS: Final = frozenset({"at_least", "at_most"})
KINDS: Final = frozenset({"safety", "injection", "pii", "turn-class", "prompts"})


class GateError(ValueError):
    """The gates themselves are wrong: a gate that nobody can read guards nothing."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """One bound of one figure. `value` is None where the summary has no such figure: that gate is broken."""

    file: str
    figure: str
    bound: str
    limit: float
    value: float | None

    @property
    def kept(self) -> bool:
        """Whether the figure is there and within its bound."""
        if self.value is None:
            return False
        return self.value >= self.limit if self.bound == "at_least" else self.value <= self.limit

    def to_json(self) -> dict[str, Any]:
        """Return the result as summaries write it."""
        return {
            "file": self.file,
            "figure": self.figure,
            "bound": self.bound,
            "limit": self.limit,
            "value": self.value,
            "kept": self.kept,
        }


def load_gates(path: Path, kind: str) -> Gates:
    """Return the gates of one kind of evaluation.

    Raises:
        GateError: the file is no JSON, or has a kind, bound or limit that means nothing.
        OSError: the file cannot be read.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise GateError(f"{path.name} is not JSON.") from None
    if not isinstance(document, dict) or set(document) - KINDS - {"description"}:
        raise GateError(f"{path.name} may hold a description and gates of {', '.join(sorted(KINDS))}.")
    gates = document.get(kind, {})
    if not isinstance(gates, dict):
        raise GateError(f"{path.name}: {kind} must name data files.")
    for file, figures in gates.items():
        for figure, bounds in figures.items() if isinstance(figures, dict) else [("", None)]:
            if not isinstance(bounds, dict) or not bounds or set(bounds) - BOUNDS:
                raise GateError(f"{path.name}: {kind}, {file}, {figure} needs at_least or at_most.")
            if any(type(limit) not in (int, float) for limit in bounds.values()):
                raise GateError(f"{path.name}: {kind}, {file}, {figure} has a limit that is no number.")
    return gates


def check(
    file: str, figures: Mapping[str, Mapping[str, float]], summary: Mapping[str, Any]
) -> list[GateResult]:
    """Hold the summary of one data file against its gates."""
    return [
        GateResult(file, figure, bound, limit, figure_of(summary, figure))
        for figure, bounds in figures.items()
        for bound, limit in bounds.items()
    ]


def needs_mutations(gates: Gates) -> bool:
    """Whether a gate holds a figure that only an evaluation with mutations has."""
    return any(figure.startswith("mutations.") for figures in gates.values() for figure in figures)


def figure_of(summary: Mapping[str, Any], name: str) -> float | None:
    """Return a figure by its name, or by its dotted path in the summary; None where there is none.

    `sensitivity` is `figures.sensitivity.value`; `time_ms.total.p99` and `levels.4.flagged` lead into objects
    and lists; an entry of a list of groups is found by its name (`groups.category.goodbye.missed`).
    """
    found: Any = summary
    parts = name.split(".")
    if parts[0] in (summary.get("figures") or {}):
        parts = ["figures", *parts]
    for part in parts:
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list):
            found = _entry(found, part)
        else:
            return None
    if isinstance(found, dict):
        found = found.get("value")
    return float(found) if type(found) in (int, float) else None


def _entry(entries: list[Any], part: str) -> Any:
    for entry in entries:
        if isinstance(entry, dict) and part in (entry.get("name"), entry.get("stage")):
            return entry
    return entries[int(part)] if part.isdigit() and int(part) < len(entries) else None
