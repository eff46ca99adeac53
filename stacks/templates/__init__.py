"""What Step Functions and API Gateway are given as text, with everything in it that comes from elsewhere.

Plain strings in, plain strings out: nothing here needs the CDK, so that tests can render the very templates
and definition that are deployed.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from stacks import paths
from stacks.safety_texts import FIXED_LANGUAGE, SafetyTexts
from stacks.safety_texts import safety_texts as fixed_words

__all__ = [
    "UnusablePatternError",
    "fixed_words",
    "printable",
    "turn_definition",
    "turn_failure",
    "turn_request",
    "turn_response",
    "turn_substitutions",
]

DEFINITION = paths.STATE_MACHINES / "turn.asl.json"


class UnusablePatternError(ValueError):
    """A red flag cannot stand in a JSONata regex literal. Names the expression and says why."""


def turn_definition() -> str:
    """Return the turn's state machine with its `${…}` placeholders, for `DefinitionBody.from_string`."""
    return DEFINITION.read_text(encoding="utf-8")


def turn_substitutions(words: SafetyTexts) -> dict[str, str]:
    """Return the words as values for `definition_substitutions`, which replaces text inside JSON strings.

    Hence the escaping: a text as the inside of a JSON string; the help lines and the notices as JSON, which
    is also a JSONata expression; the patterns as one alternation between slashes.

    Raises:
        UnusablePatternError: a pattern has a slash, or brackets that do not balance.
    """
    return {
        "FallbackText": _inside_json(words.fallback),
        "RedFlagText": _inside_json(words.red_flag),
        "StillInProgressText": _inside_json(words.still_in_progress),
        "HelpText": _inside_json(words.help["text"]),
        "HelpResources": _inside_json(json.dumps(words.help["resources"], ensure_ascii=False)),
        "DisclosureTexts": _inside_json(json.dumps(words.disclosures, ensure_ascii=False)),
        "RedFlagPattern": _inside_json("|".join(f"(?:{_usable(pattern)})" for pattern in words.red_flags)),
    }


def turn_request(*, state_machine_arn: str) -> str:
    """Return the request template of `POST /v1/turns`. The ARN may be a token."""
    return _template("turn_request.vtl", TurnStateMachineArn=state_machine_arn)


def turn_response(words: SafetyTexts) -> str:
    """Return the response template of `POST /v1/turns` for the default (200) integration response."""
    return _template("turn_response.vtl", FixedFallback=fixed_fallback(words))


def turn_failure(words: SafetyTexts) -> str:
    """Return the response template for integration responses that match `[45]\\d{2}` (status code 503)."""
    return _template("turn_failure.vtl", FixedFallback=fixed_fallback(words))


def fixed_fallback(words: SafetyTexts) -> str:
    """Return what is answered when the workflow itself failed, as text for a template.

    A problem document with the members of an answer that clients show, so that a person reads a reply.
    """
    return printable(
        {
            "type": "urn:silent-infinity:problem:service-unavailable",
            "title": "The service cannot do this at the moment.",
            "status": 503,
            "detail": "Try again in a few seconds. With the same Idempotency-Key nothing is answered twice.",
            "help": words.help,
            "reply": {"text": words.fallback, "kind": "fallback"},
            "crisis": {"level": 0, "resources": words.help["resources"]},
            "disclosure": {"text": words.disclosures[FIXED_LANGUAGE], "reason": "start"},
        }
    )


def printable(document: Mapping[str, Any]) -> str:
    """Return a problem document as JSON that a template prints as it is, with the request's id as `instance`.

    In a template `$` and `#` may begin something; as JSON escapes they mean the same and begin nothing.
    """
    text = json.dumps(document, separators=(",", ":")).replace("$", "\\u0024").replace("#", "\\u0023")
    return text[:-1] + ',"instance":"$context.requestId"}'


def _usable(pattern: str) -> str:
    """Check that JSONata finds the end of the literal: it counts brackets, even in a character class."""
    bare = re.sub(r"\\.", "", pattern)
    if sum(map(bare.count, "([{")) != sum(map(bare.count, ")]}")):
        raise UnusablePatternError(f"the brackets of {pattern!r} do not balance")
    if "/" in pattern:
        raise UnusablePatternError(f"{pattern!r} has a slash")
    return pattern


def _inside_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _template(name: str, **values: str) -> str:
    """Return a template with its `@{Name}` placeholders filled in."""
    text = (paths.TEMPLATES / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{{{key}}}", value)
    return text
