"""API Gateway mapping templates: ``$input``, ``$util``, ``$context`` and ``$stageVariables`` for Velocity.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html

Faithful where a mistake could hide: ``$util.parseJson`` and ``$input.path`` give objects that print Java
style (``{a=1}``), so a template that prints one yields no JSON, here as on AWS. A ``$context`` value that
does not exist prints nothing. Pure: no emulator, no clock.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from local.emulator import velocity
from local.emulator.velocity import ABSENT, Methods, TemplateError, java_text

__all__ = ["Rendered", "Request", "TemplateError", "escape_javascript", "json_path", "render"]

_ESCAPES = {
    '"': '\\"', "'": "\\'", "\\": "\\\\", "/": "\\/",
    "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
}  # fmt: skip
_JSON_PATH_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\d+))\s*\]")


class ContextMap(dict[str, Any]):
    """Part of ``$context``, or ``$stageVariables``: what does not exist is absent, instead of null."""

    def get(self, key: str, default: Any = ABSENT) -> Any:
        """The value of ``key``, or ``default`` if there is none or it is null."""
        value = super().get(key)
        return default if value is None else value


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a template can read of the HTTP request; for a response template, ``body`` is the backend's.

    Headers are looked up without regard to case.
    """

    body: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    stage_variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rendered:
    """The rendered body, and what ``$context.responseOverride`` was set to."""

    body: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def render(template: str, request: Request) -> Rendered:
    """Render a mapping template.

    Raises:
        TemplateError: the template is malformed, an expression in it fails, or it sets something that API
        Gateway
            refuses (a status that is no number). ``$context.requestOverride`` is not supported here.
    """
    context = _context_map(request.context)
    override: dict[str, Any] = {"header": {}}
    context["responseOverride"] = override
    body = velocity.render(
        template,
        {
            "input": _input(request),
            "util": _UTIL,
            "context": context,
            "stageVariables": ContextMap(request.stage_variables),
        },
    )
    return Rendered(
        body, _status(override.get("status")), {k: java_text(v) for k, v in override["header"].items()}
    )


def _status(value: Any) -> int | None:
    if value is None:
        return None
    text = java_text(value)
    if not re.fullmatch(r"[1-5]\d\d", text):
        raise TemplateError("$context.responseOverride.status is no HTTP status")
    return int(text)


def _context_map(value: Mapping[str, Any]) -> ContextMap:
    return ContextMap({k: _context_map(v) if isinstance(v, Mapping) else v for k, v in value.items()})


def json_path(document: Any, path: str) -> Any:
    """The value at a JSONPath of names and indices (``$.a['b'][0]``), or None if there is none.

    Raises:
        TemplateError: the path uses anything else (filters, wildcards, slices).
    """
    rest = path.strip()
    if not rest.startswith("$"):
        raise TemplateError("a JSONPath begins with $")
    position = 1
    while position < len(rest):
        step = _JSON_PATH_STEP.match(rest, position)
        if step is None:
            raise TemplateError(f"the local gateway does not evaluate the JSONPath {path!r}")
        position = step.end()
        if step[4] is not None:
            index = int(step[4])
            document = document[index] if isinstance(document, list) and index < len(document) else None
        else:
            name = next(group for group in (step[1], step[2], step[3]) if group is not None)
            document = document.get(name) if isinstance(document, dict) else None
    return document


def _input(request: Request) -> Methods:
    def document() -> Any:
        try:
            return json.loads(request.body or "{}")
        except ValueError:
            raise TemplateError("the body is no JSON document") from None

    def at_path(path: str) -> Any:
        value = json_path(document(), path)
        return ABSENT if value is None else value

    def as_json(path: str) -> str:
        value = json_path(document(), path)
        return '""' if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    folded = {name.lower(): value for name, value in request.headers.items()}

    def params(name: str | None = None) -> Any:
        if name is None:
            return {
                "path": dict(request.path),
                "querystring": dict(request.query),
                "header": dict(request.headers),
            }
        for values, key in ((request.path, name), (request.query, name), (folded, name.lower())):
            if key in values:
                return values[key]
        return ABSENT

    return Methods({"path": at_path, "json": as_json, "params": params}, body=request.body)


def escape_javascript(value: Any) -> str | None:
    """``$util.escapeJavaScript``: backslashes before ``" ' / \\``, UTF-16 escapes for what is not ASCII.

    None stays None, so that the reference prints its own source, as on AWS. ``\\'`` is not valid JSON:
    templates turn it back with ``.replaceAll("\\\\'", "'")``.
    """
    if value is None:
        return None
    return "".join(_escape(character) for character in java_text(value))


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if " " <= character <= "\x7f":
        return character
    units = memoryview(character.encode("utf-16-le", "surrogatepass")).cast("H")
    return "".join(f"\\u{unit:04X}" for unit in units)


def _parse_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        raise TemplateError("$util.parseJson was given no JSON document") from None


_UTIL = Methods(
    {
        "escapeJavaScript": escape_javascript,
        "parseJson": _parse_json,
        "urlEncode": lambda text: quote_plus(java_text(text)),
        "urlDecode": lambda text: unquote_plus(java_text(text)),
        "base64Encode": lambda text: base64.b64encode(java_text(text).encode()).decode(),
        "base64Decode": lambda text: base64.b64decode(java_text(text)).decode(),
    }
)
