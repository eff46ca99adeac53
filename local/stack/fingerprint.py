"""Whether something changed that a deployment or a running program depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

# Made by tools beside the sources, never deployed.
IGNORED_FOLDERS = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", "cdk.out", "node_modules"}


def fingerprint(root: Path, paths: Iterable[str], *facts: str) -> str:
    """A digest (hex) of the files and folders `paths` below `root`, by name and content, and of `facts`.

    A path that does not exist counts as empty.
    """
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(f"fact {len(fact)} {fact}\n".encode())
    for file in _files(root, paths):
        content = file.read_bytes()
        digest.update(f"file {file.relative_to(root).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(root: Path, paths: Iterable[str]) -> Iterator[Path]:
    for name in paths:
        path = root / name
        if path.is_file():
            yield path
        elif path.is_dir():
            found = (file for file in path.rglob("*") if file.is_file())
            yield from sorted(f for f in found if not IGNORED_FOLDERS & set(f.relative_to(path).parts))
