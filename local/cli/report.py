"""`./run report`: write the weekly trend report on the local stack, and fetch it."""

from __future__ import annotations

import argparse
import json
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.cli.command import Commands, Context
from local.cli.synthesis import WEEK, this_week
from local.cli.terminal import bold, wrapped
from local.tools.errors import LocalError
from local.tools.locations import default_home

FUNCTION = "WeeklyReportFunctionName"
BUCKET = "LakeBucketName"


def register(commands: Commands) -> None:
    """Add the command of this module."""
    report = commands.add("report", run_report, "write the trend report of a week, and fetch the page")
    report.add_argument("--week", metavar="YYYY-Www", help="which week (default: the one that is under way)")
    report.add_argument("--out", metavar="FILE", type=Path, help="where to put the page")
    report.add_argument("--open", action="store_true", help="open it in the browser")
    report.add_argument(
        "--tell", action="store_true", help="send the message to the operations topic as well"
    )


def run_report(context: Context, arguments: argparse.Namespace) -> int:
    """Invoke the function, fetch the page, say where it is and what is in it."""
    week = arguments.week or this_week(datetime.now(UTC))
    if not WEEK.fullmatch(week):
        raise LocalError(f"{week!r} is not a week.", "Write it like 2026-W47.")
    stack = context.stack
    stack.require_up()
    if FUNCTION not in stack.outputs:
        raise LocalError("The weekly report is not deployed.", "Run `./run deploy -e local`.")
    with context.progress.step(f"writing the report of {week}", quiet=True):
        written = invoked(
            stack.client("lambda"), stack.outputs[FUNCTION], {"week": week, "tell": arguments.tell}
        )
        page = stack.client("s3").get_object(Bucket=stack.outputs[BUCKET], Key=written["name"])["Body"].read()
    path: Path = arguments.out or default_home() / "reports" / f"{week}.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page)
    except OSError as error:
        raise LocalError(f"{error.filename}: {error.strerror}.", "Look at the path.") from None
    print(bold(f"The report of {week}"))
    print(described(written))
    print(f"Report: {path}")
    if arguments.open:
        webbrowser.open(path.resolve().as_uri())
    return 0


def invoked(lambdas: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return what the function answers.

    Raises:
        LocalError: it failed.
    """
    answer = lambdas.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise LocalError(
            f"The report could not be written: {payload.get('errorType', 'an error')}.",
            "Look for the reason with `./run logs weekly_report`. Has a rollup run? `./run rollup --help`",
        )
    return payload


def described(written: dict[str, Any]) -> str:
    """What came of it, in words."""
    words = f"{written['turns']:,} turns; drift of the intents: {written['drift'].replace('-', ' ')}."
    if written["missing_days"]:
        words += (
            f" {written['missing_days']} days of the week have no figures: nobody came, or the rollup has not"
            " run for them (`./run rollup --from … --to …`)."
        )
    return wrapped(words)
