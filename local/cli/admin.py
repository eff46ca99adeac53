"""`./run admin`: what operators do with variants, over the operators' API of any environment."""

from __future__ import annotations

import argparse
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

from local.cli.command import Commands, Context

STATUSES = ("experimental", "staged", "canary", "production", "retired")
COHORTS = ("all", "new_users", "returning", "paid", "free")
ENTRIES = 20
NAME = re.compile(r"(?:[A-Za-z][A-Za-z0-9_]*/)?[A-Za-z0-9][A-Za-z0-9._-]*")

Parsers = Any  # argparse's own type for a group of subparsers is private


def register(commands: Commands) -> None:
    """Add the command of this module."""
    admin = commands.add("admin", run, "look at variants and change them, as an operator (any environment)")
    parsers = admin.add_subparsers(required=True, metavar="WHAT", dest="what")
    variants = parsers.add_parser("variants", help="list, show, change and compare variants")
    _register_variants(variants.add_subparsers(required=True, metavar="DO", dest="do"))

    audit = _leaf(parsers, "audit", "who changed what, when and why; whether the history is whole")
    audit.add_argument(
        "variant",
        nargs="?",
        type=variant_name,
        metavar="CATEGORY/ID",
        help="one variant's (default: everybody's)",
    )
    audit.add_argument(
        "--verify", action="store_true", help="check the chain of hashes and its anchors instead"
    )
    audit.add_argument("--limit", type=count, default=ENTRIES, metavar="N", help="the last N (default: 20)")

    evidence = _change(parsers, "evidence", "record what `./run evaluate … --evidence` wrote of a variant")
    evidence.add_argument("evidence", type=_file, metavar="FILE", help="the document")

    promotions = _leaf(parsers, "promotions", "promotions that were asked for, newest first")
    promotions.add_argument("--status", metavar="STATUS", help="only these, such as awaiting_evidence")
    promotions.add_argument(
        "--limit", type=count, default=ENTRIES, metavar="N", help="at most N (default: 20)"
    )

    _register_approvers(
        parsers.add_parser("approvers", help="who is asked before a variant is promoted").add_subparsers(
            required=True, metavar="DO", dest="do"
        )
    )

    sign_in = _leaf(parsers, "sign-in", "sign in with password and one-time code")
    sign_in.add_argument("--email", help="who (default: asks)")


def _register_approvers(parsers: Parsers) -> None:
    for name, help_line in (
        ("list", "who can approve, and who cannot yet"),
        ("add", "send an operator's mailbox the link by which it is asked"),
        ("confirm", "confirm a mailbox by the link it was sent, so that no link in a mail ends it"),
        ("remove", "ask a mailbox no more"),
    ):
        parser = parsers.add_parser(name, help=help_line)
        where = parser.add_argument_group("where")
        where.add_argument("-e", "--env", default="local", metavar="ENV", help="environment (default: local)")
        where.add_argument("--region", help="its AWS region (default: as the AWS tools have it)")
        if name == "list":
            parser.add_argument("--json", action="store_true", help="print them as JSON")
        elif name == "confirm":
            parser.add_argument("link", metavar="LINK", help="from the mail, in quotes")
        else:
            parser.add_argument("email", metavar="EMAIL", help="the operator's (local: a name will do)")
        parser.set_defaults(run=run_approvers, parser=parser)


def _register_variants(parsers: Parsers) -> None:
    listing = _leaf(parsers, "list", "all variants, by category")
    listing.add_argument(
        "--category", type=str.upper, metavar="CATEGORY", help="only this category's, one by one"
    )
    listing.add_argument("--status", choices=STATUSES, help="only those in this stage")
    listing.add_argument("--running", action="store_true", help="only experiments that somebody is served")
    listing.add_argument("--all", action="store_true", help="large pools one by one, and retired ones too")

    show = _leaf(parsers, "show", "everything about one variant")
    _add_variant(show)

    create = _change(parsers, "create", "a new variant: experimental, served to nobody")
    create.add_argument("--description", required=True, metavar="TEXT", help="what it is")
    _add_config(create, required=True)
    create.add_argument("--parent", metavar="ID", help="the variant that it branches off")

    update = _change(parsers, "update", "rollout, description, cohort, criteria or config")
    update.add_argument(
        "--rollout", type=percentage, metavar="PERCENT", help="within the bounds of its stage, or 0"
    )
    update.add_argument("--description", metavar="TEXT", help="what it is, for people")
    _add_config(update, required=False)
    update.add_argument("--retire", action="store_true", help="retire it, for good (at a rollout of 0)")
    add_confirm(update)

    promote = _change(parsers, "promote", "one stage up")
    promote.add_argument(
        "--rollout", type=percentage, metavar="PERCENT", help="in the next stage (default: as is usual there)"
    )
    promote.add_argument(
        "--retire-incumbent", action="store_true", help="retire what it replaces in production, for good"
    )
    add_confirm(promote)

    _change(parsers, "demote", "one stage down; from production, the one before comes back")
    _change(parsers, "rollback", "out of everybody's way: experimental, served to nobody")
    _change(parsers, "pause", "serve it to nobody, in its stage")
    _change(parsers, "cancel", "drop a change that waits for its cooldown")

    compare = _leaf(parsers, "compare", "two variants of a category, side by side")
    compare.add_argument(
        "a", type=variant_name, metavar="A", help="the one to compare with, such as production"
    )
    compare.add_argument("b", type=variant_name, metavar="B", help="the other")
    compare.add_argument("--metric", metavar="NAME", help="only this metric")
    compare.add_argument(
        "--from", dest="first", type=_day, metavar="DAY", help="first UTC day, as 2026-11-21"
    )
    compare.add_argument("--to", dest="last", type=_day, metavar="DAY", help="last UTC day, included")


def _leaf(parsers: Parsers, name: str, help_line: str) -> argparse.ArgumentParser:
    sentence = help_line[0].upper() + help_line[1:] + "."
    parser: argparse.ArgumentParser = parsers.add_parser(name, help=help_line, description=sentence)
    parser.add_argument("--json", action="store_true", help="print the API's own document")
    add_where(parser)
    parser.set_defaults(run=run, work=name, parser=parser)
    return parser


def _change(parsers: Parsers, name: str, help_line: str) -> argparse.ArgumentParser:
    parser = _leaf(parsers, name, help_line)
    _add_variant(parser)
    add_change(parser, version=name != "create")
    return parser


def add_change(parser: argparse.ArgumentParser, *, version: bool = True) -> None:
    """Add what every change has: reason, version (of what is there already), key, and a yes in advance."""
    parser.add_argument(
        "--reason", metavar="TEXT", help="why, for the audit log; name no person (default: asks)"
    )
    if version:
        parser.add_argument(
            "--version",
            type=count,
            metavar="N",
            help="change this version only (default: the one just read)",
        )
    else:
        parser.set_defaults(version=None)
    parser.add_argument(
        "--key", help="idempotency key, to repeat a command of which the outcome is not known"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask for the id in production")


def add_where(parser: argparse.ArgumentParser) -> None:
    """Add the options that name an environment."""
    where = parser.add_argument_group("where")
    where.add_argument(
        "-e", "--env", default="local", metavar="ENV", help="environment (default: local; dev, staging, prod)"
    )
    where.add_argument("--region", help="its AWS region (default: as the AWS tools have it)")
    where.add_argument("--api-url", metavar="URL", help="its API, where CloudFormation cannot be read")
    where.add_argument("--pool-id", metavar="ID", help="its operators' pool, with --api-url")
    where.add_argument("--client-id", metavar="ID", help="the client of that pool, with --api-url")


def _add_variant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "variant",
        type=variant_name,
        metavar="CATEGORY/ID",
        help="an id alone will do if only one category has it",
    )


def _add_config(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--config", type=_document, required=required, metavar="JSON", help="JSON, or @FILE that holds it"
    )
    parser.add_argument(
        "--cohort", metavar="WHO", choices=COHORTS, help="who may be served: " + ", ".join(COHORTS)
    )
    parser.add_argument(
        "--pass-criteria", type=_document, metavar="JSON", help="metric to threshold: JSON, or @FILE"
    )


def add_confirm(parser: argparse.ArgumentParser) -> None:
    """Add the option by which a large step is meant."""
    parser.add_argument("--confirm", action="store_true", help="yes, by more than 25 points")


def run(context: Context, arguments: argparse.Namespace) -> int:
    """Do what was asked, in the environment that was named."""
    # HTTP and AWS take 0.3 s to import: other commands need neither.
    from local.cli import admin_work

    return admin_work.do(context, arguments)


def run_approvers(context: Context, arguments: argparse.Namespace) -> int:
    """List or change the approvers of the environment that was named."""
    from local.cli import admin_approvers

    return admin_approvers.do(context, arguments)


def variant_name(text: str) -> str:
    """Read the name of a variant, with its category or without.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no variant: write CATEGORY/ID")
    category, separator, variant_id = text.rpartition("/")
    return f"{category.upper()}{separator}{variant_id}"


def percentage(text: str) -> float:
    """Read a rollout.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage from 0 to 100")
    return value


def count(text: str) -> int:
    """Read a number of things.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write it like 2026-11-21") from None


def _file(path: str) -> dict[str, Any]:
    return _document(f"@{path}")


def _document(text: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text[1:]} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"this is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError('a JSON object is needed, such as {"name": "value"}')
    return found
