"""`./run logs`: what the local functions logged, in one order, readable."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local.cli.command import Commands, Context
from local.tools.errors import LocalError
from local.tools.running import tail

FOLLOW_SECONDS = 1.0
OURS = "SilentInfinity-"
# What the emulator adds around every invocation, as Lambda does.
PLATFORM_LINE = re.compile(r"^(START|END|REPORT) RequestId: |^INIT_START ")
START_FAILURE = re.compile(
    r"(?P<moment>\S+ \S+) ERROR \[lambda\] Warm worker execution error for "
    r"(?P<function>[^:]+): (?P<reason>.+)"
)
# The same in every line of a function, or said beside it.
BOILERPLATE = {
    "level", "location", "message", "timestamp", "service", "cold_start", "exception", "exception_name",
    "function_name", "function_memory_size", "function_arn", "function_request_id", "stack_trace",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A function and the log group it writes to."""

    name: str
    group: str


@dataclass(frozen=True)
class Entry:
    """One log event. The emulator gives it no id: an event is the same when all of this is."""

    moment: int  # milliseconds since the epoch
    stream: str
    source: str
    message: str


def register(commands: Commands) -> None:
    """Add the command of this module."""
    logs = commands.add("logs", run_logs, "show what the local functions (or the emulator, the model) logged")
    logs.add_argument(
        "source", nargs="?", help="part of a function's name, for example capture; or emulator, or model"
    )
    logs.add_argument("-f", "--follow", action="store_true", help="go on showing until Ctrl-C")
    logs.add_argument("-n", "--lines", type=int, default=50, help="how many of the latest lines (default 50)")
    logs.add_argument(
        "--raw", action="store_true", help="the lines as they were written, platform's included"
    )


def run_logs(context: Context, arguments: argparse.Namespace) -> int:
    """Print the latest log lines, oldest first."""
    from local.stack.services import SERVICES

    if arguments.source in SERVICES:
        print(tail(context.stack.log(SERVICES[arguments.source]), arguments.lines))
        return 0
    context.stack.require_up()
    sources = _sources(context.stack.client("lambda"), arguments.source)
    logs = context.stack.client("logs")
    seen: set[Entry] = set()
    # A function that cannot be loaded never gets to write to its own log.
    emulator_log = context.stack.log(SERVICES["emulator"])
    failures = start_failures(emulator_log.read_text(encoding="utf-8", errors="replace"), sources)
    latest = sorted([*_entries(logs, sources, since=0), *failures], key=lambda entry: entry.moment)
    lines = [line for entry in latest if (line := shown(entry, raw=arguments.raw))]
    print("\n".join(lines[-arguments.lines :]))
    seen.update(latest)
    since = latest[-1].moment if latest else 0
    while arguments.follow:
        time.sleep(FOLLOW_SECONDS)
        fresh = [entry for entry in _entries(logs, sources, since=since) if entry not in seen]
        for entry in sorted(fresh, key=lambda entry: entry.moment):
            since = max(since, entry.moment)
            seen.add(entry)
            if line := shown(entry, raw=arguments.raw):
                print(line, flush=True)
    return 0


def _sources(functions: Any, wanted: str | None) -> list[Source]:
    pages = functions.get_paginator("list_functions").paginate()
    described = [function for page in pages for function in page["Functions"]]
    sources = [
        Source(short_name(function["FunctionName"]), function["LoggingConfig"]["LogGroup"])
        for function in described
        if function["FunctionName"].startswith(OURS) and matches(function["FunctionName"], wanted)
    ]
    if not sources:
        names = ", ".join(sorted(short_name(f["FunctionName"]) for f in described)) or "none deployed"
        raise LocalError(f"There is no function like {wanted or OURS!r}.", f"There are: {names}.")
    return sources


def short_name(function: str) -> str:
    """`SilentInfinity-local-Turn-CrisisScreenFunctionD04F6CD8DFA0332ADF` is CrisisScreen."""
    found = re.search(r"-(\w+?)(?:Function)?[0-9A-F]{8}", function)
    return found[1] if found else function


def matches(function: str, wanted: str | None) -> bool:
    """Whether a function is the wanted one: `crisis_screen` matches …-CrisisScreenFunctionD04F6CD8."""
    return wanted is None or _letters(wanted) in _letters(short_name(function))


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _entries(logs: Any, sources: Iterable[Source], *, since: int) -> Iterator[Entry]:
    for source in sources:
        try:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=source.group, startTime=since
            )
            for page in pages:
                for event in page["events"]:
                    yield Entry(event["timestamp"], event["logStreamName"], source.name, event["message"])
        except logs.exceptions.ResourceNotFoundException:
            continue  # a function that never ran may have no group yet


def start_failures(emulator_log: str, sources: Iterable[Source]) -> Iterator[Entry]:
    """What the emulator's log says of functions that could not be loaded."""
    names = {source.name for source in sources}
    for line in emulator_log.splitlines():
        found = START_FAILURE.match(line)
        if found and short_name(found["function"]) in names:
            moment = int(time.mktime(time.strptime(found["moment"], "%Y-%m-%d %H:%M:%S"))) * 1000
            yield Entry(moment, "", short_name(found["function"]), f"ERROR {found['reason']}")


def shown(entry: Entry, *, raw: bool) -> str | None:
    """The line to print for an entry, or None for one that says nothing of its own."""
    text = entry.message.rstrip() if raw else readable(entry.message)
    if text is None:
        return None
    moment = time.strftime("%H:%M:%S", time.localtime(entry.moment / 1000))
    return f"{moment} {entry.source:<14} {text}"


def readable(message: str) -> str | None:
    """A structured line as level, message and its own fields; None for the platform's lines."""
    text = message.rstrip()
    if PLATFORM_LINE.match(text):
        return None
    try:
        document = json.loads(text)
    except ValueError:
        return text
    if not isinstance(document, dict):
        return text
    if "_aws" in document:
        return f"METRICS {_fields(_metrics(document))}"
    own = {key: value for key, value in document.items() if key not in BOILERPLATE}
    line = f"{document.get('level', 'INFO')} {document.get('message', '')} {_fields(own)}".rstrip()
    trace = document.get("exception")
    return f"{line}\n{trace}" if trace else line


def _metrics(document: dict[str, Any]) -> dict[str, Any]:
    directives = document["_aws"].get("CloudWatchMetrics", [])
    names = [metric["Name"] for directive in directives for metric in directive.get("Metrics", [])]
    return {name: document.get(name) for name in names}


def _fields(values: dict[str, Any]) -> str:
    return " ".join(f"{key}={_plain(value)}" for key, value in values.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
