"""Commands that check: lint, test, bench."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass

from local.cli.command import Commands, Context
from local.cli.terminal import bold, table
from local.tools.catalogue import tools_path
from local.tools.errors import LocalError
from local.tools.installer import ensure
from local.tools.locations import DEVELOPMENT_VENV, REPOSITORY
from local.tools.running import run_in_foreground

NO_TESTS = 5  # pytest's exit code for a scope without a test
TYPED = ("app.py", "costing", "evaluation", "local", "stacks", "functions", "tests", "training")


@dataclass(frozen=True)
class Scope:
    """Tests that may touch the same things, run by one pytest."""

    name: str
    folders: tuple[str, ...]
    touches: str
    tools: tuple[str, ...] = ()


SCOPES = (
    Scope("unit", ("tests/unit",), "pure code: no socket, no clock, no file but its own"),
    Scope(
        "contract", ("tests/contract",), "one suite against every adapter of a port", ("model", "statistics")
    ),
    Scope("functions", ("tests/functions",), "handlers with their wiring, AWS simulated in the process"),
    Scope(
        "statemachines",
        ("tests/statemachines",),
        "the workflows: as graphs, and walked in the emulator",
        ("emulator",),
    ),
    Scope("stacks", ("tests/stacks",), "properties of the synthesised templates", ("cdk", "fuzz")),
    Scope(
        "local",
        ("tests/local",),
        "the emulator's completions and the local stack's processes",
        ("emulator", "sql"),
    ),
    Scope(
        "e2e",
        ("tests/e2e",),
        "HTTP against a fresh local stack on its own ports",
        ("emulator", "cdk", "model", "fuzz"),
    ),
)
LINT = "lint"
# pytest knows this from its configuration; other tools do not.
SOURCES = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "functions" / "layer" / "python")])


def register(commands: Commands) -> None:
    """Add the commands of this module."""
    names = ", ".join(scope.name for scope in SCOPES)
    test = commands.add("test", run_test, "lint and run all tests, or the named scopes; after --: for pytest")
    test.add_argument("scopes", nargs="*", metavar="SCOPE", help=f"{LINT}, {names} (default: all)")
    commands.add("lint", run_lint, "style, types and the dependency contract")
    bench = commands.add("bench", run_bench, "measure the budgets, each against its floor in the same run")
    bench.add_argument("names", nargs="*", metavar="NAME", help="which benchmarks (default: all)")
    bench.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    bench.add_argument(
        "--events", type=int, metavar="N", help="how many turn events `rollup` is measured with"
    )


def run_lint(_context: Context, _arguments: argparse.Namespace) -> int:
    """Run the static checks, all of them even if one fails."""
    typed = [name for name in TYPED if (REPOSITORY / name).exists()]
    checks = {
        "ruff check": [_tool("ruff"), "check", "."],
        "ruff format": [_tool("ruff"), "format", "--check", "."],
        "mypy": [_tool("mypy"), *typed],
        "import-linter": [_tool("lint-imports")],
    }
    failed = []
    for name, command in checks.items():
        print(bold(f"── {name}"), flush=True)
        if _run(command, PYTHONPATH=SOURCES) != 0:
            failed.append(name)
    if failed:
        mending = "`.venv/bin/ruff check --fix . && .venv/bin/ruff format .`"
        print(f"\nNot clean: {', '.join(failed)}. {mending} mends what needs no thought.")
        return 1
    return 0


def run_test(context: Context, arguments: argparse.Namespace) -> int:
    """Run scopes one after another and show how long each took; fails when one of them does."""
    known = [LINT, *(scope.name for scope in SCOPES)]
    unknown = [name for name in arguments.scopes if name not in known]
    if unknown:
        raise LocalError(f"There is no scope {', '.join(unknown)}.", f"There are: {', '.join(known)}.")
    wanted = arguments.scopes or known
    rows = []
    for name in wanted:
        started = time.monotonic()
        verdict = _run_scope(context, arguments, name)
        rows.append([name, verdict, f"{time.monotonic() - started:.1f} s"])
    total = sum(float(row[2].removesuffix(" s")) for row in rows)
    print(f"\n{table([*rows, ['all', '', f'{total:.1f} s']])}")
    verdicts = {row[1] for row in rows}
    return 1 if "failed" in verdicts or verdicts == {"no tests"} else 0


def _run_scope(context: Context, arguments: argparse.Namespace, name: str) -> str:
    if name == LINT:
        return "passed" if run_lint(context, arguments) == 0 else "failed"
    scope = next(scope for scope in SCOPES if scope.name == name)
    folders = [folder for folder in scope.folders if (REPOSITORY / folder).is_dir()]
    if not folders:
        return "no tests"
    print(bold(f"── {scope.name}: {scope.touches}"), flush=True)
    ensure(scope.tools, context.progress)
    code = _run([sys.executable, "-m", "pytest", *folders, *arguments.extra])
    return {0: "passed", NO_TESTS: "no tests"}.get(code, "failed")


def run_bench(context: Context, arguments: argparse.Namespace) -> int:
    """Run the benchmarks."""
    ensure(["emulator", "cdk"], context.progress)
    options = ["--json", arguments.json] if arguments.json else []
    options += ["--events", str(arguments.events)] if arguments.events else []
    return _run(
        [sys.executable, "-m", "tests.benchmarks", *arguments.names, *options, *arguments.extra],
        PYTHONPATH=SOURCES,
    )


def _tool(name: str) -> str:
    return str(DEVELOPMENT_VENV / "bin" / name)


def _run(command: list[str], **extra: str) -> int:
    """Run a check in the repository with its output shown as it comes."""
    # Tests never call a real model or a real account, whatever the caller's shell is set up for.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env = {**clean, **extra, "PATH": tools_path(clean.get("PATH", ""))}
    return run_in_foreground(command, cwd=REPOSITORY, env=env)
