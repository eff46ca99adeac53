"""docs/evaluation.md names every figure that an evaluation writes, and no other."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evaluation import safety
from evaluation.gates import load_gates
from evaluation.lines import DataFile
from evaluation.run import KINDS, run
from evaluation.safety import problem
from evaluation.tables import FIGURES
from local.cli.__main__ import build_parser
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.settings import Settings

TEXT = (Path(__file__).parents[3] / "docs/evaluation.md").read_text(encoding="utf-8")


def named(header: str, kind: str = "") -> set[str]:
    """Return the names in the first column of the first table under this header, for a kind if it has one."""
    [table, *_] = re.findall(rf"^\| {header} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    rows = [row.split("|") for row in table.splitlines()]
    cells = [row[1] for row in rows if not kind or f"`{kind}`" in row[2]]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a summary and a prediction of one line, without loading the encoder."""
    folder = tmp_path_factory.mktemp("evaluation")
    path, out = folder / "x.jsonl", folder / "out.jsonl"
    path.write_text('{"text": "good morning", "level": 0}\n')
    files = [DataFile(path, 1, "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(safety, "ASSETS", None)
        summary = run(KINDS["safety"], files, Settings({}), clock=SystemClock(), predictions=out)
    return summary, json.loads(out.read_text())


def test_every_key_of_a_summary_is_explained_and_no_other(results: tuple[dict[str, Any], Any]) -> None:
    """The names are an interface: other programs read them."""
    assert named("key") == set(results[0]) | {"model", "gates", "mutations"}


def test_every_figure_is_explained_and_no_other(results: tuple[dict[str, Any], Any]) -> None:
    """A rate whose denominator is not told is worth nothing."""
    assert named("figure") == set(results[0]["figures"])
    assert set(results[0]["figures"]) <= set(FIGURES["safety"])


@pytest.mark.parametrize("kind", ["injection", "pii"])
def test_every_figure_of_a_guard_is_explained_and_no_other(kind: str) -> None:
    """Recall of characters and recall of types are different promises."""
    figures = set(KINDS[kind].start(Settings({})).summary()["figures"])

    assert named("figure of a guard", kind) == figures
    assert set(FIGURES[kind]) <= figures


def test_every_figure_of_turns_is_explained_and_no_other() -> None:
    """A share of all messages and a share of the labelled ones are different things."""
    figures = set(KINDS["turn-class"].start(Settings({})).summary()["figures"])

    assert named("figure of turns") == figures == set(FIGURES["turn-class"])


def test_every_field_of_a_prediction_is_explained(results: tuple[Any, dict[str, Any]]) -> None:
    """Whoever joins predictions to their data needs to know what each field is."""
    found = set(results[1]) - {"text", "level"}

    assert found <= named("field of a prediction")
    assert named("field of a prediction") - found <= {"degraded"}


def test_the_example_line_can_be_evaluated() -> None:
    """It is what people copy first."""
    lines = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]
    [example] = [line for line in lines if "text" in line]

    assert problem(example) is None
    assert set(example) <= named("field of a line")


def test_the_example_gates_can_be_read(tmp_path: Path) -> None:
    """It is what people copy second."""
    [example] = [block for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL) if "at_least" in block]
    path = tmp_path / "gates.json"
    path.write_text(example)

    assert load_gates(path, "safety")


def test_every_option_is_explained_and_no_other() -> None:
    """An option that nobody has heard of is not used."""
    [subparsers] = [action for action in build_parser()._actions if isinstance(action.choices, dict)]
    assert isinstance(subparsers.choices, dict)
    options = {
        option
        for option in subparsers.choices["evaluate"]._option_string_actions
        if option not in ("-h", "--help")
    }

    assert {name.split()[0] for name in named("option")} == options
