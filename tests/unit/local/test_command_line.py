"""The command line: what it prints, and how it fails."""

import argparse
import datetime
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.cli import checks, conversation, doctor, first_run, logs, stack_commands
from local.cli.__main__ import build_parser, main
from local.cli.command import Context
from local.tools.errors import LocalError
from local.tools.locations import REPOSITORY
from local.tools.progress import Progress


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` is the manual that people read."""
    actions = build_parser()._subparsers
    assert actions is not None
    (choices,) = [action.choices for action in actions._group_actions]
    assert choices is not None

    for name in choices:
        with pytest.raises(SystemExit) as ended:
            main([str(name), "--help"])

        assert ended.value.code == 0
        assert len(capsys.readouterr().out.splitlines()) > 3


@pytest.mark.parametrize(
    "command", [["metrics", "show"], ["report"], ["rollup"], ["simulate"], ["cost", "lake", "--help"]]
)
def test_commands_find_the_code_of_the_functions_by_themselves(command: list[str], tmp_path: Path) -> None:
    """The tests have it on their path; `./run` has not."""
    done = subprocess.run(  # noqa: S603 -- our own command line
        [sys.executable, "-m", "local.cli", *command],
        cwd=REPOSITORY,
        env={"SILENT_INFINITY_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "ModuleNotFoundError" not in done.stderr
    assert "not foreseen" not in done.stderr
    assert "is not running" in done.stderr or done.returncode == 0


def test_an_error_is_a_paragraph_and_not_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person has to see what is wrong and what to do."""

    def fail(context: Context, arguments: argparse.Namespace) -> int:
        raise LocalError("The disk is full.", "Make room.")

    monkeypatch.setattr(stack_commands, "run_status", fail)

    code = main(["status"])

    assert code == 1
    assert capsys.readouterr().err == "\nThe disk is full.\nMake room.\n"


def test_debug_shows_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever mends it needs the place."""

    def fail(context: Context, arguments: argparse.Namespace) -> int:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(stack_commands, "run_status", fail)

    assert main(["status"]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert main(["--debug", "status"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_not_an_error_of_the_program(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping is something that people do."""

    def interrupt(context: Context, arguments: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(stack_commands, "run_status", interrupt)

    assert main(["status"]) == 130
    assert capsys.readouterr().err == "\nStopped.\n"


def test_an_unknown_scope_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """`./run test unti` should not run everything, or nothing."""
    assert main(["test", "unti"]) == 1
    assert "statemachines" in capsys.readouterr().err


def test_arguments_after_two_dashes_go_to_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    """`./run test unit -- -k screen` is what one does all day."""
    commands: list[list[str]] = []

    def note(command: list[str]) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr(checks, "_run", note)

    assert main(["test", "unit", "--", "-k", "screen"]) == 0
    assert commands[0][1:] == ["-m", "pytest", "tests/unit", "-k", "screen"]


def test_a_failing_scope_does_not_hide_the_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run should tell everything that is broken."""
    codes = iter([1, 0])
    monkeypatch.setattr(checks, "_run", lambda command: next(codes))

    code = main(["test", "unit", "local"])

    summary = capsys.readouterr().out
    assert code == 1
    assert "failed" in summary
    assert "passed" in summary


def test_a_run_without_any_test_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Green because nothing ran is the worst kind of green."""
    monkeypatch.setattr(checks, "_run", lambda command: checks.NO_TESTS)

    assert main(["test", "unit"]) == 1


ANSWER = {
    "turn_id": "t-1",
    "session_id": "s-1",
    "reply": {"text": "That sounds hard.", "kind": "answer"},
    "crisis": {"level": 0, "resources": []},
    "turn_class": "TC4",
    "intent": {"name": "reflection", "confidence": 0.8},
    "variants": {},
    "quality": {"score": 0.75, "attempts": 2},
    "usage": {"model_id": "small"},
}


def test_a_reply_is_shown_with_what_was_decided() -> None:
    """Seeing class, level and model beside the text is the point of the local stack."""
    shown = conversation.describe(ANSWER)

    assert "  That sounds hard." in shown
    assert "kind answer · class TC4 · intent reflection · crisis level 0 · model small" in shown
    assert "quality 0.75 after 2" in shown
    assert "turn t-1  session s-1" in shown


def test_a_notice_that_is_due_is_shown_before_the_reply() -> None:
    """Whatever shows replies has to show it, and this is the first program that does."""
    notice = {"text": "You are talking with an AI.", "reason": "start"}

    shown = conversation.describe({**ANSWER, "disclosure": notice})

    assert shown.index("You are talking with an AI.") < shown.index("That sounds hard.")
    assert "AI" not in conversation.describe({**ANSWER, "disclosure": None})


def test_printed_commands_name_the_deployed_api() -> None:
    """They have to work as they stand."""
    shown = first_run.how_to_go_on("http://127.0.0.1:20001/restapis/r/live/_user_request_")

    assert "TOKEN=$(./run token)" in shown
    assert "curl -sS http://127.0.0.1:20001/restapis/r/live/_user_request_/v1/turns" in shown


class TestLogs:
    """Log lines are for machines; people read them too."""

    @pytest.mark.parametrize(
        ("function", "wanted", "expected"),
        [
            ("SilentInfinity-local-Turn-CrisisScreenFunctionD04F6CD8DFA0332ADF", "crisis_screen", True),
            ("SilentInfinity-local-Turn-CaptureFunctionCC554B5F-96DFA7EC6D5F9", "crisis_screen", False),
            ("SilentInfinity-local-Api-FeedbackApiFunctionDF0E9D1F82F3F3AC9191", "feedback_api", True),
            ("SilentInfinity-local-Turn-FeedbackFunction95001BB7-D07913C39D2A3", "feedback_api", False),
            ("SilentInfinity-local-Turn-FeedbackFunction95001BB7-D07913C39D2A3", None, True),
        ],
    )
    def test_a_function_is_found_by_its_folder_name(
        self, function: str, wanted: str | None, expected: bool
    ) -> None:
        """Physical names are generated; nobody knows them by heart."""
        assert logs.matches(function, wanted) is expected

    def test_the_short_name_is_the_constructs(self) -> None:
        """Forty characters of generated name before each line would hide the line."""
        name = "SilentInfinity-local-Turn-CrisisScreenFunctionD04F6CD8DFA0332ADF"

        assert logs.short_name(name) == "CrisisScreen"

    def test_a_structured_line_shows_what_is_its_own(self) -> None:
        """The function's ARN is the same in every line."""
        line = json.dumps(
            {"level": "INFO", "message": "captured", "function_arn": "arn", "outcome": "accepted", "n": 2}
        )

        assert logs.readable(line) == "INFO captured outcome=accepted n=2"

    def test_an_exception_is_shown_with_its_traceback(self) -> None:
        """That is what one opens the log for."""
        line = json.dumps({"level": "ERROR", "message": "failed", "exception": "Traceback …\nKeyError"})

        assert logs.readable(line) == "ERROR failed\nTraceback …\nKeyError"

    def test_embedded_metrics_are_shown_as_figures(self) -> None:
        """The format around them is five times as long."""
        directive = {"CloudWatchMetrics": [{"Metrics": [{"Name": "Turns"}]}]}

        assert logs.readable(json.dumps({"_aws": directive, "Turns": 1})) == "METRICS Turns=1"

    def test_a_function_that_could_not_be_loaded_is_shown_too(self) -> None:
        """It has no log of its own, so its failure would look like silence."""
        log = (
            "2026-11-21 11:04:31 INFO [sqs] SQS queue created: q\n"
            "2026-11-21 11:04:32 ERROR [lambda] Warm worker execution error for "
            "SilentInfinity-local-Turn-GenerateFunction65734F6E-26AF821A1188E: "
            "Worker init failed: No module named 'x'"
        )

        (entry,) = logs.start_failures(log, [logs.Source("Generate", "group")])

        assert entry.source == "Generate"
        assert entry.message == "ERROR Worker init failed: No module named 'x'"
        assert list(logs.start_failures(log, [logs.Source("Capture", "group")])) == []

    def test_platform_lines_are_left_out_and_plain_ones_kept(self) -> None:
        """A print in a handler must not vanish."""
        assert logs.readable("START RequestId: 1 Version: 1") is None
        assert logs.readable("plain words\n") == "plain words"


class TestHelpLines:
    """Crisis replies name these lines: a dead one is worse than none."""

    TODAY = datetime.date(2026, 11, 21)

    def findings(self, tmp_path: Path, lines: object, **others: object) -> list[doctor.Finding]:
        """What the doctor says of a file with these lines, which are good for 180 days."""
        path = tmp_path / "help_lines.json"
        path.write_text(json.dumps({"max_age_days": 180, "lines": lines, **others}))
        return list(doctor.help_lines(path, self.TODAY))

    def test_lines_and_emergency_numbers_are_told_apart(self, tmp_path: Path) -> None:
        """A count that mixes the two says nothing about either."""
        lines = [{"name": "988", "country": "US", "checked_on": "2026-05-25"}]
        emergency = [{"country": "US", "numbers": ["911"], "checked_on": "2026-11-01"}] * 2

        (finding,) = self.findings(tmp_path, lines, emergency=emergency)

        assert finding.severity == "ok"
        assert finding.fact == "1 lines and 2 emergency numbers, the oldest checked on 2026-05-25"

    def test_a_line_not_checked_for_longer_is_an_error_that_names_it(self, tmp_path: Path) -> None:
        """Somebody has to call it, so say which, and where it works."""
        lines = [
            {"name": "988", "country": "US", "checked_on": "2026-05-25"},
            {"name": "Old", "country": "ZZ", "checked_on": "2026-05-24"},
        ]

        (finding,) = self.findings(tmp_path, lines)

        assert finding.severity == "error"
        assert finding.fact == "not checked for over 180 days: Old (ZZ)"

    def test_an_emergency_number_goes_stale_like_a_line(self, tmp_path: Path) -> None:
        """It is the first thing that an imminent reply names."""
        lines = [{"name": "988", "country": "US", "checked_on": "2026-11-01"}]
        emergency = [{"country": "US", "numbers": ["911"], "checked_on": "2020-01-01"}]

        (finding,) = self.findings(tmp_path, lines, emergency=emergency)

        assert finding.fact == "not checked for over 180 days: emergency number (US)"

    def test_the_age_is_the_one_that_the_data_names(self, tmp_path: Path) -> None:
        """Whoever keeps the lines decides how often they are looked at."""
        lines = [{"name": "988", "country": "US", "checked_on": "2026-11-01"}]

        (finding,) = self.findings(tmp_path, lines, max_age_days=7)

        assert finding.severity == "error"

    @pytest.mark.parametrize(
        ("lines", "others"),
        [
            ([], {}),
            ([{"name": "988", "country": "US"}], {}),
            ([{"name": "988", "country": "US", "checked_on": "last week"}], {}),
            ([{"name": "988", "country": "US", "checked_on": None}], {}),
            ([{"name": "988", "country": "US", "checked_on": "2026-11-01"}], {"max_age_days": None}),
            ([{"name": "988", "country": "US", "checked_on": "2062-11-01"}], {}),
            ([{"name": "988", "country": "US", "checked_on": str(TODAY + datetime.timedelta(days=2))}], {}),
        ],
        ids=["no-lines", "no-date", "no-day", "null", "no-age", "in-the-future", "the-day-after-tomorrow"],
    )
    def test_what_cannot_be_judged_is_an_error(
        self, tmp_path: Path, lines: object, others: dict[str, object]
    ) -> None:
        """A check that finds nothing to check must not pass."""
        (finding,) = self.findings(tmp_path, lines, **others)

        assert finding.severity == "error"

    def test_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        """Without it no crisis reply names a line."""
        (finding,) = doctor.help_lines(tmp_path / "none.json", self.TODAY)

        assert finding.severity == "error"


class TestProgress:
    """Anything longer than two seconds says what it does."""

    def test_without_a_terminal_there_are_plain_lines(self) -> None:
        """CI logs show control characters as rubbish."""
        stream = io.StringIO()
        with Progress(stream, terminal=False).step("Deploying"):
            pass

        assert "✓ Deploying" in stream.getvalue()
        assert "\x1b" not in stream.getvalue()

    def test_a_failed_step_says_so(self) -> None:
        """The last line before an error is what people read first."""
        stream = io.StringIO()
        with (
            pytest.raises(LocalError),
            Progress(stream, terminal=False).step("Deploying"),
        ):
            raise LocalError("no", "")

        assert "✗ Deploying (failed)" in stream.getvalue()

    def test_a_quick_quiet_step_leaves_no_line(self) -> None:
        """A turn that takes half a second needs no announcement."""
        stream = io.StringIO()
        with Progress(stream, terminal=False).step("Waiting", quiet=True):
            pass

        assert stream.getvalue() == ""

    def test_on_a_terminal_the_line_counts_seconds_and_disappears(self) -> None:
        """A line that moves shows that nothing hangs."""
        stream = io.StringIO()
        with Progress(stream, terminal=True).step("Deploying") as step:
            step.say("  stack   one ")
            time.sleep(0.5)

        assert "… Deploying 0 s – stack one" in stream.getvalue()
        assert stream.getvalue().rstrip("\n").rpartition("\x1b[2K")[2].startswith("  ✓ Deploying")
