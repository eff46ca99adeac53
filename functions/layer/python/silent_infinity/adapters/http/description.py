"""The description of the API as it is served: public, without its blanks, with an ETag."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from silent_infinity.adapters.http.api_gateway import proxy_response
from silent_infinity.domain.problems import HttpResponse

SECONDS = 300
"""How long a copy is good without asking. A deployment shows after that."""

_EXPOSED = {"Access-Control-Expose-Headers": "ETag"}


def respond(event: Mapping[str, Any], *, cors_origin: str | None = None) -> dict[str, Any]:
    """Return the document, or 304 if `If-None-Match` names it (RFC 9110, 13.1.2)."""
    text, etag = _document()
    headers = {"Cache-Control": f"public, max-age={SECONDS}", "ETag": etag}
    if etag in _named(event):
        response = HttpResponse(304, "", headers)
    else:
        response = HttpResponse(200, text, {"Content-Type": "application/json", **headers})
    return proxy_response(response, cors_origin, _EXPOSED)


def _named(event: Mapping[str, Any]) -> set[str]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    tags = (tag.strip().removeprefix("W/") for tag in (headers.get("if-none-match") or "").split(","))
    # The asterisk stands for whatever there is, and there always is a document.
    return {_document()[1] if tag == "*" else tag for tag in tags}


@cache
def _document() -> tuple[str, str]:
    committed = (files("silent_infinity.schemas") / "openapi.json").read_text(encoding="utf-8")
    text = json.dumps(json.loads(committed), ensure_ascii=False, separators=(",", ":"))
    return text, f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
