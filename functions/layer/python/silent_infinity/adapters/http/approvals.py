"""The page of an approval behind API Gateway: proxy events to clicks, and pages back."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

from silent_infinity.domain.problems import HttpResponse
from silent_infinity.domain.promotion.page import Click, State, View, response
from silent_infinity.ports.errors import StoreUnavailableError

_MOST_BYTES: Final = 16_384
_MOST_FIELDS: Final = 10


class Page(Protocol):
    """What answers: `show` for whoever opens the page, `decide` for whoever sends its form."""

    def show(self, click: Click) -> HttpResponse:
        """Return the page; changes nothing."""
        ...

    def decide(self, click: Click) -> HttpResponse:
        """Take what was sent, and return the page."""
        ...


def respond(event: Mapping[str, Any], page: Page, environment: str) -> dict[str, Any]:
    """Return the page as a proxy response; a store that is down makes a page that says so, with 503."""
    click = Click(
        approval_id=str((event.get("pathParameters") or {}).get("approval_id", "")),
        query={name: str(value) for name, value in (event.get("queryStringParameters") or {}).items()},
        fields=_fields(event) if event.get("httpMethod") == "POST" else {},
    )
    try:
        found = page.decide(click) if event.get("httpMethod") == "POST" else page.show(click)
    except StoreUnavailableError:
        found = response(View(State.UNAVAILABLE, environment))
    return {
        "statusCode": found.status_code,
        "headers": {"Cache-Control": "no-store", **found.headers},
        "body": found.body,
    }


def _fields(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a form; none of a body that is none, or larger than any of ours."""
    body = str(event.get("body") or "")
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(body, validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            return {}
    if len(body.encode(errors="replace")) > _MOST_BYTES:
        return {}
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}
