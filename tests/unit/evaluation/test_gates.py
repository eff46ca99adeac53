"""Gates: what the project's own sets must keep, and that a broken gate is noticed."""

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.gates import GateError, GateResult, Gates, check, figure_of, load_gates, needs_mutations
from evaluation.lines import DataFile
from evaluation.run import KINDS, Kind, check_files, files_for, gate_results, run
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.settings import Settings
from tests.support.vectors import VECTORS

SUMMARY: dict[str, Any] = {
    "lines": 600,
    "figures": {"sensitivity": {"value": 0.95, "low": 0.9}, "false_alarms": {"value": None}},
    "auc": {"value": 0.99},
    "levels": [{"flagged": {"value": 0.01}}, {"flagged": {"value": 0.04}}],
    "contribution": [{"stage": "rules", "only_found": {"value": 0.2, "count": 20}}],
    "groups": {"category": [{"name": "goodbye", "missed": {"value": 0.1}}]},
    "time_ms": {"total": {"p99": 1.5}},
}


def own_gates(kind: Kind) -> Gates:
    """Return the gates of the project's own sets."""
    return load_gates(VECTORS / kind.folder / "gates.json", kind.name)


def evaluated_alone(kind: Kind, file: DataFile, gated: Gates) -> dict[str, Any]:
    """Return the summary of one file, without any language model."""
    return run(kind, [file], Settings({}), clock=SystemClock(), mutations=needs_mutations(gated))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_projects_own_sets_keep_their_gates(kind: Kind) -> None:
    """What was once found must not be missed again, whatever else a change is good for."""
    gated = own_gates(kind)
    files = check_files(kind, [VECTORS / kind.folder / name for name in gated])

    results = gate_results(gated, files, lambda file: evaluated_alone(kind, file, gated))

    assert results, f"no gate for {kind.name}"
    assert [result.to_json() for result in results if not result.kept] == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_set_of_the_project_is_gated(kind: Kind) -> None:
    """A set without a gate may rot for a year before anybody looks."""
    assert {path.name for path in files_for(kind, VECTORS / kind.folder)} == set(own_gates(kind))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lines", 600),
        ("sensitivity", 0.95),
        ("sensitivity.low", 0.9),
        ("figures.sensitivity.low", 0.9),
        ("auc", 0.99),
        ("levels.1.flagged", 0.04),
        ("contribution.rules.only_found", 0.2),
        ("contribution.rules.only_found.count", 20),
        ("groups.category.goodbye.missed", 0.1),
        ("time_ms.total.p99", 1.5),
        ("false_alarms", None),
        ("sensitivty", None),
        ("levels.7.flagged", None),
        ("lines.value", None),
        ("groups", None),
    ],
)
def test_a_figure_is_found_by_its_name(name: str, value: float | None) -> None:
    """A gate on a figure that has another name by now must not be kept by finding nothing."""
    assert figure_of(SUMMARY, name) == value


@pytest.mark.parametrize(
    ("figure", "bounds", "kept"),
    [
        ("sensitivity", {"at_least": 0.95}, [True]),
        ("sensitivity", {"at_least": 0.951}, [False]),
        ("auc", {"at_most": 0.99}, [True]),
        ("auc", {"at_most": 0.98}, [False]),
        ("lines", {"at_least": 600, "at_most": 599}, [True, False]),
        ("false_alarms", {"at_most": 1}, [False]),
        ("no_such_figure", {"at_least": 0}, [False]),
    ],
)
def test_a_bound_is_held_exactly(figure: str, bounds: dict[str, float], kept: list[bool]) -> None:
    """An unknown figure keeps nothing: that is how a typing mistake would switch a gate off."""
    assert [result.kept for result in check("x.jsonl", {figure: bounds}, SUMMARY)] == kept


def test_only_gates_on_mutations_cost_mutations() -> None:
    """They take a dozen times as long; a gate that asks for them must get them."""
    assert not needs_mutations({"a": {"sensitivity": {"at_least": 1}}})
    assert needs_mutations(
        {"a": {"lines": {"at_least": 1}}, "b": {"mutations.typos.fall": {"at_most": 0.05}}}
    )
    assert figure_of({"mutations": [{"name": "typos", "fall": 0.04}]}, "mutations.typos.fall") == 0.04


def test_a_gated_file_that_is_gone_breaks_its_gates() -> None:
    """Deleting the exam is not a way to pass it."""
    gates: Gates = {"gone.jsonl": {"sensitivity": {"at_least": 0.1}, "lines": {"at_least": 1}}}

    results = gate_results(gates, [], lambda file: SUMMARY)

    assert results == [
        GateResult("gone.jsonl", "sensitivity", "at_least", 0.1, None),
        GateResult("gone.jsonl", "lines", "at_least", 1, None),
    ]
    assert not any(result.kept for result in results)


def test_each_file_answers_for_itself() -> None:
    """An easy set must not lift a hard one over its gate."""
    gates: Gates = {"a.jsonl": {"lines": {"at_least": 1}}, "b.jsonl": {"lines": {"at_least": 1}}}
    files = [DataFile(Path(name), 1, "") for name in gates]

    results = gate_results(gates, files, lambda file: {"lines": int(file.name == "a.jsonl")})

    assert [result.kept for result in results] == [True, False]


@pytest.mark.parametrize(
    "document",
    [
        "not JSON",
        "[]",
        '{"saftey": {}}',
        '{"safety": []}',
        '{"safety": {"a.jsonl": []}}',
        '{"safety": {"a.jsonl": {"sensitivity": 0.9}}}',
        '{"safety": {"a.jsonl": {"sensitivity": {}}}}',
        '{"safety": {"a.jsonl": {"sensitivity": {"atleast": 0.9}}}}',
        '{"safety": {"a.jsonl": {"sensitivity": {"at_least": "0.9"}}}}',
        '{"safety": {"a.jsonl": {"sensitivity": {"at_least": true}}}}',
    ],
)
def test_gates_that_nobody_can_read_are_an_error(tmp_path: Path, document: str) -> None:
    """A gate that is silently ignored is worse than none."""
    path = tmp_path / "gates.json"
    path.write_text(document)

    with pytest.raises(GateError):
        load_gates(path, "safety")


def test_a_kind_without_gates_has_none(tmp_path: Path) -> None:
    """Gates of one kind are no gates of another."""
    path = tmp_path / "gates.json"
    path.write_text(json.dumps({"description": "x", "pii": {"a.jsonl": {"recall": {"at_least": 1}}}}))

    assert load_gates(path, "safety") == {}
    assert load_gates(path, "pii") == {"a.jsonl": {"recall": {"at_least": 1}}}
