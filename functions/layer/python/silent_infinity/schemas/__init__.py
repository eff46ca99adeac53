"""JSON Schemas (draft 2020-12) of everything that crosses a boundary.

The same files validate requests in the functions, become the API's request models, and describe the API to
clients.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def schema(name: str) -> Any:
    """Return the schema `name` (such as `turn_request`) as parsed JSON. Treat it as read-only.

    Raises:
        FileNotFoundError: there is no such schema.
    """
    return json.loads((files(__package__) / f"{name}.schema.json").read_text(encoding="utf-8"))
