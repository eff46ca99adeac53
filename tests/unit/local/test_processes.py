"""Ending processes: exactly those that were started, and all of them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import processes
from local.stack.processes import Identity

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('deaf', flush=True)\n"
    "time.sleep(60)",
]
WITH_HELPER = [
    sys.executable,
    "-c",
    "import subprocess, sys, time\n"
    "helper = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(helper.pid, flush=True)\n"
    "time.sleep(60)",
]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Identity]]:
    """What a test starts is ended even when it fails."""
    running: list[Identity] = []
    yield running
    for process in running:
        processes.stop(process, patience_seconds=0)


def begin(command: list[str], tmp_path: Path, started: list[Identity]) -> Identity:
    """Start a command that ends with the test."""
    process = processes.start(command, env=dict(os.environ), cwd=tmp_path, log=tmp_path / "log")
    started.append(process)
    return process


def wait_for_line(log: Path) -> str:
    """The first line that a process wrote, which it does when it is ready."""
    for _ in range(200):
        if log.exists() and log.read_text().endswith("\n"):
            return log.read_text().strip()
        time.sleep(0.05)
    raise AssertionError("the process wrote nothing")


def test_a_started_process_is_alive_until_it_is_stopped(tmp_path: Path, started: list[Identity]) -> None:
    """`down` has to end what `up` started, and `status` has to know."""
    process = begin(SLEEP, tmp_path, started)
    assert process.is_alive()

    processes.stop(process, patience_seconds=5)

    assert not process.is_alive()


def test_a_process_that_does_not_listen_is_killed(tmp_path: Path, started: list[Identity]) -> None:
    """`down` leaves no process, however stuck it is."""
    process = begin(DEAF, tmp_path, started)
    wait_for_line(tmp_path / "log")

    processes.stop(process, patience_seconds=0.3)

    assert not process.is_alive()


def test_helpers_end_with_the_process_that_started_them(tmp_path: Path, started: list[Identity]) -> None:
    """The emulator's Lambda workers would outlive it otherwise."""
    process = begin(WITH_HELPER, tmp_path, started)
    helper = processes.identify(int(wait_for_line(tmp_path / "log")))
    assert helper is not None

    processes.stop(process, patience_seconds=2)

    assert not helper.is_alive()


def test_a_stranger_with_a_reused_number_is_left_alone(tmp_path: Path, started: list[Identity]) -> None:
    """After a restart of the machine the remembered number may belong to anything."""
    stranger = begin(SLEEP, tmp_path, started)

    processes.stop(Identity(stranger.pid, "another start"), patience_seconds=0.1)

    assert stranger.is_alive()


def test_a_process_that_ended_but_was_not_waited_for_counts_as_ended() -> None:
    """A zombie would keep `down` waiting for its full patience."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    while (Path("/proc") / str(child.pid)).exists() and processes.identify(child.pid) is not None:
        time.sleep(0.02)

    assert processes.identify(child.pid) is None
    child.wait()


def test_the_identity_of_a_process_does_not_change_while_it_runs(
    tmp_path: Path, started: list[Identity]
) -> None:
    """Otherwise a running stack would look stopped, and be started a second time."""
    process = begin(SLEEP, tmp_path, started)

    assert processes.identify(process.pid) == process
    assert process in processes.group_members(process.pid)


def test_without_a_process_file_system_ps_tells_the_same(
    tmp_path: Path, started: list[Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS has no /proc."""
    if not Path("/bin/ps").exists() and not Path("/usr/bin/ps").exists():
        pytest.skip("this machine has no ps")
    monkeypatch.setattr(processes, "HAS_PROC", False)
    process = begin(SLEEP, tmp_path, started)

    assert process.is_alive()
    assert process in processes.group_members(process.pid)
