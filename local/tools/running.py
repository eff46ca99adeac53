"""Run commands to their end, so that Ctrl-C ends them too and nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from types import FrameType

from local.tools.progress import Step

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_running: set[subprocess.Popen[str]] = set()


class TerminatedError(KeyboardInterrupt):
    """This program alone was told to end (Ctrl-C also reaches what it started in the foreground)."""


def end_cleanly_when_told() -> None:
    """From now on SIGTERM and SIGHUP end this program as Ctrl-C does."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TerminatedError

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def run_reporting(
    command: Iterable[str],
    *,
    log: Path,
    step: Step,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    append: bool = False,
) -> int:
    """Run a command with its output in `log` and its latest line beside `step`; returns the exit code.

    Terminal escapes are left out of the log, standard input is empty. The command is in a session of its own,
    because some ignore Ctrl-C: `end_running` ends them.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a" if append else "w", encoding="utf-8") as sink,
        subprocess.Popen(
            list(command),
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        _running.add(process)
        try:
            for line in process.stdout or ():
                plain = _ESCAPE.sub("", line)
                sink.write(plain)
                sink.flush()
                if plain.strip():
                    step.say(plain)
        except BaseException:
            _end(process)
            raise
        finally:
            _running.discard(process)
    return process.returncode


def run_in_foreground(command: Iterable[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a command on this terminal; returns the exit code.

    When told to end, waits until the command has cleaned up (tests have processes of their own to end).
    """
    interrupted: KeyboardInterrupt | None = None
    with subprocess.Popen(list(command), cwd=cwd, env=dict(env)) as process:
        while True:
            try:
                code = process.wait()
                break
            except TerminatedError as error:
                interrupted = error
                process.send_signal(signal.SIGINT)
            except KeyboardInterrupt as error:
                interrupted = error
    if interrupted is not None:
        raise interrupted
    return code


def side_by_side(tasks: Iterable[Callable[[], None]]) -> None:
    """Run tasks in threads until all are done; when one fails, or on Ctrl-C, end what the others run.

    Raises what the first failing task raised.
    """
    work = list(tasks)
    with ThreadPoolExecutor(max_workers=max(1, len(work))) as pool:
        futures = [pool.submit(task) for task in work]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            end_running()
            raise


def end_running() -> None:
    """End every command that `run_reporting` runs, with what those started."""
    for process in list(_running):
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented; a remark when there is none."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "    (no log)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (the log is empty)"
