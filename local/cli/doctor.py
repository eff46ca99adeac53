"""`./run doctor`: look at everything that goes wrong on a new machine, and say what to do about it."""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from local.cli.command import Commands, Context
from local.tools.catalogue import CATALOGUE, OLDEST_NODE, machine_node_version
from local.tools.installer import is_current
from local.tools.locations import REPOSITORY

HELP_LINES = REPOSITORY / "functions/layer/python/silent_infinity/data/help_lines.json"
HELP_LINES_GOOD_FOR = datetime.timedelta(days=365)
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
        lambda: help_lines(HELP_LINES, datetime.datetime.now(datetime.UTC).date()),
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
    """Whether somebody looked lately that the help lines in crisis replies still exist."""
    if not path.is_file():
        return
    document = json.loads(path.read_text(encoding="utf-8"))
    dated = list(_checked_dates(document))
    if not dated:
        yield Finding("Help lines", "error", "none says when it was checked", f"Add checked_on in {path}.")
        return
    stale = [name for name, checked in dated if today - checked > HELP_LINES_GOOD_FOR]
    if stale:
        remedy = "Call or look up each, correct it, and set checked_on in help_lines.json."
        yield Finding("Help lines", "error", f"not checked for over a year: {', '.join(stale)}", remedy)
    else:
        oldest = min(checked for _, checked in dated)
        yield Finding("Help lines", "ok", f"{len(dated)} lines, the oldest checked on {oldest}")


def _checked_dates(node: Any) -> Iterator[tuple[str, datetime.date]]:
    """Name and date of every entry with `checked_on`, however deep it is."""
    if isinstance(node, dict):
        if "checked_on" in node:
            yield str(node.get("name", "unnamed")), datetime.date.fromisoformat(node["checked_on"])
        for child in node.values():
            yield from _checked_dates(child)
    elif isinstance(node, list):
        for child in node:
            yield from _checked_dates(child)
