"""Install tools once, and again only when what they are made of changed.

A finished installation carries a stamp: the text of its recipe. The stamp is written last, so an interrupted
installation has none and is made again. A lock for each tool keeps two commands from installing it at once.
"""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from local.tools.catalogue import CATALOGUE, Tool
from local.tools.errors import LocalError
from local.tools.locations import TOOLS, venv_python
from local.tools.progress import Progress, Step
from local.tools.running import run_reporting, side_by_side, tail

STAMP = ".recipe"


def is_current(tool: Tool) -> bool:
    """Whether the installation is finished and made from the recipe of today."""
    stamp = tool.folder / STAMP
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != tool.recipe:
        return False
    # A Python or Node.js that was removed from the machine leaves a dangling link.
    return all(program.exists() for program in (tool.folder / "bin").glob("*"))


def ensure(names: Iterable[str], progress: Progress) -> None:
    """Install those of the named tools that are missing or out of date, side by side.

    Raises LocalError with the end of the log when an installation fails.
    """
    stale = [tool for tool in (CATALOGUE[name]() for name in names) if not is_current(tool)]
    if not stale:
        return
    side_by_side(partial(_install, tool, progress) for tool in stale)


def _install(tool: Tool, progress: Progress) -> None:
    TOOLS.mkdir(parents=True, exist_ok=True)
    with progress.step(f"Installing: {tool.title}") as step, _lock(tool, step):
        if is_current(tool):  # another command finished it while this one waited
            return
        _prepare(tool)
        log = TOOLS / f"{tool.name}.log"
        log.unlink(missing_ok=True)

        def run(command: list[str]) -> None:
            _run_logged(command, log, tool, step)

        tool.install(tool.folder, run)
        (tool.folder / STAMP).write_text(tool.recipe, encoding="utf-8")


def _prepare(tool: Tool) -> None:
    """Leave a folder that an installation may start from, without a stamp."""
    stamp = tool.folder / STAMP
    if tool.updatable and stamp.is_file() and venv_python(tool.folder).exists():
        stamp.unlink()
    elif tool.folder.exists():
        shutil.rmtree(tool.folder)


@contextmanager
def _lock(tool: Tool, step: Step) -> Iterator[None]:
    with (TOOLS / f"{tool.name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            step.say("another command is installing it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run_logged(command: list[str], log: Path, tool: Tool, step: Step) -> None:
    code = run_reporting(command, log=log, step=step, append=True)
    if code == 0:
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise LocalError(
        f"Installing the {tool.title} failed (exit code {code}):\n{tail(log, 8)}\n",
        f"Check the network and the disk ({log} has the whole log), then start again. It needs "
        f"Python {version} with `venv` (Debian: `apt install python3-venv`).",
    )
