"""`./run promote`: ask for the promotion of a variant, and see where one stands."""

from __future__ import annotations

import argparse

from local.cli.admin import ENTRIES, add_change, add_confirm, add_where, count, percentage, variant_name
from local.cli.command import Commands, Context

STATUS, LIST = "status", "list"


def register(commands: Commands) -> None:
    """Add the command of this module."""
    promote = commands.add("promote", run, "ask for a variant's next stage; see where a promotion stands")
    promote.add_argument(
        "what",
        type=_what,
        metavar="CATEGORY/ID | status | list",
        help="a variant, to take it one stage up; or where promotions stand",
    )
    promote.add_argument(
        "promotion", nargs="?", metavar="PROMOTION", help="with status: which one (default: the newest)"
    )
    promote.add_argument("--json", action="store_true", help="print documents")
    asking = promote.add_argument_group("to ask for one")
    asking.add_argument(
        "--to-percent",
        dest="rollout",
        type=percentage,
        metavar="PERCENT",
        help="its first step in the next stage (default: as is usual there)",
    )
    asking.add_argument(
        "--retire-incumbent", action="store_true", help="retire what it replaces in production, for good"
    )
    add_change(promote)
    add_confirm(promote)
    looking = promote.add_argument_group("to look")
    looking.add_argument(
        "--status", metavar="STATUS", help="with list: only these, such as awaiting_evidence"
    )
    looking.add_argument("--limit", type=count, default=ENTRIES, metavar="N", help="at most N (default: 20)")
    add_where(promote)
    promote.set_defaults(parser=promote)


def run(context: Context, arguments: argparse.Namespace) -> int:
    """Do what was asked, in the environment that was named."""
    from local.cli import promote_work

    return promote_work.do(context, arguments)


def _what(text: str) -> str:
    return text if text in (STATUS, LIST) else variant_name(text)
