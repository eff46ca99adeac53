"""RFC 9457 problem documents. Every one that a person may see also says where help is to be had."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from silent_infinity.data import load
from silent_infinity.domain.crisis.help_lines import by_ids

PROBLEM_PREFIX = "urn:silent-infinity:problem:"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What the API sends: `body` is JSON text."""

    status_code: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


def ok(
    document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Build a successful JSON response."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(status, body, {"Content-Type": "application/json", **(headers or {})})


def help_block() -> dict[str, Any]:
    """Return the help that goes with every refusal: a sentence, and help lines as data."""
    replies = load("static_replies.json")
    lines = by_ids(replies["fallback_resources"])
    return {"text": replies["help"]["text"], "resources": [line.to_payload() for line in lines]}


def problem(
    slug: str,
    title: str,
    status: int,
    detail: str = "",
    *,
    violations: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    with_help: bool = True,
) -> HttpResponse:
    """Build a problem response.

    Args:
        slug: the stable end of the `type` URI, such as `session-not-found`.
        title: a short, human sentence that is the same for every occurrence.
        status: the HTTP status code.
        detail: what to do about this occurrence. Never quotes the request.
        violations: places and keywords of broken rules.
        headers: further headers, such as `Retry-After`.
        with_help: whether it says where help is to be had. Only operators' problems do without.
    """
    document: dict[str, Any] = {"type": f"{PROBLEM_PREFIX}{slug}", "title": title, "status": status}
    if detail:
        document["detail"] = detail
    if violations:
        document["violations"] = [dict(violation) for violation in violations]
    if with_help:
        document["help"] = help_block()
    return HttpResponse(
        status_code=status,
        body=json.dumps(document, ensure_ascii=False, separators=(",", ":")),
        headers={"Content-Type": "application/problem+json", **(headers or {})},
    )


def invalid_request(violations: Sequence[Mapping[str, str]]) -> HttpResponse:
    """400: the request breaks its schema."""
    return problem(
        "invalid-request",
        "The request is not valid.",
        400,
        "Correct the fields named in `violations` and send the request again.",
        violations=violations,
    )


def session_not_found() -> HttpResponse:
    """404: no such session, or not the caller's; which of the two is nobody's business."""
    return problem(
        "session-not-found",
        "There is no such session.",
        404,
        "Leave out `session_id` to open a new session.",
    )


def key_reused() -> HttpResponse:
    """422: the idempotency key was used with another body."""
    return problem(
        "idempotency-key-reused",
        "The idempotency key was used for another request.",
        422,
        "Send every new message with a new `Idempotency-Key`.",
    )


def unauthorized() -> HttpResponse:
    """401: not an ID token."""
    return problem("unauthorized", "An ID token is needed.", 401, "Sign in and send the ID token.")


def turn_not_found() -> HttpResponse:
    """404: the session has no such turn."""
    return problem("turn-not-found", "There is no such turn in this session.", 404)


def service_unavailable() -> HttpResponse:
    """503: a store is down."""
    return problem(
        "service-unavailable",
        "The service cannot do this at the moment.",
        503,
        "Try again in a few seconds.",
        headers={"Retry-After": "5"},
    )
