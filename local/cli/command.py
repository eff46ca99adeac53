"""What every command has: a line of help, a function, and a context to work in."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from local.tools.progress import Progress

if TYPE_CHECKING:
    from local.stack import LocalStack


class Context:
    """Made once for a command. What it holds is made when first used: `--help` pays for nothing."""

    def __init__(self) -> None:
        self.progress = Progress()

    @cached_property
    def stack(self) -> LocalStack:
        """The local stack in the default home."""
        return self.stack_with(None)

    def stack_with(self, model: str | None) -> LocalStack:
        """The local stack with a choice of the model (None: as last time)."""
        from local.stack import LocalStack

        return LocalStack(model=model, progress=self.progress)


Run = Callable[[Context, argparse.Namespace], int]


class Commands:
    """Collects the commands of all modules in one parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(self, name: str, run: Run, help_line: str) -> argparse.ArgumentParser:
        """Add a command; returns its parser for options of its own."""
        sentence = help_line[0].upper() + help_line[1:] + "."
        parser = self._subparsers.add_parser(name, help=help_line, description=sentence)
        parser.set_defaults(run=run)
        return parser
