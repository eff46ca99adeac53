"""Who gets past the function, whatever the authorizer before it found."""

import json
from typing import Any

import pytest

from silent_infinity.adapters.http.admin import OperatorRoutes, respond
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.registry.requests import OperatorRequest
from silent_infinity.ports.errors import StoreUnavailableError
from tests.support.operators import (
    CLIENT_ID,
    POOL_ID,
    SUBJECT,
    VARIANT,
    VARIANTS,
    context_claims,
    proxy_event,
)

ROUTE = f"GET {VARIANTS}"


def _asked(event: dict[str, Any]) -> tuple[dict[str, Any], list[OperatorRequest]]:
    asked: list[OperatorRequest] = []

    def route(request: OperatorRequest) -> HttpResponse:
        asked.append(request)
        return ok({"fine": True})

    routes: OperatorRoutes = {ROUTE: route, f"PUT {VARIANT}": route}
    response = respond(event, lambda: routes, pool_id=POOL_ID, client_id=CLIENT_ID, cors_origin="https://a.b")
    return response, asked


def _problem(response: dict[str, Any]) -> str:
    slug: str = json.loads(response["body"])["type"].rpartition(":")[2]
    return slug


def test_an_operators_request_has_everything_in_its_place() -> None:
    """Subject, request id, parameters, version and key: the audit log is written from them."""
    event = proxy_event(
        f"PUT {VARIANT}",
        path={"category": "C", "variant_id": "v"},
        query={"a": "b"},
        body={"reason": "r"},
        key="key-1",
        version=7,
        request_id="request-9",
    )
    response, asked = _asked(event)

    assert asked == [
        OperatorRequest(
            actor=f"operator:{SUBJECT}",
            request_id="request-9",
            route=f"PUT {VARIANT}",
            path={"category": "C", "variant_id": "v"},
            query={"a": "b"},
            body={"reason": "r"},
            if_match=7,
            idempotency_key="key-1",
        )
    ]
    assert response["statusCode"] == 200
    assert response["headers"]["Access-Control-Allow-Origin"] == "https://a.b"
    assert "ETag" in response["headers"]["Access-Control-Expose-Headers"]
    assert response["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "groups",
    [
        ["admin"],
        ["readers", "admin"],
        '["admin"]',
        '["readers","admin"]',
        "[admin]",
        "[readers, admin]",
        "[readers admin]",
        "admin",
        "readers,admin",
    ],
)
@pytest.mark.parametrize("name", ["groups", "cognito:groups"])
def test_the_group_is_found_however_it_is_written(name: str, groups: Any) -> None:
    """API Gateway, its authorizers and emulators each write a list in their own way."""
    claims = {**context_claims(groups=None), name: groups}
    response, asked = _asked(proxy_event(ROUTE, authorizer=claims))

    assert response["statusCode"] == 200
    assert len(asked) == 1


@pytest.mark.parametrize(
    "groups",
    [
        None,
        "",
        "[]",
        [],
        "administrators",
        "[not-admin]",
        "admin2",
        '["Admin"]',
        '["x-admin"]',
        '{"admin": true}',
        "null",
        7,
    ],
)
def test_only_the_whole_name_of_the_group_counts(groups: Any) -> None:
    """A group that merely looks like it was given by somebody else for something else."""
    response, asked = _asked(proxy_event(ROUTE, authorizer=context_claims(groups=groups)))

    assert response["statusCode"] == 403
    assert _problem(response) == "forbidden"
    assert asked == []


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"token_use": "access"}, 401),
        ({"token_use": None}, 401),
        ({"sub": None}, 401),
        ({"sub": ""}, 401),
        ({"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_people"}, 403),
        ({"iss": f"https://elsewhere.example/x{POOL_ID}"}, 403),
        ({"iss": None}, 403),
        ({"aud": "people-client"}, 403),
        ({"aud": None}, 403),
    ],
)
def test_a_token_of_another_kind_or_pool_is_refused(claims: dict[str, str | None], status: int) -> None:
    """An authorizer that was set up wrongly must not open the registry."""
    response, asked = _asked(proxy_event(ROUTE, authorizer=context_claims(**claims)))

    assert response["statusCode"] == status
    assert _problem(response) == {401: "unauthorized", 403: "forbidden"}[status]
    assert asked == []


@pytest.mark.parametrize("authorizer", [{}, {"claims": None}, {"claims": {}}, {"claims": "text"}])
def test_a_request_without_claims_is_refused(authorizer: dict[str, Any]) -> None:
    """A route that was left open by mistake stays shut."""
    response, asked = _asked(proxy_event(ROUTE, authorizer=authorizer))

    assert response["statusCode"] == 401
    assert asked == []


def test_claims_of_a_pool_authorizer_are_read_too() -> None:
    """They lie one level deeper."""
    claims = {**context_claims(groups=None), "cognito:groups": "admin"}
    response, _ = _asked(proxy_event(ROUTE, authorizer={"claims": claims}))

    assert response["statusCode"] == 200


def test_who_is_refused_is_not_quoted() -> None:
    """Nor does an operator's problem offer help lines: nobody is in danger here."""
    response, _ = _asked(proxy_event(ROUTE, authorizer=context_claims(groups='["canary"]')))

    assert "canary" not in response["body"]
    assert SUBJECT not in response["body"]
    assert "help" not in json.loads(response["body"])


@pytest.mark.parametrize(("header", "version"), [('"3"', 3), ("3", 3), (' "12" ', 12), (None, None)], ids=str)
def test_the_version_is_read_from_the_etag(header: str | None, version: int | None) -> None:
    """With the quotes of an ETag, or as somebody types it."""
    _, asked = _asked(proxy_event(ROUTE, version=header))

    assert [request.if_match for request in asked] == [version]


@pytest.mark.parametrize("header", ["*", 'W/"3"', '"a"', "", '"3', "-1", '"3", "4"', "9" * 30, '"\u0663"'])
def test_what_names_no_version_is_refused(header: str) -> None:
    """Ignoring it would overwrite what the operator has not seen."""
    response, asked = _asked(proxy_event(ROUTE, version=header))

    assert response["statusCode"] == 400
    assert json.loads(response["body"])["violations"] == [{"path": "If-Match", "keyword": "pattern"}]
    assert asked == []


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_has_a_length(key: str) -> None:
    """It is kept for a day."""
    response, asked = _asked(proxy_event(ROUTE, key=key))

    assert response["statusCode"] == 400
    assert _problem(response) == "idempotency-key-needed"
    assert asked == []


NESTED: Any = {}
for _ in range(40):
    NESTED = {"deeper": NESTED}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("{", ""),
        ("[]", ""),
        ('"canary"', ""),
        ("[" * 8_000, ""),
        ('{"reason": "\\ud800 canary"}', "/reason"),
        ('{"a": {"b": [1, NaN]}}', "/a/b/1"),
        ('{"a": Infinity}', "/a"),
        ('{"a": 1e400}', "/a"),
        ('{"a": 1e-200}', "/a"),
        ('{"a": 123456789012345678901234567890}', "/a"),
        ('{"\\udfff": 1}', ""),
        (json.dumps(NESTED), "/deeper" * 17),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_no_store_keeps_as_it_is_is_refused_with_its_place(body: str, path: str) -> None:
    """JSON can say more than a table can hold: the answer would be a failure of ours."""
    response, asked = _asked(proxy_event(f"PUT {VARIANT}", body=body))
    problem = json.loads(response["body"])

    assert response["statusCode"] == 400
    assert problem["violations"][0]["path"] == path
    assert "canary" not in response["body"]
    assert asked == []


@pytest.mark.parametrize("character", ["a", "\u00e9", "\U0001f600"])
def test_a_body_has_a_length_in_bytes(character: str) -> None:
    """What is stored is counted in bytes, and comes back twice in every audit entry."""
    longest = json.dumps({"a": ""}, ensure_ascii=False)
    filled = longest.replace('""', f'"{character * ((8_192 - len(longest)) // len(character.encode()))}"')
    _, asked = _asked(proxy_event(f"PUT {VARIANT}", body=filled))
    response, asked_of_longer = _asked(proxy_event(f"PUT {VARIANT}", body=f"{filled}    "))

    assert len(asked) == 1
    assert response["statusCode"] == 400
    assert json.loads(response["body"])["violations"] == [{"path": "", "keyword": "maxLength"}]
    assert "8,192" in json.loads(response["body"])["detail"]
    assert asked_of_longer == []


def test_the_request_id_is_not_the_callers_to_choose() -> None:
    """Promotions and waiting changes are known by it, and the audit log names it: `requestId` is whatever the
    header x-amzn-RequestId says.
    """
    event = proxy_event(ROUTE, request_id="as-somebody-else")
    event["requestContext"]["extendedRequestId"] = "JKJaXmPLvHcESHA="
    _, asked = _asked(event)

    assert [request.request_id for request in asked] == ["JKJaXmPLvHcESHA="]


def test_a_route_that_is_not_there_is_404() -> None:
    """API Gateway answers so before; a route that only it knows must not become a failure."""
    response, _ = _asked(proxy_event("PATCH /admin/api/variants"))

    assert response["statusCode"] == 404


def test_a_store_that_is_down_says_when_to_come_back() -> None:
    """And nothing of what went wrong."""

    def down(_request: OperatorRequest) -> HttpResponse:
        raise StoreUnavailableError("canary")

    response = respond(proxy_event(ROUTE), lambda: {ROUTE: down}, pool_id=POOL_ID, client_id=CLIENT_ID)

    assert response["statusCode"] == 503
    assert response["headers"]["Retry-After"] == "5"
    assert "canary" not in response["body"]
    assert "Access-Control-Allow-Origin" not in response["headers"]
