"""API Gateway's events become requests of a known person, or problem documents; nothing else gets through."""

import json
from typing import Any

import pytest

from silent_infinity.adapters.http.api_gateway import ProxyRequest, respond
from silent_infinity.domain import problems
from silent_infinity.ports.errors import StoreUnavailableError


def _event(body: Any = None, **claims: str) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "pathParameters": {"session_id": "s"},
        "body": body,
        "requestContext": {"authorizer": {"claims": claims}},
    }


def _asked(
    event: dict[str, Any], cors_origin: str | None = None
) -> tuple[dict[str, Any], list[ProxyRequest]]:
    asked: list[ProxyRequest] = []

    def route(request: ProxyRequest) -> problems.HttpResponse:
        asked.append(request)
        return problems.ok({"fine": True}, status=201)

    return respond(event, route, cors_origin=cors_origin), asked


def test_a_request_is_its_persons_own() -> None:
    """Method, path, body and subject, each in its place."""
    response, asked = _asked(_event('{"nps": 9}', token_use="id", sub="person-1"), "https://app.example")

    assert asked == [ProxyRequest("POST", "person-1", {"session_id": "s"}, {"nps": 9})]
    assert response == {
        "statusCode": 201,
        "headers": {
            "Cache-Control": "no-store",
            "Access-Control-Allow-Origin": "https://app.example",
            "Content-Type": "application/json",
        },
        "body": '{"fine":true}',
    }


@pytest.mark.parametrize(
    "event",
    [
        _event("{}", token_use="access", sub="person-1"),
        _event("{}", sub="person-1"),
        _event("{}", token_use="id"),
        _event("{}", token_use="id", sub=""),
        {"httpMethod": "GET", "requestContext": {"authorizer": None}},
        {"httpMethod": "GET"},
    ],
    ids=["access token", "no kind", "no subject", "empty subject", "no authorizer", "no context"],
)
def test_whoever_has_no_id_token_gets_nowhere(event: dict[str, Any]) -> None:
    """Checked behind the authorizer too: a route that was left open by mistake stays shut."""
    response, asked = _asked(event)

    assert response["statusCode"] == 401
    assert json.loads(response["body"])["help"]["resources"]
    assert asked == []


@pytest.mark.parametrize("body", ["{", "[]", '"canary"', "canary", "3"])
def test_a_body_that_is_no_object_is_refused_without_being_quoted(body: str) -> None:
    """What cannot be read may still be what a person wrote."""
    response, asked = _asked(_event(body, token_use="id", sub="person-1"))

    assert response["statusCode"] == 400
    assert "canary" not in response["body"]
    assert asked == []


def test_browsers_of_other_origins_may_not_read_unless_that_is_configured() -> None:
    """An origin that nobody has named is nobody's."""
    response, _ = _asked(_event(None, token_use="id", sub="person-1"))

    assert "Access-Control-Allow-Origin" not in response["headers"]


def test_a_store_that_is_down_says_when_to_come_back() -> None:
    """And nothing of what went wrong, which may name tables and people."""

    def route(_request: ProxyRequest) -> problems.HttpResponse:
        raise StoreUnavailableError("canary")

    response = respond(_event(None, token_use="id", sub="person-1"), route, cors_origin=None)

    assert response["statusCode"] == 503
    assert response["headers"]["Retry-After"] == "5"
    assert response["headers"]["Content-Type"] == "application/problem+json"
    assert "canary" not in response["body"]
    assert json.loads(response["body"])["help"]["resources"]
