"""`./run cost`: what the language models of a month cost, and what the lake costs.

`report` says what each saving is worth; `lake` measures a simulated lake and derives the bill of a month.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from local.cli.command import Commands, Context
from local.cli.evaluate import aligned, one_thread
from local.cli.terminal import bold, wrapped
from local.tools.errors import LocalError
from local.tools.installer import ensure
from local.tools.locations import REPOSITORY, TOOLS, default_home, venv_python, with_layer

MONTH = REPOSITORY / "costing" / "month"
LEAST_EVENTS = 1_000


def register(commands: Commands) -> None:
    """Add the command of this module."""
    cost = commands.add("cost", run_cost, "say what a month costs, class by class and saving by saving")
    cost.add_argument("what", choices=("report", "lake"), help="what to print")
    cost.add_argument("--json", metavar="FILE", type=Path, help="write all figures")
    cost.add_argument("--svg", metavar="FILE", type=Path, help="write the picture of the money's flow")
    cost.add_argument(
        "--report",
        metavar="FILE",
        type=Path,
        help="where the HTML report goes (default: cost/report.html in the state folder)",
    )
    cost.add_argument("--turns", metavar="N", type=int, default=200_000, help="turns of the month")
    cost.add_argument("--seed", metavar="N", type=int, default=1, help="seed of the arrivals")
    cost.add_argument(
        "--events", metavar="N", type=int, default=120_000, help="lake: turns that are simulated"
    )
    cost.add_argument("--day", metavar="DATE", type=_day, help="whose prices hold (default: today)")


def run_cost(context: Context, arguments: argparse.Namespace) -> int:
    """Simulate, print, write what was asked for."""
    if arguments.what == "lake":
        return _lake(context, arguments)
    if arguments.turns < 1:
        raise LocalError("A month needs at least one turn.", "Give --turns a whole number above 0.")
    with_layer()
    ensure(["model"], context.progress)
    one_thread()
    from costing import page, sankey

    day = arguments.day or datetime.now(UTC).date()
    summary = _summary(context, arguments.turns, arguments.seed, day.isoformat())
    for title, rows, note in page.tables(summary):
        print(f"\n{bold(title)}")
        print("\n".join(aligned(rows)))
        print(wrapped(note))
    print(f"\n{bold('What these figures are not')}")
    for line in summary["limits"]:
        print(wrapped(f"- {line}"))
    report: Path = arguments.report or default_home() / "cost" / "report.html"
    try:
        if arguments.json:
            _write(arguments.json, f"{json.dumps(summary, indent=1)}\n")
        if arguments.svg:
            parts = sankey.of_month(summary["at_list_prices"])
            _write(arguments.svg, f"{sankey.svg(*parts, 'Where the money of a month goes', styled=True)}\n")
        report.parent.mkdir(parents=True, exist_ok=True)
        _write(report, page.html(summary))
    except OSError as error:
        raise LocalError(f"{error.filename}: {error.strerror}.", "Look at the path.") from None
    print(f"\nReport: {report}")
    return 0


def _lake(context: Context, arguments: argparse.Namespace) -> int:
    """Measure a simulated lake, and print what it would cost."""
    if arguments.events < LEAST_EVENTS:
        raise LocalError(
            "Bytes of so few events say nothing.", f"Give --events a whole number from {LEAST_EVENTS:,}."
        )
    with_layer()
    from costing import lake_measure, lake_page

    def tell(step: str) -> None:
        print(f"  {step}", flush=True)

    with tempfile.TemporaryDirectory(prefix="lake-costs-") as folder:
        data = lake_measure.measure(Path(folder), arguments.events, tell)
    for name, rows in lake_page.tables(data).items():
        print(f"\n{bold(lake_page.TITLES[name])}")
        print("\n".join(aligned([[cell.replace("*", "").replace("`", "") for cell in row] for row in rows])))
    if arguments.json:
        try:
            _write(arguments.json, f"{json.dumps(data, indent=1)}\n")
        except OSError as error:
            raise LocalError(f"{error.filename}: {error.strerror}.", "Look at the path.") from None
    return 0


def _summary(context: Context, turns: int, seed: int, day: str) -> dict[str, Any]:
    from costing import simulation
    from costing.tokens import TokenizerError

    with context.progress.step("routing the month's conversations", quiet=True):
        routed = simulation.route(MONTH)
    try:
        with context.progress.step("counting tokens", quiet=True):
            counts = simulation.count(MONTH, routed, venv_python(TOOLS / "model"), REPOSITORY)
    except TokenizerError as error:
        raise LocalError(str(error), "Look at `./run doctor`, and start again.") from None
    with context.progress.step(f"simulating {turns:,} turns under each assumption", quiet=True):
        return simulation.summary(MONTH, routed, counts, turns=turns, seed=seed, day=day)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a date is written like 2026-11-21") from None


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
