"""Read JSON lines: one object a line, with errors that name the file and the line and never quote it."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

Line = dict[str, Any]
Check = Callable[[Line], str | None]
"""Says what is wrong with a line, in words that do not quote it; None when it is fine."""


class LineError(ValueError):
    """A line cannot be used. Says which one and why, never what stands in it."""

    def __init__(self, source: str, number: int, problem: str) -> None:
        super().__init__(f"{source}, line {number}: {problem}.")
        self.source = source
        self.number = number
        self.problem = problem


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file whose every line has been checked. `sha256` fixes what a figure was measured on."""

    path: Path
    lines: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name without its folder, which may tell more than a report should."""
        return self.path.name


def checked(path: Path, check: Check) -> DataFile:
    """Read a whole file once and check it, so that an hour's run does not end at a bad line.

    Raises:
        LineError: the first line that cannot be used, or a file without any.
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    count = 0
    for _ in _numbered(path, check, digest.update):
        count += 1
    if count == 0:
        raise LineError(path.name, 1, "the file has no lines")
    return DataFile(path, count, digest.hexdigest())


def read(path: Path, check: Check) -> Iterator[Line]:
    """Yield the objects of a file one by one. Blank lines are skipped; a byte order mark is, too.

    Raises:
        LineError: a line is not UTF-8, not a JSON object, or fails the check.
        OSError: the file cannot be read.
    """
    return _numbered(path, check, lambda _line: None)


def _numbered(path: Path, check: Check, seen: Callable[[bytes], None]) -> Iterator[Line]:
    # In binary, so that only a newline ends a line: texts may hold other separators.
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            seen(raw)
            content = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if not content.strip():
                continue
            line, problem = _parsed(content)
            problem = problem or check(line)
            if problem:
                raise LineError(path.name, number, problem)
            yield line


def _parsed(content: bytes) -> tuple[Line, str | None]:
    """Return the object, or an empty one and the problem. Exceptions of parsers quote what they read."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        return {}, f"not UTF-8 at byte {error.start + 1}"
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return {}, f"not JSON at column {error.colno}"
    except (ValueError, RecursionError):
        return {}, "not JSON: a number without a value, or nesting without end"
    if not isinstance(value, dict):
        return {}, "not a JSON object"
    return value, None


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and infinity are no JSON")


def text_problem(line: Line) -> str | None:
    """Check the field that every kind of line has."""
    if "text" not in line:
        return 'no field "text"'
    return None if isinstance(line["text"], str) else 'the field "text" is not a string'


def written(line: Line) -> bytes:
    """Return a line as UTF-8 JSON with its newline."""
    text = json.dumps(line, ensure_ascii=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        # Half a surrogate pair is legal in JSON's escapes and cannot be UTF-8.
        return json.dumps(line).encode() + b"\n"
