"""`./run synthesis`: start the weekly synthesis on the local stack and watch it."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from local.cli.command import Commands, Context
from local.cli.terminal import bold, table, wrapped
from local.tools.errors import LocalError

PATIENCE_SECONDS = 3600
LOOK_SECONDS = 1.0
WEEK = re.compile(r"20\d\d-W[0-5]\d")
MACHINE = "WeeklySynthesisStateMachineArn"
COUNTS = {
    "due": "due",
    "written": "written",
    "skipped": "skipped: two attempts failed their checks",
    "dropped": "dropped: a session was deleted, or is in crisis flow now",
    "withheld": "withheld: this was no week to summarise",
}


def register(commands: Commands) -> None:
    """Add the command of this module."""
    synthesis = commands.add("synthesis", run_synthesis, "write the weekly summaries of the local people")
    synthesis.add_argument(
        "--week", metavar="YYYY-Www", help="which week (default: the one that is under way)"
    )
    synthesis.add_argument("--show", action="store_true", help="print the week's summaries as well")


def run_synthesis(context: Context, arguments: argparse.Namespace) -> int:
    """Start the state machine, print the states that it enters, and what came of it."""
    week = arguments.week or this_week(datetime.now(UTC))
    if not WEEK.fullmatch(week):
        raise LocalError(f"{week!r} is not a week.", "Write it like 2026-W47.")
    stack = context.stack
    stack.require_up()
    if MACHINE not in stack.outputs:
        raise LocalError("The weekly synthesis is not deployed.", "Run `./run deploy -e local`.")
    machines = stack.client("stepfunctions")
    execution = machines.start_execution(
        stateMachineArn=stack.outputs[MACHINE], input=json.dumps({"week": week})
    )["executionArn"]
    print(bold(f"The weekly synthesis of {week}"))
    for name in entered(machines, execution):
        print(f"  {name}", flush=True)
    described = machines.describe_execution(executionArn=execution)
    if described["status"] != "SUCCEEDED":
        raise LocalError(
            f"The run ended as {described['status']}.", "Look for the reason with `./run logs synthesis`."
        )
    print(describe(json.loads(described["output"])))
    if arguments.show:
        for text in summaries(stack, week):
            print(f"\n{wrapped(text)}")
    return 0


def this_week(now: datetime) -> str:
    """The name of the week that `now` lies in: the people on a laptop have talked today."""
    year, number, _ = now.isocalendar()
    return f"{year}-W{number:02d}"


def entered(machines: Any, execution: str) -> Iterator[str]:
    """Yield the states of an execution as it enters them, until it ends."""
    shown = 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        running = machines.describe_execution(executionArn=execution)["status"] == "RUNNING"
        names = [
            event["stateEnteredEventDetails"]["name"]
            for page in machines.get_paginator("get_execution_history").paginate(executionArn=execution)
            for event in page["events"]
            if "stateEnteredEventDetails" in event
        ]
        yield from names[shown:]
        shown = len(names)
        if not running:
            return
        if time.monotonic() > deadline:
            raise LocalError(f"The run is still going on after {PATIENCE_SECONDS // 60} minutes.", "")
        time.sleep(LOOK_SECONDS)


def describe(output: dict[str, Any]) -> str:
    """What came of a run, in words."""
    if output["outcome"] == "busy":
        return wrapped("Another run is at work on this week.")
    if output["outcome"] == "no_model":
        return wrapped("The composer cannot write summaries. Start the stack with a model: `./run up`.")
    rows = [[str(output[name]), meaning] for name, meaning in COUNTS.items()]
    return table([*rows, [f"${output['cost_micro_usd'] / 1e6:.6f}", "for all calls of models"]])


def summaries(stack: Any, week: str) -> list[str]:
    """The texts of a week's summaries."""
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=stack.outputs["ConversationsTableName"],
            FilterExpression="sk = :week AND #text <> :none",
            ExpressionAttributeNames={"#text": "text"},
            ExpressionAttributeValues={":week": {"S": f"SUMMARY#{week}"}, ":none": {"S": ""}},
        )
    )
    return [item["text"]["S"] for page in pages for item in page["Items"]]
