"""`./run admin approvers`: who is asked before a variant is promoted."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from local.cli.admin_target import CREDENTIALS, LOCAL, client, stack_outputs
from local.cli.command import Context
from local.cli.terminal import plain, table, wrapped
from local.operators.approvers import APPROVES, ApproverSubscriptions
from local.stack.users import address_of
from local.tools.errors import LocalError

TOPIC, POOL = "ApproversTopicArn", "OperatorPoolId"
NEEDED, NEEDED_FOR_CRISIS = 1, 2
"""How many have to say yes."""


def do(context: Context, arguments: argparse.Namespace) -> int:
    """Do what was asked; returns the exit code."""
    from botocore.exceptions import BotoCoreError, ClientError

    address = address_from(arguments) if arguments.do in ("add", "remove") else ""
    try:
        found = subscriptions(context, arguments)
        if arguments.do == "add":
            return _add(context, arguments, found, address)
        if arguments.do == "confirm":
            found.confirm(arguments.link)
            print("Confirmed. Only `./run admin approvers remove` ends it.")
            return 0
        if arguments.do == "remove":
            found.remove(address)
            print(f"{address} is asked no more.")
            return 0
        return _list(arguments, found)
    except ClientError as error:
        raise LocalError(
            f"AWS refuses this: {error.response['Error'].get('Message')}", CREDENTIALS
        ) from error
    except BotoCoreError as error:
        raise LocalError(f"AWS cannot be asked: {error}", CREDENTIALS) from error


def subscriptions(context: Context, arguments: argparse.Namespace) -> ApproverSubscriptions:
    """The approvers of the environment that the options name.

    Raises:
        LocalError: its stacks have none, or cannot be read.
    """
    if arguments.env == LOCAL:
        context.stack.require_up()
        if TOPIC not in context.stack.outputs:
            raise LocalError("What is deployed has no approvers.", "Run `./run deploy -e local`.")
        return context.stack.approvers
    data = stack_outputs(arguments.env, arguments.region, "Data")
    api = stack_outputs(arguments.env, arguments.region)
    if TOPIC not in data or POOL not in api:
        raise LocalError(
            f"What is deployed to {arguments.env} has no approvers.",
            f"Run `./run deploy -e {arguments.env}`.",
        )
    return ApproverSubscriptions(
        sns=client("sns", arguments.region),
        cognito=client("cognito-idp", arguments.region),
        topic_arn=data[TOPIC],
        pool_id=api[POOL],
    )


def _list(arguments: argparse.Namespace, found: ApproverSubscriptions) -> int:
    mailboxes = found.mailboxes()
    if arguments.json:
        print(json.dumps({"approvers": [asdict(each) for each in mailboxes]}, indent=2))
        return 0
    if mailboxes:
        rows = [[plain(each.address), each.subject[:8], each.state] for each in mailboxes]
        print(table(rows))
        print()
    able = sum(each.state == APPROVES for each in mailboxes)
    print(wrapped(f"{able} can approve. {_enough(able)}"))
    return 0


def _enough(able: int) -> str:
    """What so many approvers are enough for. The one who asks is never among those who are asked."""
    if able < NEEDED + 1:
        return (
            f"Whoever asks for a promotion does not approve it: have {NEEDED + 1}, "
            f"or {NEEDED_FOR_CRISIS + 1} for the categories of crises."
        )
    if able < NEEDED_FOR_CRISIS + 1:
        return f"The categories of crises need {NEEDED_FOR_CRISIS} beside the one who asks."
    return ""


def _add(context: Context, arguments: argparse.Namespace, found: ApproverSubscriptions, address: str) -> int:
    if arguments.env == LOCAL and "@" not in arguments.email:
        context.stack.operator_token(arguments.email)
    for old in found.add(address):
        print(f"{plain(old)} is asked no more.")
    follow = (
        "`./run outbox --confirm` follows it."
        if arguments.env == LOCAL
        else f"It is good for two days. Better than following it: `./run admin approvers confirm LINK -e "
        f"{arguments.env}`, after which no link in a mail ends the subscription."
    )
    print(wrapped(f"{address} was sent a link; who follows it is asked from then on. {follow}", ""))
    return 0


def address_from(arguments: argparse.Namespace) -> str:
    """The address that was given, or that of a local operator who was named."""
    given: Any = arguments.email
    if "@" in given:
        return str(given)
    if arguments.env != LOCAL:
        arguments.parser.error(f"{given!r} is no e-mail address")
    return address_of(given)
