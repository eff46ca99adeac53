"""Operators' requests as API Gateway hands them on, and the check that every answer is as its schema says."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from silent_infinity.schemas import schema

POOL_ID = "us-east-1_operators"
CLIENT_ID = "operators-client"
SUBJECT = "5d6f2d3e-9c1b-4a57-8f0e-0d9f5b7c1a11"
VARIANTS = "/admin/api/variants"
CATEGORY = f"{VARIANTS}/{{category}}"
VARIANT = f"{CATEGORY}/{{variant_id}}"
REASON = "A reason that is long enough."

ANSWERS: Mapping[str, str] = {
    f"GET {VARIANTS}": "admin_variant_page",
    f"GET {VARIANTS}/compare": "admin_comparison",
    f"POST {CATEGORY}": "admin_change",
    f"GET {VARIANT}": "admin_variant",
    f"PUT {VARIANT}": "admin_change",
    f"POST {VARIANT}/promote": "admin_change",
    f"POST {VARIANT}/evidence": "admin_evidence",
    f"POST {VARIANT}/demote": "admin_change",
    f"POST {VARIANT}/rollback": "admin_change",
    f"POST {VARIANT}/pause": "admin_change",
    f"POST {VARIANT}/cancel": "admin_change",
    "GET /admin/api/audit-log": "admin_audit_page",
    "GET /admin/api/audit-log/verify": "admin_audit_verification",
    "GET /admin/api/promotions": "admin_promotion_page",
}
"""The routes, and the schema of what each answers."""


@cache
def answer_validator(name: str) -> Draft202012Validator:
    """Return a validator that knows the schemas that an answer is made of."""
    parts = {"admin_variant", "admin_promotion", "admin_audit_entry", "admin_golden_evidence"}
    registry: Any = Registry().with_resources(
        [(schema(part)["$id"], Resource.from_contents(schema(part))) for part in parts]
    )
    return Draft202012Validator(
        schema(name), registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def checked(route: str, status: int, headers: Mapping[str, str], body: str) -> Any:
    """Return the parsed body of an answer.

    Raises:
        AssertionError: it is not as its schema says, or its headers are not.
    """
    document = json.loads(body)
    name = ANSWERS.get(route, "admin_problem") if status < 400 else "admin_problem"
    broken = [f"{error.json_path}: {error.message}" for error in answer_validator(name).iter_errors(document)]
    assert not broken, f"{route} {status}: {broken}"
    kind = "application/json" if status < 400 else "application/problem+json"
    assert headers["Content-Type"] == kind
    if status >= 400:
        assert document["status"] == status
        assert document.get("detail"), "a problem says what to do"
    elif name in ("admin_change", "admin_evidence"):
        assert headers["ETag"] == f'"{document["variant"]["version"]}"'
    elif name == "admin_variant":
        assert headers["ETag"] == f'"{document["version"]}"'
    return document


def context_claims(**changes: str | None) -> dict[str, Any]:
    """Return what the authorizer passes on of an operator's token; None leaves a claim out."""
    claims: dict[str, Any] = {
        "principalId": SUBJECT,
        "sub": SUBJECT,
        "iss": f"https://cognito-idp.us-east-1.amazonaws.com/{POOL_ID}",
        "aud": CLIENT_ID,
        "token_use": "id",
        "groups": '["admin"]',
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def proxy_event(
    route: str,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: Any = None,
    key: str | None = None,
    version: int | str | None = None,
    authorizer: Mapping[str, Any] | None = None,
    request_id: str = "request-1",
) -> dict[str, Any]:
    """Return the proxy event of a request. `body` is sent as it is if it is text."""
    method, _, resource = route.partition(" ")
    headers = {"Idempotency-Key": key, "If-Match": f'"{version}"' if isinstance(version, int) else version}
    return {
        "httpMethod": method,
        "resource": resource,
        "pathParameters": dict(path) if path else None,
        "queryStringParameters": dict(query) if query else None,
        "headers": {name: value for name, value in headers.items() if value is not None} or None,
        "body": body if isinstance(body, str) or body is None else json.dumps(body),
        "requestContext": {
            "requestId": request_id,
            "authorizer": context_claims() if authorizer is None else dict(authorizer),
        },
    }


class Operator:
    """Sends requests to the handler (event to proxy response), and checks every answer.

    Changes carry a fresh key each, made from `keys`, unless one is given.
    """

    def __init__(self, handler: Callable[[dict[str, Any]], dict[str, Any]], keys: str = "key") -> None:
        self._handler = handler
        self._name = keys
        self._keys = 0
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def send(self, route: str, name: str = "", **request: Any) -> Any:
        """Send a request about the variant `CATEGORY/id`, or the category; return the parsed body."""
        category, _, variant_id = name.partition("/")
        path = {"category": category, "variant_id": variant_id}
        if not route.startswith("GET") and "key" not in request:
            self._keys += 1
            request["key"] = f"{self._name}-{self._keys}"
        given = {part: value for part, value in path.items() if f"{{{part}}}" in route}
        response = self._handler(proxy_event(route, path=given, **request))
        self.status, self.headers = response["statusCode"], response["headers"]
        return checked(route, self.status, self.headers, response["body"])

    def show(self, name: str) -> Any:
        """Read a variant."""
        return self.send(f"GET {VARIANT}", name)

    def list(self, **query: str) -> Any:
        """List variants."""
        return self.send(f"GET {VARIANTS}", query=query)

    def change(self, action: str, name: str, *, version: int | None = None, **body: Any) -> Any:
        """Create (`create`), update (`update`) or move a variant, with a reason."""
        route = {"create": f"POST {CATEGORY}", "update": f"PUT {VARIANT}"}.get(
            action, f"POST {VARIANT}/{action}"
        )
        return self.send(route, name, body={"reason": REASON, **body}, version=version)
