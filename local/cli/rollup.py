"""`./run rollup`: start the nightly rollup on the local stack and watch it."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any

from local.cli.command import Commands, Context
from local.cli.terminal import bold, table, wrapped
from local.tools.errors import LocalError

PATIENCE_SECONDS = 6 * 3600
LOOK_SECONDS = 1.0
MACHINE = "NightlyRollupStateMachineArn"
WORKGROUP = "LakeWorkgroupName"
COUNTS = {
    "partitions": "partitions written anew",
    "variant_days": "days of variants published",
    "breaches": "promises that were broken (one alert each)",
    "demoted": "variants taken back",
    "objects_deleted": "objects deleted that no partition points to any more",
}


def register(commands: Commands) -> None:
    """Add the command of this module."""
    rollup = commands.add("rollup", run_rollup, "compute the tables of the lake and the figures of variants")
    rollup.add_argument(
        "--date", metavar="YYYY-MM-DD", type=day, help="the night of which day (default: yesterday, UTC)"
    )
    rollup.add_argument(
        "--from", dest="first", metavar="YYYY-MM-DD", type=day, help="a backfill: exactly these days"
    )
    rollup.add_argument("--to", dest="last", metavar="YYYY-MM-DD", type=day, help="the backfill's last day")
    rollup.add_argument(
        "--act", action="store_true", help="alert and demote as the schedule does (default: only compute)"
    )


def day(text: str) -> str:
    """Read a day.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2026-11-21") from None


def run_rollup(context: Context, arguments: argparse.Namespace) -> int:
    """Start the state machine, print how far it is, and what came of it."""
    asked = asked_for(arguments.date, arguments.first, arguments.last, act=arguments.act)
    stack = context.stack
    stack.require_up()
    if MACHINE not in stack.outputs:
        raise LocalError("The nightly rollup is not deployed.", "Run `./run deploy -e local`.")
    machines, athena = stack.client("stepfunctions"), stack.client("athena")
    execution = machines.start_execution(stateMachineArn=stack.outputs[MACHINE], input=json.dumps(asked))[
        "executionArn"
    ]
    print(bold(f"The nightly rollup{title(asked)}"))
    statements = partial(statements_of, athena, stack.outputs[WORKGROUP])
    for line in progress(machines, statements, execution):
        print(f"  {line}", flush=True)
    described = machines.describe_execution(executionArn=execution)
    if described["status"] != "SUCCEEDED":
        raise LocalError(
            f"The run ended as {described['status']}.",
            "`./run outbox` has the alert, `./run logs rollup` the reason; see docs/operations.md, The "
            "nightly rollup.",
        )
    print(describe(json.loads(described["output"])))
    return 0


def asked_for(night: str | None, first: str | None, last: str | None, *, act: bool) -> dict[str, Any]:
    """The input of the execution.

    Raises:
        LocalError: a night and a backfill at once, or half of a backfill.
    """
    if night and (first or last):
        raise LocalError("That is a night and a backfill at once.", "Give --date, or --from and --to.")
    if bool(first) != bool(last):
        raise LocalError("A backfill needs both of its ends.", "Give --from and --to.")
    given = {"date": night, "from": first, "to": last}
    return {**{name: value for name, value in given.items() if value}, "act": act}


def title(asked: Mapping[str, Any]) -> str:
    """What a run is for, in words."""
    if "from" in asked:
        return f" of {asked['from']} to {asked['to']}"
    return f" of {asked['date']}" if "date" in asked else " of yesterday"


def progress(machines: Any, statements: Callable[[], int], execution: str) -> Iterator[str]:
    """Yield the states of an execution as it enters them, and how many statements have been started, until it
    ends. The emulator's history does not go into the items of a Map, so statements are counted at Athena.
    """
    shown = 0
    before = told = statements()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        running = machines.describe_execution(executionArn=execution)["status"] == "RUNNING"
        started = statements()
        if started != told:
            yield f"  {started - before} statement{'' if started - before == 1 else 's'}"
            told = started
        names = [
            event["stateEnteredEventDetails"]["name"]
            for page in machines.get_paginator("get_execution_history").paginate(executionArn=execution)
            for event in page["events"]
            if "stateEnteredEventDetails" in event
        ]
        yield from (name for name in names[shown:] if not name.endswith("?"))
        shown = len(names)
        if not running:
            return
        if time.monotonic() > deadline:
            raise LocalError(f"The run is still going on after {PATIENCE_SECONDS // 3600} hours.", "")
        time.sleep(LOOK_SECONDS)


def statements_of(athena: Any, workgroup: str) -> int:
    """How many statements a workgroup remembers."""
    pages = athena.get_paginator("list_query_executions").paginate(WorkGroup=workgroup)
    return sum(len(page["QueryExecutionIds"]) for page in pages)


def describe(output: Mapping[str, Any]) -> str:
    """What came of a run, in words."""
    window = output["window"]
    head = wrapped(
        f"Turns of {window['first']} to {window['last']} are up to date, and so are the figures of every "
        "day that looks at them."
    )
    return f"{head}\n{table([[str(output[name]), meaning] for name, meaning in COUNTS.items()])}"
