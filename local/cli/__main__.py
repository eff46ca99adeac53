"""`./run`: parse, call one command, turn its errors into a paragraph."""

from __future__ import annotations

import argparse
import os
import sys
import traceback

from local.cli import (
    admin,
    checks,
    conversation,
    cost,
    doctor,
    evaluate,
    first_run,
    fuzz,
    logs,
    metrics,
    outbox,
    promote,
    report,
    rollup,
    simulate,
    stack_commands,
    synthesis,
    training,
)
from local.cli.command import Commands, Context
from local.cli.terminal import wrapped
from local.tools.errors import LocalError
from local.tools.running import end_cleanly_when_told

INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="./run",
        description="Silent Infinity on this machine. Without a command: set up, start, deploy, and answer a "
        "first message through the deployed API.",
        epilog="`./run COMMAND --help` tells more about a command.",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = Commands(parser)
    first_run.register(parser)
    for module in (
        stack_commands,
        outbox,
        conversation,
        synthesis,
        rollup,
        report,
        simulate,
        admin,
        promote,
        metrics,
        logs,
        checks,
        fuzz,
        evaluate,
        cost,
        training,
        doctor,
    ):
        module.register(commands)
    return parser


def main(argv: list[str]) -> int:
    """Run one command; returns its exit code."""
    ours, extra = _split_extra(argv)
    arguments = build_parser().parse_args(ours)
    arguments.extra = extra
    end_cleanly_when_told()
    try:
        code: int = arguments.run(Context(), arguments)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has seen enough. Nothing more can be said; Python would complain at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except LocalError as error:
        if arguments.debug:
            traceback.print_exc()
        print(f"\n{_paragraph(error)}", file=sys.stderr)
        return 1
    except Exception as error:  # noqa: BLE001 - the last resort of a command line: a sentence, not a traceback
        if arguments.debug:
            traceback.print_exc()
        print(
            f"\n{wrapped(f'{type(error).__name__}: {error}', '')}\n"
            "This was not foreseen. `./run --debug …` shows where; `./run doctor` checks the machine.",
            file=sys.stderr,
        )
        return 1
    return code


def _split_extra(argv: list[str]) -> tuple[list[str], list[str]]:
    """Arguments before and after a lone `--`, which go to the tool that a command starts."""
    if "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _paragraph(error: LocalError) -> str:
    return "\n".join(part for part in (error.problem.strip("\n"), error.remedy) if part)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
