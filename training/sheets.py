"""Corpus sheets: text files with headings `## LABEL CATEGORY` and one message a line.

In a message, `\\n` written out stands for a line end, so that a message of several lines stays on one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class SheetError(ValueError):
    """A sheet is not written as it should be. Names the file and the line."""


@dataclass(frozen=True)
class Message:
    """One line of a sheet."""

    text: str
    label: str
    category: str


def read_sheet(path: Path) -> Iterator[Message]:
    """Yield the messages of the sheet at `path`, in order.

    Raises:
        SheetError: a heading is incomplete, or a message comes before any heading.
    """
    label = category = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("## "):
            heading = line.split()
            if len(heading) != 3:
                raise SheetError(f"{path.name}, line {number}: a heading is `## LABEL CATEGORY`")
            _, label, category = heading
        elif line.strip():
            if not label:
                raise SheetError(f"{path.name}, line {number}: a message without a heading")
            yield Message(line.strip().replace("\\n", "\n"), label, category)


def read_sheets(folder: Path) -> list[Message]:
    """Return the messages of every sheet in `folder`, sheets by name, a text that came before left out."""
    seen: dict[str, Message] = {}
    for path in sorted(folder.glob("*.txt")):
        for message in read_sheet(path):
            seen.setdefault(message.text, message)
    return list(seen.values())
