"""Start processes that outlive the command, and end exactly those, never a stranger with a re-used number.

A process is remembered by its number *and* the moment it started. Helpers that it starts itself (the
emulator's Lambda workers) are in its process group, are noted before it ends, and end with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05
KILL_SECONDS = 5.0
HAS_PROC = Path("/proc/self/stat").exists()

# A child of this very process stays in the process table until it is waited for: keep what that takes.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Identity:
    """A process that can be told from a later one with the same number."""

    pid: int
    started: str  # opaque: comparable for equality only

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            del _children[self.pid]
        return identify(self.pid) == self


def identify(pid: int) -> Identity | None:
    """The running process with this number, or None when there is none (a zombie counts as none)."""
    if HAS_PROC:
        return _identify_by_proc(pid)
    return _identify_by_ps(pid)


def _proc_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from `state` on; the name before them may hold spaces and brackets."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _identify_by_proc(pid: int) -> Identity | None:
    fields = _proc_fields(pid)
    if fields is None or fields[0] in "ZX":
        return None
    # Start times count from the boot, so they repeat from one boot to the next.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Identity(pid, f"{boot}:{fields[19]}")


def _identify_by_ps(pid: int) -> Identity | None:
    said = _ps("-o", "stat=,lstart=", "-p", str(pid))
    state, _, started = said.strip().partition(" ")
    if not state or state.startswith("Z"):
        return None
    return Identity(pid, " ".join(started.split()))


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout


def group_members(leader: int) -> list[Identity]:
    """The running processes of the group that `leader` leads, the leader included."""
    if HAS_PROC:
        pids = [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and (fields := _proc_fields(int(entry.name))) and fields[2] == str(leader)
        ]
    else:
        rows = (line.split() for line in _ps("-A", "-o", "pid=,pgid=").splitlines())
        pids = [int(row[0]) for row in rows if len(row) == 2 and row[1] == str(leader)]
    return [found for found in map(identify, pids) if found is not None]


def start(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> Identity:
    """Start a process in a session of its own; its output goes to the end of `log`.

    Raises OSError when the program cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        child = subprocess.Popen(
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    # One that has died already has no identity: any that differs from all running ones serves.
    return identify(child.pid) or Identity(child.pid, "ended at once")


def stop(process: Identity, *, patience_seconds: float) -> None:
    """End a process and what it started: first by asking, after `patience_seconds` by force."""
    if not process.is_alive():
        return
    members = group_members(process.pid)
    _signal(process, signal.SIGTERM)
    _wait_for_end([process], patience_seconds)
    # What the leader left behind, and the leader itself if it did not listen.
    left = [member for member in {*members, process} if member.is_alive()]
    for member in left:
        _signal(member, signal.SIGKILL)
    _wait_for_end(left, KILL_SECONDS)


def _signal(process: Identity, number: signal.Signals) -> None:
    if process.is_alive():
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _wait_for_end(processes: Sequence[Identity], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(process.is_alive() for process in processes) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
