"""Trino's own grammar, as the npm package dt-sql-parser carries it, asked whether statements parse.

sqlglot takes much that Trino refuses, so what runs on a laptop says nothing about the syntax on AWS. The
grammar runs in Node.js: `check.mjs` next to this file.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

PACKAGE = "dt-sql-parser@4.5.1"
SCRIPT = Path(__file__).with_name("check.mjs")


class GrammarUnavailableError(RuntimeError):
    """The grammar cannot be asked: nothing may be concluded about any statement."""


def errors(statements: Mapping[str, str], folder: Path) -> dict[str, list[str]]:
    """The errors of those statements that do not parse, by their names, each as `line:column: message`.

    Args:
        statements: name → one statement of Trino (the query of an UNLOAD, not the UNLOAD).
        folder: where the tool is installed: `bin/node` and `node_modules`.

    Raises:
        GrammarUnavailableError: the tool is missing or fails.
    """
    node = folder / "bin" / "node"
    package = folder / "node_modules" / "dt-sql-parser" / "package.json"
    if not node.exists() or not package.exists():
        raise GrammarUnavailableError(f"{PACKAGE} is not installed in {folder}: run `./run test local`")
    try:
        asked = subprocess.run(
            [str(node), str(SCRIPT), str(folder)],
            input=json.dumps(dict(statements)),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        found = json.loads(asked.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise GrammarUnavailableError(f"{SCRIPT.name} failed: {error}") from error
    return {
        name: [f"{one['line']}:{one['column']}: {one['message']}" for one in several]
        for name, several in found.items()
    }
