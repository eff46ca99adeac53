"""The operators' API over HTTP without a network: requests become proxy events, every answer is checked."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx

from tests.support.operators import ANSWERS, checked, context_claims, proxy_event

TOKEN = "an-operators-token"


class ApiInProcess(httpx.BaseTransport):
    """Answers as API Gateway with the admin function behind it would.

    `requests` are all that came. `failing` are used up first, one for each request: an exception is raised,
    a status is answered, a callable is called after the request was carried out (so that its answer is lost
    if it raises), and None does nothing.
    """

    def __init__(self, handle: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._handle = handle
        self.requests: list[httpx.Request] = []
        self.failing: list[Exception | int | Callable[[], None] | None] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        failure = self.failing.pop(0) if self.failing else None
        if isinstance(failure, Exception):
            raise failure
        if isinstance(failure, int):
            return httpx.Response(failure, json={"message": "Service Unavailable"})
        response = self._respond(request)
        if failure is not None:
            failure()
        return response

    def _respond(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") != TOKEN:
            return httpx.Response(401, json={"message": "Unauthorized"})
        route, path = _route(request.method, request.url.path)
        event = proxy_event(
            route,
            path=path,
            query=dict(request.url.params),
            body=request.content.decode() or None,
            key=request.headers.get("Idempotency-Key"),
            version=request.headers.get("If-Match"),
            authorizer=context_claims(),
            request_id=f"request-{len(self.requests)}",
        )
        answer = self._handle(event)
        checked(route, answer["statusCode"], answer["headers"], answer["body"])
        return httpx.Response(answer["statusCode"], headers=answer["headers"], text=answer["body"])

    def bodies(self, method: str) -> list[Any]:
        """Return the bodies that came with a method."""
        return [json.loads(request.content) for request in self.requests if request.method == method]


def _route(method: str, path: str) -> tuple[str, dict[str, str]]:
    # Places without a parameter come first, as in API Gateway: `compare` is no category.
    for route in sorted(ANSWERS, key=lambda route: route.count("{")):
        of_method, _, resource = route.partition(" ")
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", resource)
        found = re.fullmatch(pattern, path.removeprefix("/stage"))
        if of_method == method and found:
            return route, found.groupdict()
    raise AssertionError(f"no route for {method} {path}")
