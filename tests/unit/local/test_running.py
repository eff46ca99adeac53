"""Commands end when they are told to, and take with them what they started."""

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack.processes import Identity, identify
from local.tools.errors import LocalError
from local.tools.progress import Progress
from local.tools.running import TerminatedError, run_in_foreground, run_reporting, side_by_side

SLOW = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"]
# As the CDK does: Ctrl-C alone does not end it.
DEAF_TO_CTRL_C = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + SLOW[2],
]


@pytest.fixture(autouse=True)
def _hears_ctrl_c() -> Iterator[None]:
    """A shell starts what runs in its background deaf to Ctrl-C, and so would be what it starts."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def progress() -> Progress:
    """Nothing to look at."""
    return Progress(io.StringIO(), terminal=False)


def wait_for_process(log: Path) -> Identity:
    """The process that wrote its number to the log."""
    for _ in range(200):
        if log.exists() and log.read_text().endswith("\n"):
            found = identify(int(log.read_text()))
            assert found is not None
            return found
        time.sleep(0.05)
    raise AssertionError("the process wrote nothing")


def assert_ends(process: Identity) -> None:
    """It may take a moment."""
    for _ in range(100):
        if not process.is_alive():
            return
        time.sleep(0.05)
    raise AssertionError("the process goes on")


def test_output_goes_to_the_log_without_escapes_and_beside_the_step(tmp_path: Path) -> None:
    """A log full of colours is unreadable in an editor."""
    with progress().step("Working") as step:
        code = run_reporting(["printf", r"\033[31mred\033[0m\nlast\n"], log=tmp_path / "log", step=step)

        assert step.remark == "last"
    assert code == 0
    assert (tmp_path / "log").read_text() == "red\nlast\n"


def test_an_interrupted_task_ends_what_it_runs(tmp_path: Path) -> None:
    """After Ctrl-C a deployment that goes on would surprise whoever starts the next."""
    started: list[Identity] = []

    def run() -> None:
        with progress().step("Working") as step:
            run_reporting(DEAF_TO_CTRL_C, log=tmp_path / "log", step=step)

    def interrupt() -> None:
        started.append(wait_for_process(tmp_path / "log"))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        side_by_side([run])

    assert_ends(started[0])


def test_a_failing_task_ends_the_others(tmp_path: Path) -> None:
    """Waiting a minute for what cannot be used any more helps nobody."""
    started: list[Identity] = []

    def run() -> None:
        with progress().step("Working") as step:
            run_reporting(SLOW, log=tmp_path / "log", step=step)

    def fail() -> None:
        started.append(wait_for_process(tmp_path / "log"))
        raise LocalError("no room", "")

    with pytest.raises(LocalError, match="no room"):
        side_by_side([run, fail])

    assert_ends(started[0])


def test_a_command_in_the_foreground_may_clean_up_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """End-to-end tests have an emulator to stop; killing them would leave it behind."""
    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "try:\n"
        "    Path('log').write_text(f'{os.getpid()}\\n')\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(0.5)\n"
        "    Path('cleaned').touch()\n"
    )

    def end(_number: int, _frame: object) -> None:
        raise TerminatedError

    previous = signal.signal(signal.SIGTERM, end)

    def terminate() -> None:
        wait_for_process(tmp_path / "log")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=terminate).start()
    try:
        with pytest.raises(TerminatedError):
            run_in_foreground([sys.executable, "-c", script], cwd=tmp_path, env=dict(os.environ))
    finally:
        signal.signal(signal.SIGTERM, previous)

    assert (tmp_path / "cleaned").exists()
