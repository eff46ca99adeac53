"""Commands that train: train-screen, train-injection, train-turn-class. What they write is committed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from local.cli.checks import SOURCES
from local.cli.command import Commands, Context
from local.tools.installer import ensure
from local.tools.locations import REPOSITORY, TOOLS, venv_python
from local.tools.running import run_in_foreground

TRAINING = TOOLS / "training"
SCREEN_PARTS = ("linear", "encoder", "thresholds")
TURN_CLASS_PARTS = ("large", "small")


def register(commands: Commands) -> None:
    """Add the commands of this module."""
    screen = commands.add("train-screen", run_screen, "train the learned stages of the crisis screen again")
    screen.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(SCREEN_PARTS)} (default: all)")
    commands.add("train-injection", run_injection, "train the guard against prompt injection again")
    turns = commands.add("train-turn-class", run_turn_class, "train the turn classification again")
    turns.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(TURN_CLASS_PARTS)} (default: both)"
    )


def run_screen(context: Context, arguments: argparse.Namespace) -> int:
    """Train the parts of the screen."""
    return _train(context, "training.screen", [*arguments.parts, *arguments.extra])


def run_injection(context: Context, arguments: argparse.Namespace) -> int:
    """Train the guard."""
    return _train(context, "training.injection.train", arguments.extra)


def run_turn_class(context: Context, arguments: argparse.Namespace) -> int:
    """Train the parts of the turn classification."""
    return _train(context, "training.turn_class", [*arguments.parts, *arguments.extra])


def _train(context: Context, module: str, options: list[str]) -> int:
    ensure(["training"], context.progress)
    python: Path = venv_python(TRAINING)
    return run_in_foreground(
        [str(python), "-m", module, *options],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": SOURCES, "TRANSFORMERS_VERBOSITY": "error"},
    )
