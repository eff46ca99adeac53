"""`./run doctor`: look at everything that goes wrong on a new machine, and say what to do about it."""

from __future__ import annotations

import argparse
import datetime
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local.cli.command import Commands, Context
from local.tools.catalogue import CATALOGUE, OLDEST_NODE, machine_node_version
from local.tools.installer import is_current
from local.tools.locations import REPOSITORY
from stacks import help_line_age

NEEDED_GIB = 3  # tools, emulator state and logs

Severity = Literal["ok", "hint", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is empty when it is fine."""

    subject: str
    severity: Severity
    fact: str
    remedy: str = ""


def register(commands: Commands) -> None:
    """Add the command of this module."""
    commands.add("doctor", run_doctor, "check the machine, the tools, the processes and dated facts")


def run_doctor(context: Context, _arguments: argparse.Namespace) -> int:
    """Print every finding; exit code 1 when one is an error."""
    looks: list[Callable[[], Iterator[Finding]]] = [
        python_version,
        node_version,
        disk_space,
        installed_tools,
        lambda: processes(context),
        lambda: help_lines(help_line_age.HELP_LINES, datetime.datetime.now(datetime.UTC).date()),
    ]
    findings = [finding for look in looks for finding in look()]
    marks = {"ok": "✓", "hint": "·", "error": "✗"}
    for finding in findings:
        print(f"  {marks[finding.severity]} {finding.subject}: {finding.fact}")
        if finding.remedy:
            print(f"      {finding.remedy}")
    return 1 if any(finding.severity == "error" for finding in findings) else 0


def python_version() -> Iterator[Finding]:
    """The interpreter of the development environment."""
    yield Finding("Python", "ok", sys.version.split()[0])


def node_version() -> Iterator[Finding]:
    """Whether the machine has a Node.js, or one is brought along."""
    major = machine_node_version()
    if major >= OLDEST_NODE:
        yield Finding("Node.js", "ok", f"version {major} of this machine")
    else:
        fact = f"version {major} is too old" if major else "none on this machine"
        yield Finding("Node.js", "hint", f"{fact}; `./run` brings its own, which is fine")


def disk_space() -> Iterator[Finding]:
    """Room for tools and state."""
    free = shutil.disk_usage(REPOSITORY).free / 2**30
    if free >= NEEDED_GIB:
        yield Finding("Disk", "ok", f"{free:.0f} GiB free")
    else:
        remedy = (
            f"Make room: about {NEEDED_GIB} GiB are needed. `./run down --wipe` clears the emulated account."
        )
        yield Finding("Disk", "error", f"{free:.1f} GiB free", remedy)


def installed_tools() -> Iterator[Finding]:
    """What `./run` installs."""
    for make in CATALOGUE.values():
        tool = make()
        if is_current(tool):
            yield Finding(tool.title, "ok", "installed")
        else:
            yield Finding(
                tool.title, "hint", "not installed, or for an older version", "`./run up` installs it."
            )


def processes(context: Context) -> Iterator[Finding]:
    """The processes of the local stack, and their ports."""
    from local.stack import ports

    for service in context.stack.status():
        if service.ready:
            yield Finding(service.title, "ok", f"answers on port {service.port}")
        elif service.running:
            remedy = f"`./run down` and `./run up` start it again; its log is {service.log}."
            yield Finding(service.title, "error", f"runs (process {service.pid}) but does not answer", remedy)
        elif service.port is not None and not ports.is_free(service.port):
            remedy = "`./run up` chooses another one by itself."
            yield Finding(service.title, "hint", f"port {service.port} is taken by something else", remedy)
        else:
            yield Finding(service.title, "hint", "not running", "`./run up` starts it.")


def help_lines(path: Path, today: datetime.date) -> Iterator[Finding]:
    """Whether somebody looked lately that the numbers in crisis replies still exist."""
    if not path.is_file():
        yield Finding(
            "Help lines", "error", f"there is no {path.name}", "Take the file back from the history."
        )
        return
    document = help_line_age.read(path)
    if outdated := help_line_age.complaint(document, today):
        remedy = f"Call or look up each, correct it, and set source and checked_on in {path.name}."
        yield Finding("Help lines", "error", outdated, remedy)
        return
    lines, numbers = len(document["lines"]), len(document.get("emergency", ()))
    oldest = min(checked for _, checked in help_line_age.dated(document))
    fact = f"{lines} lines and {numbers} emergency numbers, the oldest checked on {oldest}"
    yield Finding("Help lines", "ok", fact)
