"""Words and help lines that must be there when nothing else is, read from the layer's data files."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from stacks.paths import DATA

FIXED_LANGUAGE = "en"
"""What the fixed texts are written in."""


@dataclass(frozen=True)
class SafetyTexts:
    """What is substituted into the state machine and into every response that API Gateway makes by itself.

    `help` is `{"text", "resources": [help line, …]}`, the block that goes with every refusal. `red_flags` are
    regular expressions without look-behind, for lower-case text. `disclosures` are the notices that this is
    an AI, by language, for turns of which nothing is known.
    """

    fallback: str
    red_flag: str
    still_in_progress: str
    help: dict[str, Any]
    red_flags: list[str]
    disclosures: dict[str, str]


@cache
def safety_texts() -> SafetyTexts:
    """Read the data files once.

    Raises:
        KeyError: a reply lacks its text, or a resource names a help line that is not there.
    """
    replies = _load("static_replies.json")
    lines = {line["id"]: line for line in _load("help_lines.json")["lines"]}
    words = _load("help_words.json")["languages"][FIXED_LANGUAGE]
    return SafetyTexts(
        fallback=replies["fallback"]["text"],
        red_flag=replies["red_flag"]["text"],
        still_in_progress=replies["still_in_progress"]["text"],
        help={
            "text": replies["help"]["text"],
            "resources": [_shown(lines[line_id], words) for line_id in replies["fallback_resources"]],
        },
        red_flags=[flag["pattern"] for flag in _load("red_flags.json")["patterns"]],
        disclosures={
            language: texts["start"] for language, texts in _load("disclosures.json")["texts"].items()
        },
    )


def _shown(line: dict[str, Any], words: dict[str, Any]) -> dict[str, str]:
    """Return a help line as answers show it: in words, without what is bookkeeping.

    The layer has its own rendering of the same data, which stacks may not import; a test compares the two.
    """
    wording = words["either"].join(
        words["ways"][way["by"]][0].format(at=way["at"], send=way.get("send", "")) for way in line["ways"]
    )
    web = words["web"].format(at=line["web"]) if line.get("web") else ""
    return {
        "id": line["id"],
        "name": line["name"],
        "contact": f"{wording[:1].upper()}{wording[1:]}{web}",
        "hours": line["hours"],
        "country": line["country"],
        "language": line["languages"][0],
        "wording": wording,
    }


def _load(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))
