"""The data that ships with the layer: lexicons, replies, help lines, models, initial variants.

Everything here is edited without touching code, and read once per process.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any


def read_bytes(name: str) -> bytes:
    """Return the content of the file `name` (a path relative to this package), such as a model's weights.

    Raises:
        FileNotFoundError: there is no such file in the layer.
    """
    return (files(__package__) / name).read_bytes()


@cache
def load(name: str) -> Any:
    """Return the parsed content of the JSON file `name` (a path relative to this package).

    The value is shared by all callers of the process: treat it as read-only.

    Raises:
        FileNotFoundError: there is no such file in the layer.
    """
    return json.loads((files(__package__) / name).read_text(encoding="utf-8"))
