"""What API Gateway and Step Functions are given as text: mapping templates, problem documents, fixed replies.

The words come from the layer's data files, so that the caller reads the same sentence and the same help lines
whether a function, the state machine or the gateway speaks. Everything here returns plain strings; the stacks
only place them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks import paths

DEFINITION = paths.STATE_MACHINES / "turn.asl.json"

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedWords:
    """Vetted texts that need no function to be up, and the help lines that they name.

    `red_flags` are regular expressions for lower-case text with straight quotes and single spaces.
    """

    fallback: str
    red_flag: str
    still_in_progress: str
    help: str
    resources: tuple[Mapping[str, Any], ...]
    red_flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayResponse:
    """One of API Gateway's own answers: response type, HTTP status, `application/json` template, headers.

    Header values are quoted as `ResponseParameters` wants them.
    """

    response_type: str
    status_code: str
    template: str
    headers: Mapping[str, str]


def fixed_words(data: Path = paths.DATA) -> FixedWords:
    """Read the words from the layer's data folder.

    Raises:
        ValueError: a red flag cannot stand between the slashes of a JSONata expression, or no line is named.
    """
    replies = _load(data / "static_replies.json")
    lines = {line["id"]: line for line in _load(data / "help_lines.json")["lines"]}
    resources = tuple(lines[line_id] for line_id in replies["fallback_resources"])
    if not resources:
        raise ValueError("static_replies.json names no help line")
    return FixedWords(
        fallback=replies["fallback"]["text"],
        red_flag=replies["red_flag"]["text"],
        still_in_progress=replies["still_in_progress"]["text"],
        help=replies["help"]["text"],
        resources=resources,
        red_flags=tuple(_red_flag(entry) for entry in _load(data / "red_flags.json")["patterns"]),
    )


def turn_definition() -> str:
    """Return the turn's state machine with its `${…}` placeholders, for `DefinitionBody.from_string`."""
    return DEFINITION.read_text(encoding="utf-8")


def turn_substitutions(words: FixedWords) -> dict[str, str]:
    """Return the words as values for `definition_substitutions`, which replaces text inside JSON strings.

    Hence the escaping: a text as the inside of a JSON string; the help lines as JSON, which is also a JSONata
    expression; the patterns as one alternation between slashes.
    """
    return {
        "FallbackText": _inside_json(words.fallback),
        "RedFlagText": _inside_json(words.red_flag),
        "StillInProgressText": _inside_json(words.still_in_progress),
        "HelpText": _inside_json(words.help),
        # One level of \u escapes only: not every JSONata engine joins surrogate pairs of its own literals.
        "HelpResources": _inside_json(json.dumps(list(words.resources), ensure_ascii=False)),
        "RedFlagPattern": _inside_json("|".join(f"(?:{pattern})" for pattern in words.red_flags)),
    }


def turn_request(*, state_machine_arn: str) -> str:
    """Return the request template of `POST /v1/turns`. The ARN may be a token."""
    return _template("turn_request.vtl", TurnStateMachineArn=state_machine_arn)


def turn_response(words: FixedWords) -> str:
    """Return the response template of `POST /v1/turns` for the default (200) integration response."""
    return _template("turn_response.vtl", FixedFallback=_fixed_fallback(words))


def turn_failure(words: FixedWords) -> str:
    """Return the response template for integration responses that match `[45]\\d{2}` (status code 503)."""
    return _template("turn_failure.vtl", FixedFallback=_fixed_fallback(words))


def gateway_responses(words: FixedWords) -> tuple[GatewayResponse, ...]:
    """Return API Gateway's own answers as problem documents with help lines.

    None of them uses `$context.error.*`: those texts quote the request.
    """
    refusals = [
        GatewayResponse(
            response_type=response_type,
            status_code=str(refusal.status),
            template=_for_template(_problem(words, refusal)),
            headers=_headers(retry=refusal.detail == _AGAIN),
        )
        for response_type, refusal in _REFUSALS.items()
    ]
    failures = [
        GatewayResponse(
            response_type=response_type,
            status_code=str(_UNAVAILABLE.status),
            template=_fixed_fallback(words),
            headers=_headers(retry=True),
        )
        for response_type in _FAILURES
    ]
    return (*refusals, *failures)


@dataclass(frozen=True, slots=True)
class _Problem:
    slug: str
    title: str
    status: int
    detail: str = ""


_AGAIN = "Try again in a few seconds."
_SCHEMA = "The API is described at /v1/openapi.json."
_UNAVAILABLE = _Problem("service-unavailable", "The service cannot do this at the moment.", 503, _AGAIN)
_INVALID = _Problem("invalid-request", "The request is not valid.", 400, _SCHEMA)
_UNAUTHORIZED = _Problem("unauthorized", "An ID token is needed.", 401, "Sign in and send the ID token.")
_FORBIDDEN = _Problem("forbidden", "This is not allowed.", 403)
_NOT_FOUND = _Problem("not-found", "There is nothing here.", 404, _SCHEMA)
_LIMITED = _Problem("rate-limited", "Too many messages in a short time.", 429, _AGAIN)
_REFUSALS = {
    "ACCESS_DENIED": _FORBIDDEN,
    "BAD_REQUEST_BODY": _INVALID,
    "BAD_REQUEST_PARAMETERS": _INVALID,
    "EXPIRED_TOKEN": _UNAUTHORIZED,
    "INVALID_API_KEY": _FORBIDDEN,
    "INVALID_SIGNATURE": _UNAUTHORIZED,
    "MISSING_AUTHENTICATION_TOKEN": _NOT_FOUND,
    "QUOTA_EXCEEDED": _LIMITED,
    "REQUEST_TOO_LARGE": _Problem("payload-too-large", "The request is too large.", 413, _SCHEMA),
    "RESOURCE_NOT_FOUND": _NOT_FOUND,
    "THROTTLED": _LIMITED,
    "UNAUTHORIZED": _UNAUTHORIZED,
    "UNSUPPORTED_MEDIA_TYPE": _Problem("unsupported-media-type", "The request must be JSON.", 415, _SCHEMA),
    "WAF_FILTERED": _FORBIDDEN,
    "DEFAULT_4XX": _INVALID,
}
_FAILURES = (
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "DEFAULT_5XX",
)
_REQUEST_ID = "the request's id"


def _problem(words: FixedWords, problem: _Problem) -> dict[str, Any]:
    return {
        "type": f"urn:silent-infinity:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        **({"detail": problem.detail} if problem.detail else {}),
        "instance": _REQUEST_ID,
        "help": {"text": words.help, "resources": list(words.resources)},
    }


def _fixed_fallback(words: FixedWords) -> str:
    """A problem document with the members of an answer that clients show, so that a person reads a reply."""
    return _for_template(
        {
            **_problem(words, _UNAVAILABLE),
            "reply": {"text": words.fallback, "kind": "fallback"},
            "crisis": {"level": 0, "resources": list(words.resources)},
        }
    )


def _headers(*, retry: bool) -> dict[str, str]:
    headers = {"Content-Type": f"'{PROBLEM_JSON}'", "Cache-Control": "'no-store'"}
    return {**headers, "Retry-After": f"'{RETRY_AFTER_SECONDS}'"} if retry else headers


def _for_template(document: Mapping[str, Any]) -> str:
    """JSON that a template engine prints as it is: a `$` or `#` in the words must not be read as Velocity."""
    text = _json(document).replace("$", "\\u0024").replace("#", "\\u0023")
    return text.replace(_json(_REQUEST_ID), '"$context.requestId"')


def _template(name: str, **values: str) -> str:
    text = (paths.TEMPLATES / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{{{key}}}", value)
    return text


def _red_flag(entry: Mapping[str, str]) -> str:
    """Check that a pattern survives between slashes: JSONata ends it at a slash outside brackets."""
    pattern = entry["pattern"]
    if re.search(r"(?<!\\)/", pattern) or "${" in pattern:
        raise ValueError(f"red flag {entry['id']}: write a slash as \\/ and no placeholder")
    if re.search(r"\[[^\]]*[(){}\[][^\]]*\]", pattern):
        raise ValueError(f"red flag {entry['id']}: no brackets inside a character class")
    return pattern


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def _inside_json(text: str) -> str:
    return _json(text)[1:-1]


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
