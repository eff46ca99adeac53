"""`./run outbox`: what people would have got by e-mail, and the links in it."""

from __future__ import annotations

import argparse
import json
import re
import webbrowser
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from local.cli.admin import count
from local.cli.command import Commands, Context
from local.cli.terminal import bold, plain
from local.tools.errors import LocalError

if TYPE_CHECKING:
    from local.stack.mails import Mail

FILE = "outbox.jsonl"
LINK = re.compile(r"https?://\S+")
APPROVAL = "/v1/approvals/"


def register(commands: Commands) -> None:
    """Add the command of this module."""
    outbox = commands.add("outbox", run_outbox, "show the messages that people would have got by e-mail")
    outbox.add_argument("--last", type=count, metavar="N", help="only the last N")
    outbox.add_argument("--to", metavar="ADDRESS", help="only what this address received")
    outbox.add_argument("--open", type=count, metavar="N", help="open the first link of message N")
    outbox.add_argument(
        "--confirm", action="store_true", help="follow the links by which subscriptions begin"
    )
    outbox.add_argument("--json", action="store_true", help="print them as JSON")


def run_outbox(context: Context, arguments: argparse.Namespace) -> int:
    """Print the messages since the stack was made, newest last, or do something with their links."""
    stack = context.stack
    stack.require_up()
    found = messages(stack)
    if arguments.confirm:
        return _confirm(found)
    if arguments.open is not None:
        return _open(found, arguments.open)
    chosen = [(number, mail) for number, mail in enumerate(found, 1) if arguments.to in (None, mail.to)]
    chosen = chosen[-arguments.last :] if arguments.last else chosen
    if arguments.json:
        print(json.dumps([{"number": number, **asdict(mail)} for number, mail in chosen], indent=2))
        return 0
    if not chosen:
        print("The outbox is empty.")
    for number, mail in chosen:
        print(shown(number, mail))
    return 0


def messages(stack: Any) -> list[Mail]:
    """What the operations topic sent, and what subscribers by e-mail received, oldest first."""
    from local.stack.mails import from_envelope

    file = stack.home / FILE
    with file.open("a", encoding="utf-8") as sink:
        # Reading empties the queue: the file is what stays.
        sink.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in stack.outbox_messages())
    told = [from_envelope(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    return sorted([*told, *stack.mails()], key=lambda mail: mail.at)


def shown(number: int, mail: Mail) -> str:
    """A message as a person sees it, with its number."""
    lines = [bold(f"{number}  {mail.at}  {plain(mail.subject) or '(no subject)'}")]
    if mail.sender:
        lines.append(f"From: {plain(mail.sender)}")
    lines.append(f"To: {plain(mail.to)}")
    # Its breaks of lines are its own; nothing else in it may move the cursor.
    return "\n".join([*lines, "", *(plain(line) for line in mail.text.splitlines()), ""])


def first_link(mail: Mail) -> str | None:
    """The link that a message is about: an approval's page, else the one that begins the subscription."""
    from local.stack.mails import CONFIRMATION

    approvals = [link for link in LINK.findall(mail.text) if APPROVAL in link]
    if approvals:
        return str(approvals[0])
    return mail.link if mail.kind == CONFIRMATION else None


def _open(found: Sequence[Mail], number: int) -> int:
    if number > len(found):
        raise LocalError(f"There is no message {number}.", "`./run outbox` shows them with their numbers.")
    link = first_link(found[number - 1])
    if link is None:
        raise LocalError(f"Message {number} has no link to open.", "`./run outbox` shows it.")
    print(link)
    webbrowser.open(link)
    return 0


def _confirm(found: Sequence[Mail]) -> int:
    from local.stack.mails import CONFIRMATION, follow

    confirmed = [mail.to for mail in found if mail.kind == CONFIRMATION and follow(mail.link)]
    for address in confirmed:
        print(f"Confirmed: {plain(address)}")
    if not confirmed:
        print("No subscription waits for its confirmation.")
    return 0
