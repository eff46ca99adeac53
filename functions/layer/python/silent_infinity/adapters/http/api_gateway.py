"""API Gateway's Lambda proxy events to plain requests, and problem documents back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from silent_infinity.domain import problems
from silent_infinity.ports.errors import StoreUnavailableError


@dataclass(frozen=True, slots=True)
class ProxyRequest:
    """A request whose caller is known. `path` holds the path parameters, `body` the parsed JSON object."""

    method: str
    subject: str
    path: Mapping[str, str]
    body: dict[str, Any]


def respond(
    event: Mapping[str, Any],
    route: Callable[[ProxyRequest], problems.HttpResponse],
    *,
    cors_origin: str | None = None,
) -> dict[str, Any]:
    """Parse the proxy event, call the route, and return the proxy response.

    A token that is not an ID token is refused with 401, a body that is not a JSON object with 400, and a
    store that is down becomes 503: none of them says what was sent. `cors_origin` is the origin (or `*`) that
    browsers may call from: API Gateway cannot add the header to proxy responses.
    """
    return proxy_response(_answer(event, route), cors_origin)


def proxy_response(
    response: problems.HttpResponse, cors_origin: str | None, cors_headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the proxy response: nothing is cached, and one origin may read it, with `cors_headers`."""
    cors = {"Access-Control-Allow-Origin": cors_origin, **(cors_headers or {})} if cors_origin else {}
    return {
        "statusCode": response.status_code,
        "headers": {"Cache-Control": "no-store", **cors, **response.headers},
        "body": response.body,
    }


def _answer(
    event: Mapping[str, Any], route: Callable[[ProxyRequest], problems.HttpResponse]
) -> problems.HttpResponse:
    claims = ((event.get("requestContext") or {}).get("authorizer") or {}).get("claims") or {}
    if claims.get("token_use") != "id" or not claims.get("sub"):
        return problems.unauthorized()
    try:
        body = json.loads(event.get("body") or "{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return problems.invalid_request([{"path": "", "keyword": "type"}])
    request = ProxyRequest(event["httpMethod"], claims["sub"], event.get("pathParameters") or {}, body)
    try:
        return route(request)
    except StoreUnavailableError:
        return problems.service_unavailable()
