"""`./run metrics`: what the nightly rollup has computed, in the terminal or as a page."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from local.cli.command import Commands, Context
from local.tools.locations import with_layer

USUAL_DAYS = 14
MOST_DAYS = 366
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def register(commands: Commands) -> None:
    """Add the command of this module."""
    command = commands.add("metrics", run, "show or plot the figures of the service and of its variants")
    parsers = command.add_subparsers(required=True, metavar="WHAT", dest="what")

    show = _leaf(parsers, "show", "a table for each variant, with a line of its days")
    show.add_argument("--json", action="store_true", help="print the figures as JSON instead")

    plot = _leaf(parsers, "plot", "a page of pictures, in one file that needs no other")
    plot.add_argument(
        "--out", type=Path, default=Path("metrics.html"), metavar="FILE", help="where (default: metrics.html)"
    )


def _leaf(parsers: argparse._SubParsersAction, name: str, help_line: str) -> argparse.ArgumentParser:  # type: ignore[type-arg]
    parser: argparse.ArgumentParser = parsers.add_parser(
        name, help=help_line, description=help_line[0].upper() + help_line[1:] + "."
    )
    parser.add_argument(
        "--category",
        type=_category,
        metavar="CATEGORY",
        help="all variants of this category (default: the service as a whole, and running experiments)",
    )
    parser.add_argument("--variant", type=_name, metavar="ID", help="only this variant, beside production")
    parser.add_argument("--metric", type=_name, metavar="NAME", help="only this metric")
    parser.add_argument(
        "--days", type=_days, default=USUAL_DAYS, metavar="N", help="the last N UTC days (default: 14)"
    )
    where = parser.add_argument_group("where")
    where.add_argument(
        "-e", "--env", default="local", metavar="ENV", help="environment (default: local; dev, staging, prod)"
    )
    where.add_argument("--region", help="its AWS region (default: as the AWS tools have it)")
    return parser


def run(context: Context, arguments: argparse.Namespace) -> int:
    """Show or plot what was asked for."""
    with_layer()
    # The layer's code and AWS take 0.3 s to import: other commands need neither.
    from local.cli import metrics_work

    return metrics_work.do(context, arguments)


def _category(text: str) -> str:
    return _name(text).upper()


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name")
    return text


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_DAYS):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_DAYS}")
    return int(text)
