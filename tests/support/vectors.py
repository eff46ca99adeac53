"""Shared cases: language-neutral JSON, each case with a `description`."""

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[1] / "vectors"


def load_vectors(name: str) -> list[dict[str, Any]]:
    """Return the cases of `tests/vectors/<name>`."""
    cases: list[dict[str, Any]] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return cases


def description(case: dict[str, Any]) -> str:
    """Return the case's description, as a test id."""
    return str(case["description"])
