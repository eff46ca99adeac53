"""Print for people: wrapped text, columns and, on a terminal, a little weight."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Any

WIDEST = 100
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, formats (directions of writing, what has no width), halves and breaks."""


def width() -> int:
    """Columns to fill: the terminal's, but never more than reads well."""
    return min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)


def bold(text: str) -> str:
    """`text` in bold on a terminal, unchanged elsewhere."""
    return f"\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else text


def plain(value: Any) -> Any:
    """A JSON value whose texts other people wrote, with nothing in them that a terminal obeys.

    An escape sequence could erase a line, and a change of direction could make it read otherwise: both are
    shown as what they are. Breaks of lines become blanks.
    """
    if isinstance(value, str):
        return "".join(map(_shown, value))
    if isinstance(value, dict):
        return {plain(name): plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def plain_json(document: Any) -> str:
    """A document as JSON that says the same, with nothing in it that a terminal obeys."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    # Beside its own breaks of lines they are in texts only, where JSON has another way to write them.
    return "".join(json.dumps(one)[1:-1] if _obeyed(one) and one != "\n" else one for one in text)


def _shown(character: str) -> str:
    if not _obeyed(character):
        return character
    return " " if character.isspace() else character.encode("unicode_escape").decode()


def _obeyed(character: str) -> bool:
    return unicodedata.category(character) in _OBEYED


def wrapped(text: str, indent: str = "  ") -> str:
    """Paragraphs wrapped to the width, each line indented."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        lines += textwrap.wrap(paragraph, width() - len(indent)) or [""]
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Left-aligned columns, as wide as their widest cell."""
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)
