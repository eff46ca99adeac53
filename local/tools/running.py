"""Run a command to its end, with its output in a log and its latest line beside a progress step."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from local.tools.progress import Step

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run_reporting(
    command: Iterable[str],
    *,
    log: Path,
    step: Step,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    append: bool = False,
) -> int:
    """Return the exit code. Terminal escapes are left out of the log, standard input is empty."""
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
        ) as process,
    ):
        for line in process.stdout or ():
            plain = _ESCAPE.sub("", line)
            sink.write(plain)
            sink.flush()
            if plain.strip():
                step.say(plain)
    return process.returncode


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented; a remark when there is none."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "    (no log)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (the log is empty)"
