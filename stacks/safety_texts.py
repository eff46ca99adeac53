"""Words and help lines that must be there when nothing else is, read from the layer's data files."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from stacks.paths import DATA


@dataclass(frozen=True)
class SafetyTexts:
    """What is substituted into the state machine and into every response that API Gateway makes by itself.

    `help` is `{"text", "resources": [help line, …]}`, the block that goes with every refusal. `red_flags` are
    regular expressions without look-behind, for lower-case text.
    """

    fallback: str
    red_flag: str
    still_in_progress: str
    help: dict[str, Any]
    red_flags: list[str]


@cache
def safety_texts() -> SafetyTexts:
    """Read the data files once.

    Raises:
        KeyError: a reply lacks its text, or a resource names a help line that is not there.
    """
    replies = _load("static_replies.json")
    lines = {line["id"]: line for line in _load("help_lines.json")["lines"]}
    return SafetyTexts(
        fallback=replies["fallback"]["text"],
        red_flag=replies["red_flag"]["text"],
        still_in_progress=replies["still_in_progress"]["text"],
        help={
            "text": replies["help"]["text"],
            "resources": [_shown(lines[line_id]) for line_id in replies["fallback_resources"]],
        },
        red_flags=[flag["pattern"] for flag in _load("red_flags.json")["patterns"]],
    )


def _shown(line: dict[str, str]) -> dict[str, str]:
    """Return a help line as answers show it: where and when it was checked is bookkeeping."""
    return {name: value for name, value in line.items() if name not in ("source", "checked_on")}


def _load(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))
