"""Every operators' route over HTTP with every kind of token: one gets in.

The routes are those of the deployed API, so that a new one is tried without being named here.
"""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import jwt
import pytest

from local.operators import totp
from local.stack.stack import LocalStack
from local.stack.users import address_of, load_users, new_password
from tests.support.tokens import encoded, part

pytestmark = pytest.mark.usefixtures("stack")
UNAUTHORIZED, FORBIDDEN = 401, 403
PROBLEM = "application/problem+json"
NAME = "operator"


@pytest.fixture(scope="module")
def routes(stack: LocalStack) -> list[tuple[str, str]]:
    """Method and path of every route below /admin, with something in the place of each parameter."""
    pages = stack.client("apigateway").get_paginator("get_resources")
    found = [
        (method, re.sub(r"\{[^}]+\}", "LLM_MODEL", resource["path"]))
        for page in pages.paginate(restApiId=stack.outputs["RestApiId"], embed=["methods"])
        for resource in page["items"]
        for method in resource.get("resourceMethods", {})
        if resource["path"].startswith("/admin/") and method != "OPTIONS"
    ]
    assert len(found) >= 13
    return found


Answers = Callable[[str | None], list[tuple[str, httpx.Response]]]


@pytest.fixture(scope="module")
def answers(stack: LocalStack, routes: list[tuple[str, str]]) -> Iterator[Answers]:
    """Calls every route with a token, or without one."""
    with httpx.Client(base_url=stack.api_url, timeout=30) as client:

        def call(token: str | None) -> list[tuple[str, httpx.Response]]:
            headers = {} if token is None else {"Authorization": token}
            # Not complete enough to change anything: who is asking comes before what is asked.
            body: dict[str, Any] = {"json": {"reason": "Trying every kind of token."}}
            return [
                (
                    f"{method} {path}",
                    client.request(method, path, headers=headers, **(body if method != "GET" else {})),
                )
                for method, path in routes
            ]

        yield call


@pytest.fixture(scope="module")
def operator(stack: LocalStack) -> dict[str, str]:
    """All three tokens of an operator of the group, signed in with password and code."""
    stack.operator_token(NAME)
    known = load_users(stack.home)[stack.outputs["OperatorPoolId"]][NAME]
    idp = stack.client("cognito-idp")
    ids = {"UserPoolId": stack.outputs["OperatorPoolId"], "ClientId": stack.outputs["OperatorPoolClientId"]}
    challenge = idp.admin_initiate_auth(
        **ids,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": address_of(NAME), "PASSWORD": known["password"]},
    )
    assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    tokens: dict[str, str] = idp.admin_respond_to_auth_challenge(
        **ids,
        ChallengeName="SOFTWARE_TOKEN_MFA",
        Session=challenge["Session"],
        ChallengeResponses={
            "USERNAME": address_of(NAME),
            "SOFTWARE_TOKEN_MFA_CODE": totp(known["totp_secret"], time.time()),
        },
    )["AuthenticationResult"]
    return tokens


def resigned(stack: LocalStack, token: str, **changed: Any) -> str:
    """The token with other claims, signed with the pool's own key, which only the emulator lets out."""
    pool_id = stack.outputs["OperatorPoolId"]
    key = (stack.home / "emulator/state/cognito-pool-keys" / f"{pool_id}-id.pem").read_bytes()
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.encode({**claims, **changed}, key, algorithm="RS256", headers={"kid": kid})


def foreign_token(stack: LocalStack) -> str:
    """An ID token of somebody who is in a group `admin`, of a pool of their own in the same account."""
    idp = stack.client("cognito-idp")
    pool = idp.create_user_pool(PoolName="foreign", UsernameAttributes=["email"])["UserPool"]["Id"]
    client = idp.create_user_pool_client(
        UserPoolId=pool, ClientName="foreign", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    return group_member_token(stack, pool, client)


def group_member_token(stack: LocalStack, pool: str, client: str) -> str:
    """An ID token of a new user of a pool without MFA, in a group `admin`."""
    idp = stack.client("cognito-idp")
    name, password = f"eve-{uuid.uuid4().hex[:8]}@example.org", new_password()
    with suppress(idp.exceptions.GroupExistsException):
        idp.create_group(UserPoolId=pool, GroupName="admin")
    idp.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    idp.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
    idp.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName="admin")
    answer = idp.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": password},
    )
    token: str = answer["AuthenticationResult"]["IdToken"]
    return token


def people_admin_token(stack: LocalStack) -> str:
    """An ID token of the people's pool, of somebody who is in a group `admin` there."""
    return group_member_token(stack, stack.outputs["UserPoolId"], stack.outputs["UserPoolClientId"])


def test_an_operator_of_the_group_gets_to_every_route(answers: Answers, operator: dict[str, str]) -> None:
    """What the function then says of the request is another test's business; it is not that they may not."""
    for header in (operator["IdToken"], f"Bearer {operator['IdToken']}"):
        for route, answer in answers(header):
            assert answer.status_code not in (UNAUTHORIZED, FORBIDDEN), route
            assert answer.status_code < 500, (route, answer.text)


def test_without_a_token_every_route_is_closed(answers: Answers) -> None:
    """No header, an empty one, and words that are no token."""
    for header in (None, "", "letmein", "Bearer letmein", "Basic b3BlcmF0b3I6cGFzc3dvcmQ="):
        refused(answers(header), UNAUTHORIZED)


def test_an_operator_without_the_group_is_forbidden_everywhere(stack: LocalStack, answers: Answers) -> None:
    """Signed in, and still not one who may: 403 says that signing in again would not help."""
    refused(answers(stack.operator_token("onlooker", group=False)), FORBIDDEN)


def test_tokens_of_people_open_nothing(stack: LocalStack, answers: Answers) -> None:
    """The two pools stand side by side; not even a group of the same name in the other helps."""
    for token in (stack.id_token("person-without"), people_admin_token(stack)):
        refused(answers(token), UNAUTHORIZED)


def test_a_token_of_a_foreign_pool_opens_nothing(stack: LocalStack, answers: Answers) -> None:
    """Anyone can have a user pool with a group `admin`, and good signatures from it."""
    refused(answers(foreign_token(stack)), UNAUTHORIZED)


def test_access_and_refresh_tokens_open_nothing(answers: Answers, operator: dict[str, str]) -> None:
    """An access token is given to programs that need not be trusted with who somebody is."""
    for kind in ("AccessToken", "RefreshToken"):
        refused(answers(operator[kind]), UNAUTHORIZED)


def test_an_expired_token_opens_nothing(
    stack: LocalStack, answers: Answers, operator: dict[str, str]
) -> None:
    """The same signature over the same claims with a later end gets in: it is the end that closes."""
    now = int(time.time())
    alive = resigned(stack, operator["IdToken"], exp=now + 60)
    ended = resigned(stack, operator["IdToken"], exp=now - 60)

    assert all(answer.status_code != UNAUTHORIZED for _route, answer in answers(alive))
    refused(answers(ended), UNAUTHORIZED)


def test_an_answer_is_not_remembered_beyond_the_end_of_its_token(
    stack: LocalStack, answers: Answers, operator: dict[str, str]
) -> None:
    """Ten seconds of leeway and not a second more: no cached policy goes on letting in."""
    soon = resigned(stack, operator["IdToken"], exp=int(time.time()) - 7)

    assert all(answer.status_code != UNAUTHORIZED for _route, answer in answers(soon))
    time.sleep(4)
    refused(answers(soon), UNAUTHORIZED)


def test_changed_tokens_open_nothing(stack: LocalStack, answers: Answers, operator: dict[str, str]) -> None:
    """Whoever has one good token must not make another out of it."""
    head, claims, signature = operator["IdToken"].split(".")
    document = jwt.decode(operator["IdToken"], options={"verify_signature": False})
    forged = {
        "tampered signature": f"{head}.{claims}.{signature[::-1]}",
        "other claims": f"{head}.{part({**document, 'sub': 'somebody-else'})}.{signature}",
        "a longer life": f"{head}.{part({**document, 'exp': document['exp'] + 3600})}.{signature}",
        "no algorithm": f"{part({'alg': 'none'})}.{claims}.{encoded(b'x')}",
        "another algorithm": f"{part({**jwt.get_unverified_header(operator['IdToken']), 'alg': 'HS256'})}"
        f".{claims}.{signature}",
        "another client": resigned(stack, operator["IdToken"], aud="another-client"),
        "another issuer": resigned(stack, operator["IdToken"], iss=f"{document['iss']}x"),
        "another use": resigned(stack, operator["IdToken"], token_use="access"),
    }

    for kind, token in forged.items():
        refused(answers(token), UNAUTHORIZED, kind)


def refused(given: list[tuple[str, httpx.Response]], status: int, kind: str = "") -> None:
    """Check that every route answered with the status, as a problem that repeats nothing of the token."""
    for route, answer in given:
        assert answer.status_code == status, (kind, route, answer.text)
        assert answer.headers["Content-Type"] == PROBLEM, route
        assert answer.json()["status"] == status, route
        sent = answer.request.headers.get("Authorization", "")
        assert len(sent) < 20 or sent not in answer.text, route
