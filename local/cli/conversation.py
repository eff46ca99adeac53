"""Commands that talk: turn, chat, feedback, token."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from local.cli.command import Commands, Context
from local.cli.terminal import bold, wrapped

if TYPE_CHECKING:
    from local.cli.api_client import ApiClient

LEAVE = {"/quit", "/exit", "/q"}


def register(commands: Commands) -> None:
    """Add the commands of this module."""
    turn = commands.add("turn", run_turn, "send one message through the deployed API and print the reply")
    turn.add_argument("message", help="what the person writes (1 to 4000 characters); - reads standard input")
    turn.add_argument("--session", metavar="ID", help='go on with a session; "last" is the latest one')
    turn.add_argument("--locale", metavar="TAG", help="BCP 47 tag, for example en-US or hi-IN")
    turn.add_argument(
        "--key", metavar="KEY", help="idempotency key: the same key and message, the same reply"
    )
    turn.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    turn.add_argument("--user", default="demo", help="which local user writes (made when missing)")

    chat = commands.add("chat", run_chat, "talk, message by message, in one session")
    chat.add_argument("--session", metavar="ID", help='go on with a session; "last" is the latest one')
    chat.add_argument("--locale", metavar="TAG", help="BCP 47 tag, for example en-US or hi-IN")
    chat.add_argument("--user", default="demo", help="which local user writes (made when missing)")

    feedback = commands.add("feedback", run_feedback, "rate a reply")
    feedback.add_argument("turn_id", nargs="?", metavar="TURN_ID", help="default: the latest turn")
    feedback.add_argument("--session", metavar="ID", help="the turn's session, if it was not sent from here")
    feedback.add_argument("--rating", type=float, metavar="N", help="1 (poor) to 5 (excellent)")
    feedback.add_argument("--nps", type=int, metavar="N", help="0 to 10, for the whole session")
    feedback.add_argument("--text", help="in words")
    feedback.add_argument("--user", default="demo", help="which local user rates")

    token = commands.add("token", run_token, "print an ID token of the demo user, for curl")
    token.add_argument("--user", help="another local user (made when missing)")
    token.add_argument("--operator", action="store_true", help="of an operator, for the admin API")


def run_turn(context: Context, arguments: argparse.Namespace) -> int:
    """Send one message."""
    message = sys.stdin.read().rstrip("\n") if arguments.message == "-" else arguments.message
    client = _client(context, arguments.user)
    with context.progress.step("Waiting for the reply", quiet=True):
        answer = client.turn(message, session=arguments.session, locale=arguments.locale, key=arguments.key)
    if arguments.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        print(describe(answer))
    return 0


def run_chat(context: Context, arguments: argparse.Namespace) -> int:
    """Send messages from standard input until it ends."""
    client = _client(context, arguments.user)
    session = arguments.session
    interactive = sys.stdin.isatty()
    if interactive:
        print("Write, and press Enter. /quit or Ctrl-D leaves. You are talking to a program, not a person.\n")
    for message in _messages(interactive):
        with context.progress.step("Waiting for the reply", quiet=True):
            answer = client.turn(message, session=session, locale=arguments.locale)
        session = answer["session_id"]
        print(f"\n{_notice(answer)}{wrapped(answer['reply']['text'])}\n")
    return 0


def run_feedback(context: Context, arguments: argparse.Namespace) -> int:
    """Send explicit feedback."""
    answer = _client(context, arguments.user).feedback(
        arguments.turn_id,
        session=arguments.session,
        rating=arguments.rating,
        nps=arguments.nps,
        text=arguments.text,
    )
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    return 0


def run_token(context: Context, arguments: argparse.Namespace) -> int:
    """Print an ID token and nothing else."""
    from local.stack.stack import DEMO_USER, OPERATOR

    context.stack.require_up()
    if arguments.operator:
        print(context.stack.operator_token(arguments.user or OPERATOR))
    else:
        print(context.stack.id_token(arguments.user or DEMO_USER))
    return 0


def describe(answer: dict[str, Any]) -> str:
    """The reply, and below it in one line what was decided on the way."""
    usage, quality, crisis = answer["usage"], answer["quality"], answer["crisis"]
    facts = [
        f"kind {answer['reply']['kind']}",
        f"class {answer['turn_class']}",
        f"intent {answer['intent']['name']}",
        f"crisis level {crisis['level']}",
        f"model {usage['model_id'] or 'none'}",
    ]
    if quality["score"] is not None:
        facts.append(f"quality {quality['score']:.2f} after {quality['attempts']}")
    identifiers = f"turn {answer['turn_id']}  session {answer['session_id']}"
    reply = f"{_notice(answer)}{bold(wrapped(answer['reply']['text']))}"
    return f"\n{reply}\n\n  {' · '.join(facts)}\n  {identifiers}"


def _notice(answer: dict[str, Any]) -> str:
    """The notice that this is an AI, if one is due; a program that shows replies has to show it."""
    notice = answer.get("disclosure")
    return f"{wrapped(notice['text'])}\n\n" if notice else ""


def _messages(interactive: bool) -> Any:
    while True:
        try:
            line = input("> " if interactive else "")
        except EOFError:
            return
        if line.strip() in LEAVE:
            return
        if line.strip():
            yield line


def _client(context: Context, user: str) -> ApiClient:
    from local.cli.api_client import ApiClient

    context.stack.require_up()
    return ApiClient(context.stack, user)
