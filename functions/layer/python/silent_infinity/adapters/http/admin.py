"""Operators' requests from API Gateway: who may, what is asked, and problem documents back."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from silent_infinity.adapters.http.api_gateway import proxy_response
from silent_infinity.domain.problems import HttpResponse
from silent_infinity.domain.registry import problems
from silent_infinity.domain.registry.commands import Refusal
from silent_infinity.domain.registry.requests import ADMIN_GROUP, OperatorRequest
from silent_infinity.ports.errors import StoreUnavailableError

OperatorRoutes = Mapping[str, Callable[[OperatorRequest], HttpResponse]]
"""Method and resource to what answers it."""

_EXPOSED = "ETag, Idempotency-Replayed, Retry-After"
_ETAG = re.compile(r'(?:"([0-9]{1,15})"|([0-9]{1,15}))')
_NONE: frozenset[str] = frozenset()
_KEY_CHARACTERS = 200
_MOST_LEVELS = 16
# A variant's row has to stay small enough to be undone: an audit entry holds it twice, what waits for it
# included, and has to fit into an item of DynamoDB.
_MOST_BYTES = 8_192
_LARGEST, _SMALLEST = 1e15, 1e-15


def respond(
    event: Mapping[str, Any],
    routes: Callable[[], OperatorRoutes],
    *,
    pool_id: str,
    client_id: str,
    cors_origin: str | None = None,
) -> dict[str, Any]:
    """Check who asks, parse the proxy event, call the route, and return the proxy response.

    The caller is checked here whatever the authorizer found: a token that is not an ID token is 401; one of
    another pool or client, or without the group `admin`, is 403. `routes` is called for operators only.
    """
    try:
        request = _request(event, pool_id, client_id)
        route = routes().get(request.route)
        if route is None:
            raise problems.not_found()
        response = route(request)
    except Refusal as refusal:
        response = problems.refused(refusal)
    except StoreUnavailableError:
        response = problems.refused(problems.unavailable())
    return proxy_response(response, cors_origin, {"Access-Control-Expose-Headers": _EXPOSED})


def _request(event: Mapping[str, Any], pool_id: str, client_id: str) -> OperatorRequest:
    claims = _claims(event)
    if claims.get("token_use") != "id" or not claims.get("sub"):
        raise problems.unauthorized()
    issuer = str(claims.get("iss", ""))
    of_the_pool = issuer.endswith(f"/{pool_id}") and claims.get("aud") == client_id
    if not of_the_pool or ADMIN_GROUP not in _groups(claims):
        raise problems.forbidden()
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return OperatorRequest(
        actor=f"operator:{claims['sub']}",
        request_id=_request_id(event["requestContext"]),
        route=f"{event.get('httpMethod')} {event.get('resource')}",
        path=event.get("pathParameters") or {},
        query=event.get("queryStringParameters") or {},
        body=_body(event.get("body")),
        if_match=_version(headers.get("if-match")),
        idempotency_key=_key(headers.get("idempotency-key")),
    )


def _request_id(context: Mapping[str, Any]) -> str:
    """Return API Gateway's extended id: callers choose the other one with a header (`x-amzn-RequestId`)."""
    return str(context.get("extendedRequestId") or context.get("requestId", ""))


def _version(header: str | None) -> int | None:
    if header is None:
        return None
    found = _ETAG.fullmatch(header.strip())
    if found is None:
        raise problems.invalid(
            [{"path": "If-Match", "keyword": "pattern"}],
            'Send the `ETag` of the variant as you read it, such as `If-Match: "3"`.',
        )
    return int(found[1] or found[2])


def _key(header: str | None) -> str | None:
    if header is not None and not 0 < len(header) <= _KEY_CHARACTERS:
        raise problems.key_needed()
    return header


def _claims(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the claims: texts in a Lambda authorizer's context, or below `claims` by a pool's authorizer."""
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    claims = authorizer.get("claims") or authorizer
    return claims if isinstance(claims, Mapping) else {}


def _groups(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the groups, which arrive as a list, as JSON, in brackets, or with commas or blanks between."""
    given = claims.get("groups", claims.get("cognito:groups"))
    if isinstance(given, str):
        try:
            parsed = json.loads(given)
        except ValueError:
            parsed = None
        given = parsed if isinstance(parsed, list) else re.split(r"[,\s]+", given.strip("[] "))
    return frozenset(group for group in given if isinstance(group, str)) if isinstance(given, list) else _NONE


def _body(given: object) -> dict[str, Any]:
    text = str(given or "{}")
    if len(text.encode(errors="replace")) > _MOST_BYTES:
        raise problems.invalid(
            [{"path": "", "keyword": "maxLength"}], f"Send a body of at most {_MOST_BYTES:,} bytes."
        )
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise problems.invalid([{"path": "", "keyword": "type"}])
    unstorable = _unstorable(body)
    if unstorable is not None:
        raise problems.invalid([{"path": unstorable, "keyword": "format"}])
    return body


def _unstorable(value: object, path: str = "", levels: int = 0) -> str | None:
    """Return where something stands that JSON can say and no store of ours keeps as it is, if anywhere.

    Half a surrogate pair has no UTF-8; numbers beyond a store's range, or that are none, come back as others;
    and there is an end to nesting.
    """
    if levels > _MOST_LEVELS:
        return path
    match value:
        case str():
            return path if any("\ud800" <= character <= "\udfff" for character in value) else None
        case bool() | None:
            return None
        case int() | float():
            return None if value == 0 or _SMALLEST <= abs(value) <= _LARGEST else path
        case dict():
            parts = [(name, name) for name in value] + list(value.items())
        case list():
            parts = [(str(index), one) for index, one in enumerate(value)]
    for name, one in parts:
        found = _unstorable(one, f"{path}/{name}", levels + 1)
        if found is not None:
            # A name with half a pair in it cannot be sent back either.
            return found if _unstorable(found) is None else path
    return None
