"""The description of the API as Lambda calls for it."""

import json
from typing import Any

import pytest

from silent_infinity.schemas import openapi
from tests.functions.test_turn_handlers import call


def _ask(**headers: str) -> dict[str, Any]:
    answer: dict[str, Any] = call("openapi", {"httpMethod": "GET", "headers": headers or None})
    return answer


def test_the_document_is_whole_and_may_be_kept_for_a_while() -> None:
    """Whoever builds a client reads it many times; it changes with deployments only."""
    answer = _ask()

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == openapi.document()
    assert answer["headers"]["Content-Type"] == "application/json"
    assert answer["headers"]["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize(
    "known", ["{etag}", "W/{etag}", '"another", {etag}', "*"], ids=["alone", "weak", "in a list", "whatever"]
)
def test_who_has_the_document_is_not_sent_it(known: str) -> None:
    """`If-None-Match` takes one tag, several, weak ones, or an asterisk (RFC 9110)."""
    etag = _ask()["headers"]["ETag"]
    answer = _ask(**{"if-none-match": known.format(etag=etag)})

    assert (answer["statusCode"], answer["body"]) == (304, "")
    assert answer["headers"]["ETag"] == etag
    assert "Content-Type" not in answer["headers"]


@pytest.mark.parametrize("known", ['"another"', "", "*x"])
def test_who_has_another_document_is_sent_this_one(known: str) -> None:
    """A deployment changed it."""
    assert _ask(**{"If-None-Match": known})["statusCode"] == 200


def test_scripts_of_the_one_origin_may_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with every other route; elsewhere the header is left out."""
    without = _ask()["headers"]
    monkeypatch.setenv("CORS_ORIGIN", "https://app.example")
    headers = _ask()["headers"]

    assert "Access-Control-Allow-Origin" not in without
    assert headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert headers["Access-Control-Expose-Headers"] == "ETag"
