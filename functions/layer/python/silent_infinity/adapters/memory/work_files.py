"""Files of a piece of work, in memory."""

import json
from collections.abc import Iterable
from typing import Any


class MemoryWorkFiles:
    """A `WorkFiles`. `files` has the text of each file by its name."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def write(self, name: str, lines: Iterable[Any]) -> None:
        self.files[name] = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def read(self, name: str) -> list[Any] | None:
        text = self.files.get(name)
        return None if text is None else [json.loads(line) for line in text.split("\n") if line]

    def names(self, prefix: str) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.files if name.startswith(prefix)))

    def remove(self, prefix: str) -> int:
        found = self.names(prefix)
        for name in found:
            del self.files[name]
        return len(found)
