"""Prompt files in a folder, laid out as `<template_id>/v<N>.md`."""

import re
from functools import cache
from pathlib import Path

from silent_infinity.ports.prompts import PromptNotFoundError

_TEMPLATE_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")


class PromptFiles:
    """A `PromptSource` over the copy that is bundled with the code. Files are read once per process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = cache(self._read_file)

    def text(self, template_id: str, version: int) -> str:
        return self._read(template_id, version)

    def versions(self) -> tuple[tuple[str, int], ...]:
        """Return every (template id, version) in the folder, sorted."""
        return tuple(
            sorted((path.parent.name, int(path.stem[1:])) for path in self._folder.glob("*/v[0-9]*.md"))
        )

    def _read_file(self, template_id: str, version: int) -> str:
        # The id comes from a variant's configuration: it names a folder, never a way out of this one.
        if _TEMPLATE_ID.fullmatch(template_id):
            try:
                return (self._folder / template_id / f"v{version}.md").read_text(encoding="utf-8")
            except FileNotFoundError:
                pass
        raise PromptNotFoundError(f"{template_id} version {version}")
