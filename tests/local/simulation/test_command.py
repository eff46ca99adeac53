"""`./run simulate` from the arguments to what lies in the folder."""

import argparse
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from local.cli.__main__ import main
from local.cli.simulate import wanted
from local.simulation import __main__ as bulk_command
from local.tools.errors import LocalError

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def arguments(**given: object) -> argparse.Namespace:
    """Return what the parser gives without any option, with these in it."""
    usual: dict[str, object] = {
        "sessions": 50, "days": 3, "seed": 1, "until": None, "effect": [], "arm": [], "to": "table",
        "duplicates": 0.0, "late": 0.0,
    }  # fmt: skip
    return argparse.Namespace(**{**usual, **given})


def test_a_simulation_ends_yesterday_unless_it_is_told_otherwise() -> None:
    """The rollup of the night before is what people start afterwards."""
    assert wanted(arguments(), NOW).until == date(2026, 11, 20)
    assert wanted(arguments(until=date(2026, 10, 1)), NOW).first == date(2026, 9, 29)


@pytest.mark.parametrize(
    "given",
    [
        {"sessions": 0},
        {"days": 0},
        {"sessions": 5001},
        {"until": date(2026, 11, 22)},
        {"effect": ["LLM_MODEL:opus:rating"]},
        {"arm": ["LLM_MODEL:10"]},
        {"arm": ["LLM_MODEL:a:ten"]},
        {"duplicates": 1.5},
    ],
)
def test_what_cannot_be_simulated_is_said_in_a_sentence(given: dict[str, object]) -> None:
    """A person at a terminal gets a sentence and a remedy, never a traceback."""
    with pytest.raises(LocalError):
        wanted(arguments(**given), NOW)


def test_the_command_writes_bronze_and_the_truth_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the documentation shows works as it stands there."""
    folder = tmp_path / "lake"
    asked = [
        "--effect",
        "GHOST_CHAR_STYLE:dots:rating:+0.3",
        "--arm",
        "LLM_MODEL:same:50",
        "--to",
        str(folder),
    ]

    code = main(["simulate", "--sessions", "60", "--days", "2", "--until", "2026-11-20", *asked])

    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert code == 0
    assert truth["sessions"] == 60
    assert truth["effects"][0]["size"] == 0.3
    assert {arm["variant_id"] for arm in truth["arms"]} == {"dots", "same", "claude-haiku-4-5"}
    assert sorted((folder / "bronze" / "turn_events").glob("dt=*/hour=*/*.parquet"))
    assert "60" in capsys.readouterr().out


def test_a_folder_that_has_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """Two simulations in one lake would have the truth of neither."""
    (tmp_path / "something").write_text("mine", encoding="utf-8")

    assert main(["simulate", "--sessions", "10", "--days", "1", "--to", str(tmp_path)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["something"]


def test_the_bulk_command_copies_until_there_are_enough_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The benchmark calls it so, and reads what it prints."""
    folder = tmp_path / "lake"
    code = bulk_command.main(["--events", "4000", "--folder", str(folder), "--base", "1000", "--days", "2"])

    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert printed["copies"] == 4
    assert printed["turn_events"] == pytest.approx(4000, rel=0.2)
    assert printed["bytes"] > 100_000
    assert json.loads((folder / "truth.json").read_text(encoding="utf-8"))["copies"] == 4
