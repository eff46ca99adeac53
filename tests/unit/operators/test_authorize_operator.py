"""The group makes the difference, and the policy says it as API Gateway understands it."""

import json
from typing import Any

import pytest

from silent_infinity.adapters.http.authorizer import UnauthorizedError, policy
from silent_infinity.adapters.memory.operator_tokens import MemoryOperatorTokens
from silent_infinity.usecases.authorize_operator import AuthorizeOperator
from tests.support.tokens import CLIENT_ID, ISSUER, claims

ARN = "arn:aws:execute-api:eu-central-1:123456789012:api1/live/PUT/admin/api/variants/LLM_MODEL/a"


def decided(token: str, **changed: Any) -> dict[str, Any]:
    """The policy for a token with these claims, where "good" is the known one."""
    authorize = AuthorizeOperator(tokens=MemoryOperatorTokens({"good": claims(**changed)}))
    event = {"type": "TOKEN", "authorizationToken": token, "methodArn": ARN}
    return policy(event, authorize, routes="admin/api/*", refused=lambda _code: None)


@pytest.mark.parametrize("header", ["good", "Bearer good", "bearer good"])
def test_an_operator_of_the_group_may_use_every_route_of_the_stage_and_nothing_beside(header: str) -> None:
    """API Gateway may keep the policy for the next request, which is for another route."""
    statement = decided(header)["policyDocument"]["Statement"]

    assert statement == [
        {
            "Action": "execute-api:Invoke",
            "Effect": "Allow",
            "Resource": "arn:aws:execute-api:eu-central-1:123456789012:api1/live/*/admin/api/*",
        }
    ]


def test_the_function_behind_gets_texts() -> None:
    """API Gateway refuses a context with anything but texts, numbers and booleans."""
    found = decided("good", **{"cognito:groups": ["admin", "readers"]})

    assert found["principalId"] == claims()["sub"]
    assert found["context"] == {
        "sub": claims()["sub"],
        "iss": ISSUER,
        "aud": CLIENT_ID,
        "token_use": "id",
        "groups": json.dumps(["admin", "readers"]),
    }


@pytest.mark.parametrize(
    "groups",
    [
        None,
        [],
        ["readers"],
        ["Admin"],
        ["admin "],
        ["administrators"],
        ["no", "no-admin"],
        "admin",
        {"admin": 1},
    ],
)
def test_an_operator_without_the_group_is_denied(groups: Any) -> None:
    """An exact name in a list: everything else is another group, or not what Cognito writes."""
    [statement] = decided("good", **{"cognito:groups": groups})["policyDocument"]["Statement"]

    assert statement["Effect"] == "Deny"


def test_a_refused_token_is_what_api_gateway_answers_with_401() -> None:
    """Any other message than this one word is a 500."""
    codes: list[str] = []
    event = {"authorizationToken": "bad", "methodArn": ARN}
    authorize = AuthorizeOperator(tokens=MemoryOperatorTokens({}))
    with pytest.raises(UnauthorizedError, match=r"^Unauthorized$"):
        policy(event, authorize, routes="admin/api/*", refused=codes.append)

    assert codes == ["Unknown"]
