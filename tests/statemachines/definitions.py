"""The turn's state machine as it is deployed, with values for its placeholders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from stacks import templates
from stacks.safety_texts import SafetyTexts

HELP_LINE = {
    "id": "us-988",
    "name": "988 Suicide & Crisis Lifeline",
    "contact": "call or text 988",
    "hours": "24/7",
    "country": "US",
    "language": "en",
}
WORDS = SafetyTexts(
    fallback="I'm here, and I can't write well right now. In the US you can call or text 988.",
    red_flag='Please don\'t be alone with this. Call or text 988 "now".',
    still_in_progress="Your message is still being answered.\nAsk again in a moment.",
    help={
        "text": "If you are in danger, call or text 988 — any time \U0001f499.",
        "resources": [HELP_LINE],
    },
    red_flags=[r"\bkill(?:ing)? myself\b", r"\bdon't want to (?:live|be alive)\b"],
    disclosures={"en": 'You\'re talking with an "AI".', "hi": "AI से।", "hi-Latn": "AI se."},
)
RESOURCES = {
    "CaptureFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:capture",
    "CrisisScreenFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:crisis-screen",
    "IntentFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:intent",
    "GenerateFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:generate",
    "ValidateFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:validate",
    "FeedbackFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:feedback",
    "IdempotencyTableName": "Idempotency",
    "UnrecordedTurnsQueueUrl": "http://127.0.0.1/queue",
}
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def raw_turn() -> dict[str, Any]:
    """The definition with its placeholders: the file is valid JSON before anything is substituted."""
    definition: dict[str, Any] = json.loads(templates.turn_definition())
    return definition


def turn(changes: Mapping[str, str] | None = None, **resources: str) -> dict[str, Any]:
    """The definition as CloudFormation makes it: plain text replacement, then JSON.

    ``changes`` replace pieces of the file's text, each of which must occur; ``resources`` override values.
    """
    text = templates.turn_definition()
    for old, new in (changes or {}).items():
        if old not in text:
            raise AssertionError(f"the definition has no {old!r}")
        text = text.replace(old, new)
    for name, value in {**RESOURCES, **templates.turn_substitutions(WORDS), **resources}.items():
        text = text.replace(f"${{{name}}}", value)
    definition: dict[str, Any] = json.loads(text)
    return definition


def all_states(definition: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state by name, those inside branches included."""
    for name, state in definition["States"].items():
        yield name, state
        for branch in state.get("Branches", ()):
            yield from all_states(branch)


def texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys excluded."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def expressions(value: Any) -> list[str]:
    """The JSONata expressions in a JSON value, without their ``{% %}``."""
    return [text[2:-2].strip() for text in texts(value) if text.startswith("{%") and text.endswith("%}")]
