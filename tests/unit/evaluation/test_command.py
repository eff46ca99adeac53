"""`./run evaluate`: what it prints and writes, how it fails, and what its exit code says."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluation import safety as safety_evaluation
from evaluation.lines import DataFile
from evaluation.run import KINDS, Kind, files_for, run
from local.cli import evaluate
from local.cli.__main__ import build_parser, main
from local.cli.command import Context
from local.stack.services import MODEL_SERVER
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.settings import Settings

MOMENT = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
CANARY = "canary-d20b"
LINES: list[dict[str, Any]] = [
    {"text": f"i want to kill myself {CANARY}", "level": 3, "category": "wants_to_die", "id": 1},
    {"text": f"good morning {CANARY}", "level": 0, "category": "everyday", "locale": "en-GB"},
    {"text": f"the weather is nice {CANARY}"},
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, no model settings from outside, and no encoder to load each time."""
    monkeypatch.setattr(safety_evaluation, "ASSETS", None)
    monkeypatch.setenv("SILENT_INFINITY_HOME", str(tmp_path / "home"))
    for name in ("LLM_PROVIDER", "LLM_BASE_URL", "LLM_MODEL_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def data(tmp_path: Path, home: Path) -> Path:
    """A small file of data."""
    path = tmp_path / "mine.jsonl"
    path.write_text("\n\n".join(json.dumps(line) for line in LINES) + "\n", encoding="utf-8")
    return path


def safety(*arguments: object) -> int:
    """Run the command without a model."""
    return main(["evaluate", "safety", "--no-model", *map(str, arguments)])


def test_one_command_prints_figures_and_writes_everything(
    data: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Predictions for those who join them, figures for programs, a page for people."""
    predictions, summary = tmp_path / "out.jsonl", tmp_path / "summary.json"

    code = safety("--data", data, "--predictions", predictions, "--json", summary)

    printed = capsys.readouterr().out
    assert code == 0
    assert "3 messages (2 labelled) of mine.jsonl" in printed
    assert "Language model: none (--no-model)" in printed
    assert "1 of 1" in printed
    written = [json.loads(line) for line in predictions.read_text(encoding="utf-8").splitlines()]
    assert [line["text"] for line in written] == [line["text"] for line in LINES]
    assert (written[0]["predicted_level"], written[0]["id"]) == (3, 1)
    figures = json.loads(summary.read_text(encoding="utf-8"))
    assert figures["format"] == 1
    assert figures["kind"] == "safety"
    assert figures["data"][0]["name"] == "mine.jsonl"
    assert figures["figures"]["sensitivity"]["count"] == 1
    report = (home / "evaluation" / "safety.html").read_text(encoding="utf-8")
    assert report.startswith("<!doctype html>")
    for made in (printed, summary.read_text(encoding="utf-8"), report):
        assert CANARY not in made
        assert str(tmp_path) not in made.replace(f"Report: {home}", "")


def test_predictions_may_take_the_place_of_their_data(data: Path) -> None:
    """Reading and writing the same path must not empty it half way through."""
    assert safety("--data", data, "--predictions", data) == 0

    assert len(data.read_text(encoding="utf-8").splitlines()) == len(LINES)
    assert not data.with_name("mine.jsonl.part").exists()


def test_a_bad_line_ends_it_before_anything_is_judged(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the line and does not repeat it; no half file is left behind."""
    with data.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"text": CANARY, "level": 9}) + "\n")
    out = tmp_path / "out.jsonl"

    code = safety("--data", data, "--predictions", out)

    shown = capsys.readouterr()
    assert code == 1
    assert "mine.jsonl, line 6:" in shown.err
    assert "docs/evaluation.md" in shown.err
    assert CANARY not in shown.err + shown.out
    assert "Traceback" not in shown.err
    assert not out.exists()


def test_a_line_that_goes_bad_meanwhile_leaves_no_predictions(data: Path, tmp_path: Path) -> None:
    """Half of the predictions look like all of them."""
    kind = KINDS["safety"]
    out = tmp_path / "out.jsonl"
    data.write_text('{"text": "one"}\n{"text": 2}\n', encoding="utf-8")

    with pytest.raises(ValueError, match="line 2"):
        run(kind, [DataFile(data, 2, "")], Settings({}), clock=SystemClock(), predictions=out)

    assert list(tmp_path.glob("out.jsonl*")) == []


@pytest.mark.parametrize("option", ["--data", "--gate"])
def test_a_file_that_is_not_there_is_named(
    option: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong path is the commonest mistake."""
    assert safety(option, "/nowhere/x.jsonl") == 1
    assert "/nowhere/x.jsonl: No such file or directory." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("figures", "code", "verdict"),
    [
        ({"sensitivity": {"at_least": 1.0}, "false_alarms": {"at_most": 0.0}}, 0, "kept"),
        ({"sensitivity": {"at_least": 1.0}, "lines": {"at_least": 4}}, 1, "BROKEN"),
        ({"sensitivty": {"at_least": 0.0}}, 1, "BROKEN"),
    ],
)
def test_the_exit_code_says_if_the_gates_are_kept(  # noqa: PLR0917 - fixtures and cases
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    figures: dict[str, dict[str, float]],
    code: int,
    verdict: str,
) -> None:
    """CI reads nothing but this number; people read the table."""
    gates = tmp_path / "gates.json"
    gates.write_text(json.dumps({"safety": {"mine.jsonl": figures}}))

    assert safety("--data", data, "--gate", gates) == code

    assert verdict in capsys.readouterr().out
    assert safety("--data", data) == 0


def test_gates_for_other_data_are_no_gates(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Green because nothing was held against anything is the worst kind of green."""
    gates = tmp_path / "gates.json"
    gates.write_text(json.dumps({"safety": {"other.jsonl": {"lines": {"at_least": 0}}}}))

    assert safety("--data", data, "--gate", gates) == 1
    assert "no gate for this data" in capsys.readouterr().err


def test_gates_that_cannot_be_read_are_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt gate has to be mended, not skipped."""
    gates = tmp_path / "gates.json"
    gates.write_text('{"saftey": {}}')

    assert safety("--data", data, "--gate", gates) == 1
    assert "gates.json may hold" in capsys.readouterr().err


def test_two_files_are_one_evaluation_and_two_gates(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Together they have four of six labelled; each alone has two of three."""
    other = tmp_path / "other.jsonl"
    other.write_bytes(data.read_bytes())
    gates = tmp_path / "gates.json"
    alone = {"labelled": {"at_least": 2, "at_most": 2}}
    gates.write_text(json.dumps({"safety": {"mine.jsonl": alone, "other.jsonl": alone}}))

    assert safety("--data", data, "--data", other, "--gate", gates) == 0
    assert "6 messages (4 labelled) of mine.jsonl, other.jsonl" in capsys.readouterr().out


def test_data_is_known_by_its_labels(tmp_path: Path) -> None:
    """All kinds of golden sets lie in one folder."""
    (tmp_path / "a.jsonl").write_text('\n{"text": "x", "level": 1}\n')
    (tmp_path / "b.jsonl").write_text('{"text": "x", "label": 1}\n')
    (tmp_path / "c.jsonl").write_text("nonsense\n")
    (tmp_path / "d.jsonl").write_text("\n")

    assert [path.name for path in files_for(KINDS["safety"], tmp_path)] == ["a.jsonl"]


def test_a_long_file_streams(tmp_path: Path) -> None:
    """Each line is judged, told and written before the next one is read."""
    path, out = tmp_path / "long.jsonl", tmp_path / "out.jsonl"
    path.write_text("".join(f'{{"text": "{place}"}}\n' for place in range(20_000)))
    done: list[int] = []
    order: list[str] = []

    class Note:
        def add(self, line: dict[str, Any], source: str) -> dict[str, Any]:
            assert len(done) == len(order)
            order.append(line["text"])
            return line

        def summary(self) -> dict[str, Any]:
            return {"kind": "note"}

    kind = Kind("note", "Note", "level", lambda line: None, lambda settings: Note())
    summary = run(
        kind,
        [DataFile(path, 20_000, "00")],
        Settings({}),
        clock=FixedClock(MOMENT),
        predictions=out,
        on_line=done.append,
    )

    assert order == [str(place) for place in range(20_000)]
    assert done[-1] == 20_000
    assert out.read_bytes() == path.read_bytes()
    assert summary["made_at"] == MOMENT.isoformat(timespec="seconds")


def chosen(context: Any, *, no_model: bool = False) -> tuple[Settings, str]:
    """Return which model the command would use."""
    return evaluate.model_settings(
        context, argparse.Namespace(kind="safety", no_model=no_model, reference=False)
    )


def stack(ready: bool) -> Any:
    """Return a context with a local stack whose model server answers, or does not."""
    service = SimpleNamespace(title=MODEL_SERVER.title, ready=ready)
    return SimpleNamespace(
        stack=SimpleNamespace(status=lambda: [service], model_base_url="http://127.0.0.1:1/v1")
    )


def test_a_model_is_asked_only_where_one_was_chosen(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ran decides what a figure means: it is said, and never guessed."""
    settings, words = chosen(stack(ready=False))
    assert settings.optional("LLM_PROVIDER") is None
    assert words.startswith("none (LLM_PROVIDER is not set")

    settings, words = chosen(stack(ready=True))
    assert settings.text("LLM_PROVIDER") == "openai_compatible"
    assert words == "smollm2-135m-instruct of the local stack"

    monkeypatch.setenv("LLM_PROVIDER", "bedrock")
    settings, words = chosen(stack(ready=True))
    assert settings.text("LLM_PROVIDER") == "bedrock"
    assert words == "bedrock, the default of the turn class"

    settings, words = chosen(stack(ready=True), no_model=True)
    assert settings.optional("LLM_PROVIDER") is None
    assert words == "none (--no-model)"

    monkeypatch.setenv("LLM_PROVIDER", "composer")
    _, words = chosen(stack(ready=True))
    assert words == "none (LLM_PROVIDER is composer)"


def test_a_model_that_does_not_answer_is_a_degraded_stage(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other stages' verdict stands, and the figures say that one was missing."""
    monkeypatch.setenv("LLM_PROVIDER", "nobody")
    monkeypatch.setenv("SCREEN_BAND_LOW", "0")
    summary = tmp_path / "summary.json"

    assert main(["evaluate", "safety", "--data", str(data), "--json", str(summary)]) == 0

    found = json.loads(summary.read_text(encoding="utf-8"))
    assert found["stages"][-1] == "model_screen"
    assert found["degraded"]["lines"] >= found["degraded"]["stages"]["model_screen"] > 0
    assert found["figures"]["sensitivity"]["count"] == 1
    assert "Degraded on" in capsys.readouterr().out


def test_a_reader_who_has_seen_enough_is_no_error(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`./run evaluate safety | head` is left to the command line, which ends it without a word."""

    def closed(*_arguments: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(evaluate, "_print", closed)
    arguments = build_parser().parse_args(["evaluate", "safety", "--no-model", "--data", str(data)])

    with pytest.raises(BrokenPipeError):
        evaluate.run_evaluate(Context(), arguments)


@pytest.mark.parametrize(
    ("kind", "line", "field", "expected"),
    [
        ("injection", {"text": f"good morning {CANARY}", "label": 0}, "blocked", False),
        ("pii", {"text": f"nothing in here {CANARY}", "spans": []}, "predicted_spans", []),
    ],
)
def test_the_guards_are_evaluated_the_same_way(  # noqa: PLR0917 - fixtures and cases
    tmp_path: Path, home: Path, kind: str, line: dict[str, Any], field: str, expected: object
) -> None:
    """One command, one report, one rule about texts."""
    data, out, summary = (tmp_path / name for name in ("x.jsonl", "out.jsonl", "summary.json"))
    data.write_text(json.dumps(line) + "\n", encoding="utf-8")

    options = ["--data", str(data), "--predictions", str(out), "--json", str(summary)]
    assert main(["evaluate", kind, *options]) == 0

    predicted = json.loads(out.read_text(encoding="utf-8"))
    report = (home / "evaluation" / f"{kind}.html").read_text(encoding="utf-8")
    assert predicted[field] == expected
    assert json.loads(summary.read_text(encoding="utf-8"))["kind"] == kind
    assert CANARY not in report + summary.read_text(encoding="utf-8")
    assert [path.name for path in files_for(KINDS[kind], tmp_path) if path != out] == ["x.jsonl"]


@pytest.mark.parametrize("rows", [[("name", "n"), ("a", "1"), ("longer", "1,000")]])
def test_columns_are_tidy(rows: list[tuple[str, ...]]) -> None:
    """Figures are compared by their last digit."""
    assert evaluate.aligned(rows) == ["  name        n", "  a           1", "  longer  1,000"]


def test_tables_of_the_terminal_fit_the_width_of_one(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that wraps makes a table unreadable."""
    assert safety("--data", data) == 0

    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("Report:")]
    assert max(len(line) for line in lines) <= 100
