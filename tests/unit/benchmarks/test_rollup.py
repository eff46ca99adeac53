"""The rollup's benchmark: what a peer has found otherwise is a failure, and what rounding makes is none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from silent_infinity.domain.lake.metrics import EXPOSED, RATE, metrics
from tests.benchmarks.rollup import _differences

KEY = ("2026-11-20", "LLM_MODEL", "sonnet")
UNITS = 200
SUMS = {
    "n": 200.0, "total": 90.0, "squares": 61.25, "numerator": 120.0, "denominator": 400.0,
    "numerator_squares": 84.5, "denominator_squares": 1000.0,
}  # fmt: skip
OWN = {"units": UNITS, "users": 180, "mixed_units": 3, "crisis_turns": 4}


def ours() -> dict[tuple[str, ...], dict[str, Any]]:
    """Gold as the rollup writes it: a row for each metric."""
    return {(*KEY, metric.name): {**OWN, **SUMS} for metric in metrics()}


def theirs() -> dict[str, Any]:
    """The same group as a peer writes it: one row, no squares of rates."""
    sums = {
        f"{metric.name}.{name}": 0.0 if metric.kind == RATE and name == "squares" else value
        for metric in metrics()
        if metric.population == EXPOSED
        for name, value in SUMS.items()
    }
    return {**dict(zip(("dt", "category", "variant_id"), KEY, strict=True)), **OWN, "returned": 90, **sums}


def found(folder: Path, *rows: dict[str, Any]) -> list[str]:
    """Compare with what a peer left behind."""
    (folder / "gold.json").write_text(json.dumps(rows), encoding="utf-8")
    return _differences("peer", ours(), folder)


def test_a_peer_that_found_the_same_is_no_failure(tmp_path: Path) -> None:
    """Sums of doubles are off in their last digits, and ours are of values rounded to parts of a unit."""
    row = theirs()
    for metric in metrics():
        if metric.population == EXPOSED and metric.scale > 1:
            row[f"{metric.name}.total"] *= 1 + 1e-7

    assert found(tmp_path, row) == []


@pytest.mark.parametrize("metric", [metric.name for metric in metrics() if metric.population == EXPOSED])
@pytest.mark.parametrize("column", ["n", "total", "numerator", "denominator"])
def test_one_unit_or_turn_too_many_is_found(tmp_path: Path, metric: str, column: str) -> None:
    """A comparison that lets a unit of two hundred pass would let every mistake of a statement pass."""
    row = theirs()
    row[f"{metric}.{column}"] += 1

    [difference] = found(tmp_path, row)
    assert f"{metric}.{column}" in difference


@pytest.mark.parametrize("name", ["units", "users", "mixed_units", "crisis_turns", "returned"])
def test_whom_a_peer_counts_has_to_be_the_same(tmp_path: Path, name: str) -> None:
    """Sums can agree where the units do not."""
    row = theirs()
    row[name] += 1

    [difference] = found(tmp_path, row)
    assert name in difference


def test_what_a_peer_does_not_count_is_not_compared(tmp_path: Path) -> None:
    """One statement from silver to gold keeps no units, so it knows no crises and no returns."""
    row = theirs()
    for name in ("users", "mixed_units", "crisis_turns", "returned"):
        del row[name]

    assert found(tmp_path, row) == []


@pytest.mark.parametrize(
    "change", [lambda row: [], lambda row: [row, {**row, "variant_id": "opus"}],
               lambda row: [{**row, "variant_id": "opus"}]],
)  # fmt: skip
def test_the_groups_have_to_be_the_same(
    tmp_path: Path, change: Callable[[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    """A group too few, too many, or another one."""
    assert found(tmp_path, *change(theirs())) != []
