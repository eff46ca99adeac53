"""`./run fuzz`: ask the deployed local API for longer than the tests do."""

from __future__ import annotations

import argparse

from local.cli.command import Commands, Context
from local.fuzz.asking import asking
from local.tools.installer import ensure
from local.tools.running import run_in_foreground


def register(commands: Commands) -> None:
    """Add the command of this module."""
    fuzz = commands.add(
        "fuzz",
        run_fuzz,
        "ask the deployed local API what its description allows and forbids; variants change",
    )
    fuzz.add_argument("--examples", type=int, default=200, metavar="N", help="requests an operation (200)")
    fuzz.add_argument("--seed", type=int, default=1, help="another one asks other things (1)")


def run_fuzz(context: Context, arguments: argparse.Namespace) -> int:
    """Ask, and return schemathesis's exit code: 1 when an answer is not as described."""
    context.stack.require_up()
    ensure(["fuzz"], context.progress)
    ask = asking(
        context.stack, examples=arguments.examples, seed=arguments.seed, options=tuple(arguments.extra)
    )
    return run_in_foreground(ask.command, cwd=context.stack.home, env=ask.environment)
