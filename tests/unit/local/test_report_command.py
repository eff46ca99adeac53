"""`./run report`: what it asks for, where it puts the page, and what it says when it cannot."""

import argparse
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.cli import report
from local.cli.synthesis import this_week
from local.tools.errors import LocalError
from local.tools.progress import Progress

WRITTEN = {"week": "2026-W46", "name": "reports/week=2026-W46/report.html", "turns": 1234}
OUTPUTS = {report.FUNCTION: "weekly-report", report.BUCKET: "lake"}


class Client:
    """Lambda and S3 in one."""

    def __init__(self, missing: int = 0, error: str = "") -> None:
        self.events: list[dict[str, Any]] = []
        self._answer = {**WRITTEN, "missing_days": missing, "drift": "too-few"}
        self._error = error

    def invoke(self, **request: Any) -> dict[str, Any]:
        """Answer as the function does."""
        assert request["FunctionName"] == "weekly-report"
        self.events.append(json.loads(request["Payload"]))
        if self._error:
            body = json.dumps({"errorType": self._error, "errorMessage": "QueryFailed"})
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(body.encode())}
        return {"Payload": io.BytesIO(json.dumps(self._answer).encode())}

    def get_object(self, **request: str) -> dict[str, Any]:
        """Give the page."""
        assert request == {"Bucket": "lake", "Key": WRITTEN["name"]}
        return {"Body": io.BytesIO(b"<!doctype html>page")}


def run(
    client: Client, out: Path | None, week: str | None = "2026-W46", outputs: dict[str, str] = OUTPUTS
) -> int:
    """Run the command."""
    stack = SimpleNamespace(require_up=lambda: None, outputs=outputs, client=lambda _name: client)
    context: Any = SimpleNamespace(stack=stack, progress=Progress())
    return report.run_report(context, argparse.Namespace(week=week, out=out, open=False, tell=False))


def test_the_page_is_put_where_it_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the path is printed, whole, to be opened."""
    client, out = Client(), tmp_path / "new" / "r.html"

    assert run(client, out) == 0
    assert out.read_text(encoding="utf-8") == "<!doctype html>page"
    assert client.events == [{"week": "2026-W46", "tell": False}]
    printed = capsys.readouterr().out
    assert f"Report: {out}" in printed
    assert "1,234 turns; drift of the intents: too few." in printed


def test_without_a_path_it_lies_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One page for each week, and without a week that which is under way."""
    monkeypatch.setattr(report, "default_home", lambda: tmp_path)
    client = Client()
    run(client, None, week=None)
    week = this_week(datetime.now(UTC))

    assert client.events[0]["week"] == week
    assert (tmp_path / "reports" / f"{week}.html").exists()
    assert week in capsys.readouterr().out


def test_days_without_figures_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a laptop nobody has run the rollup yet."""
    run(Client(missing=6), tmp_path / "r.html")

    assert "6 days of the week have no figures" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("client", "week", "outputs", "problem"),
    [
        (Client(), "last week", OUTPUTS, "is not a week"),
        (Client(), "2026-W46", {}, "not deployed"),
        (Client(error="StoreUnavailableError"), "2026-W46", OUTPUTS, "StoreUnavailableError"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    client: Client, week: str, outputs: dict[str, str], problem: str, tmp_path: Path
) -> None:
    """A wrong week, a stack without the report, a function that fails."""
    with pytest.raises(LocalError, match=problem):
        run(client, tmp_path / "r.html", week, outputs)

    assert not (tmp_path / "r.html").exists()
