"""`python -m tests.benchmarks [NAME ...] [--json FILE] [--no-write]`: measure, show, write down."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from local.tools.catalogue import tools_path
from local.tools.errors import LocalError
from local.tools.locations import REPOSITORY, with_layer
from local.tools.running import end_cleanly_when_told

DOCUMENT = REPOSITORY / "docs" / "benchmarks.md"
# Quick ones first; the last two share a deployed stack.
NAMES = (
    "turn-cpu",
    "cold-start",
    "sizes",
    "screen",
    "assignment",
    "promotion",
    "rollup",
    "local-turn",
    "load",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named benchmarks, by default all; 1 when one found a wrong result (never for being slow)."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file as well")
    parser.add_argument(
        "--events", type=int, help="how many turn events `rollup` is measured with (default: 1,000,000)"
    )
    parser.add_argument("--no-write", action="store_true", help=f"leave docs/{DOCUMENT.name} as it is")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    _isolate()
    end_cleanly_when_told()
    try:
        return _run([name for name in NAMES if name in options.names or not options.names], options)
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run(names: Sequence[str], options: argparse.Namespace) -> int:
    from tests.benchmarks import report
    from tests.benchmarks.machine import Machine
    from tests.benchmarks.workshop import ROLLUP_EVENTS, Workshop

    found = []
    started = time.monotonic()
    with Workshop(options.events or ROLLUP_EVENTS) as workshop:
        for name in names:
            machine = Machine.here()
            result = import_module(f"tests.benchmarks.{name.replace('-', '_')}").run(workshop)
            found.append((name, result, machine))
            sys.stdout.write(f"\n{report.for_terminal(name, result)}\n\n")
            sys.stdout.flush()
            if not options.no_write:  # at once: an interrupted run keeps what it has measured
                _write(report.section(name, result, machine), name)
    if options.json:
        options.json.write_text(json.dumps(report.as_json(found), indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{found[0][2]}\nMeasured in {time.monotonic() - started:.0f} s.\n")
    return 1 if any(result.failures for _, result, _ in found) else 0


def _write(section: str, name: str) -> None:
    from tests.benchmarks.report import merged

    before = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    DOCUMENT.write_text(merged(before, {name: section}, NAMES), encoding="utf-8")


def _isolate() -> None:
    """No account, no live model, the pinned tools; the layer's package can be imported without PYTHONPATH."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["SILENT_INFINITY_FORBID_LIVE_MODELS"] = "1"
    os.environ["PATH"] = tools_path(os.environ.get("PATH", ""))
    with_layer()


if __name__ == "__main__":
    sys.exit(main())
