"""Results as a table on the terminal, as JSON, and as sections of a document that keeps the others."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from local.cli.terminal import table
from tests.benchmarks.figures import Result, Row, number
from tests.benchmarks.machine import Machine

PREAMBLE = """# Benchmarks

Written by `./run bench`; a benchmark that is run alone replaces its own section only. Each figure stands
beside a floor or a peer that was measured in the same run, because a time alone says more about the machine.
*Ratio* is how many times the floor something costs. No time fails a test: a budget that is not met is work to
do.
"""
COLUMNS = ("measured", "value", "floor", "ratio", "budget", "met")
_SECTION = re.compile(r"^## `([a-z-]+)`.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as text, one cell for each of `COLUMNS`."""
    met = {True: "yes", False: "**no**", None: ""}[row.met]
    return (
        row.what,
        f"{number(row.value)} {row.unit}",
        "" if row.floor is None else f"{number(row.floor)} {row.unit}",
        "" if row.ratio is None else f"{number(row.ratio)} ×",
        row.budget,
        met,
    )


def for_terminal(name: str, result: Result) -> str:
    """Return a result as aligned columns."""
    plain = [tuple(cell.replace("*", "").replace("`", "") for cell in cells(row)) for row in result.rows]
    lines = [f"{name}: {result.title}", f"  floor: {result.floor}", "", table([COLUMNS, *plain])]
    lines += [f"  FAILED: {failure}" for failure in result.failures]
    return "\n".join(lines)


def section(name: str, result: Result, machine: Machine) -> str:
    """Return a result as a section of the document, from its heading to its last line."""
    lines = [f"## `{name}`: {result.title}", "", f"Floor: {result.floor}.", ""]
    lines += [_markdown_row(COLUMNS), _markdown_row(["---"] * len(COLUMNS))]
    lines += [_markdown_row(cells(row)) for row in result.rows]
    lines += ["", *(f"- {note}" for note in result.notes)] if result.notes else []
    lines += ["", *(f"- **Failed:** {failure}" for failure in result.failures)] if result.failures else []
    return "\n".join([*lines, "", f"*{machine}*", ""])


def merged(document: str, sections: Mapping[str, str], order: Sequence[str]) -> str:
    """Return the document with `sections` put in by name, the other sections kept, all in `order`.

    Sections of benchmarks that are not in `order` (they do not exist any more) are dropped.
    """
    found = {match[1]: match[0].rstrip() + "\n" for match in _SECTION.finditer(document)}
    found |= {name: text.rstrip() + "\n" for name, text in sections.items()}
    return "\n".join([PREAMBLE, *(found[name] for name in order if name in found)])


def as_json(results: Iterable[tuple[str, Result, Machine]]) -> list[dict[str, Any]]:
    """Return results as what `json.dumps` writes."""
    return [
        {
            "benchmark": name,
            "title": result.title,
            "floor": result.floor,
            "machine": asdict(machine),
            "rows": [
                {**asdict(row), "ratio": row.ratio, "met": row.met, "budget": row.budget}
                for row in result.rows
            ],
            "notes": list(result.notes),
            "failures": list(result.failures),
        }
        for name, result, machine in results
    ]


def _markdown_row(row: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
