"""`./run` without a command: from nothing to a printed reply, and how to go on."""

from __future__ import annotations

import argparse

from local.cli.command import Context
from local.cli.conversation import describe
from local.cli.terminal import bold

FIRST_MESSAGE = "I had a long day, and I can't stop thinking about an argument with my sister."


def register(parser: argparse.ArgumentParser) -> None:
    """Make this what happens without a command."""
    parser.add_argument(
        "--model",
        help='who answers: "small" (SmolLM2, the default), "composer", or the URL of an OpenAI-style API',
    )
    parser.set_defaults(run=run_first)


def run_first(context: Context, arguments: argparse.Namespace) -> int:
    """Set up, start, deploy, send a first message."""
    from local.cli.api_client import ApiClient

    stack = context.stack_with(arguments.model)
    stack.up()
    stack.deploy()
    with context.progress.step("First message, through the API"):
        answer = ApiClient(stack).turn(FIRST_MESSAGE, locale="en-US")
    print(f"\n  You: {FIRST_MESSAGE}\n{describe(answer)}\n")
    print(how_to_go_on(stack.api_url))
    return 0


def how_to_go_on(api_url: str) -> str:
    """The commands that one wants next, ready to be pasted."""
    turn = (
        "curl -sS {url}/v1/turns -H \"Authorization: $TOKEN\" -H 'Content-Type: application/json' -d '{body}'"
    )
    body = '{"message": "I feel a bit lost today."}'
    return f"""{bold("Go on")}
  ./run chat                 talk to it (Ctrl-D leaves)
  ./run turn "…"             one message; --json shows the whole answer
  ./run admin variants list  what people are served, and what is tried on some of them
  ./run logs -f              what the functions say
  ./run status, ./run down, ./run test, ./run --help

{bold("Or by HTTP")}
  TOKEN=$(./run token)
  curl -sS {api_url}/v1/health
  {turn.format(url=api_url, body=body)}"""
