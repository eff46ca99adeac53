"""Help lines that nobody has looked at for too long stop a deployment to production."""

import json
import runpy
from datetime import timedelta
from pathlib import Path

import pytest

from stacks.help_line_age import StaleHelpLinesError
from stacks.paths import ROOT
from tests.stacks.synthesised import day_of_staleness, newest_check, synthesise

FRESH = day_of_staleness() - timedelta(days=1)
STALE = day_of_staleness()


def _warnings(outdir: Path, name: str) -> list[str]:
    metadata = json.loads((outdir / f"SilentInfinity-{name}-Turn.metadata.json").read_text(encoding="utf-8"))
    return [
        entry["data"]
        for entries in metadata.values()
        for entry in entries
        if entry["type"] == "aws:cdk:warning" and "Help lines" in str(entry["data"])
    ]


def test_production_is_not_synthesised_with_stale_lines(tmp_path: Path) -> None:
    """The day after the last good one: a dead number would go out to people."""
    with pytest.raises(StaleHelpLinesError, match="not checked for over 180 days"):
        synthesise("prod", tmp_path / "prod", today=STALE)


def test_production_is_synthesised_on_the_last_good_day(tmp_path: Path) -> None:
    """One day sooner there is nothing to complain of, not even quietly."""
    synthesise("prod", tmp_path / "prod", today=FRESH)

    assert _warnings(tmp_path / "prod", "prod") == []


@pytest.mark.parametrize("name", ["local", "dev", "staging"])
def test_other_environments_are_warned(tmp_path: Path, name: str) -> None:
    """Nobody's work should stop for it, and nobody should be able to say that they did not know."""
    synthesise(name, tmp_path / name, today=STALE)

    [warning] = _warnings(tmp_path / name, name)
    assert "not checked for over 180 days" in warning
    assert "988 Suicide & Crisis Lifeline (US)" in warning


def test_the_command_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback at the end of a release is no instruction."""

    def refuse(*_: object, **__: object) -> None:
        raise StaleHelpLinesError("not checked for over 180 days: 988 (US)")

    monkeypatch.setattr("stacks.application.build", refuse)
    monkeypatch.setattr("stacks.environment.EnvironmentConfig.from_app", lambda _: None)

    with pytest.raises(SystemExit, match=r"not checked for over 180 days: 988 \(US\)\. Look each up"):
        runpy.run_path(str(ROOT / "app.py"))


def test_the_tests_own_day_is_a_good_one() -> None:
    """The others synthesise on it."""
    assert newest_check() < STALE
