"""User pool authorizers, with users as the project makes them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.local.api import deploy_api
from tests.local.emulator_process import Emulator
from tests.local.test_rest_to_step_functions import ECHO, post

PASSWORD = "Correct-horse-battery-1"


@dataclass(frozen=True)
class Signed:
    """An API behind a user pool, and the tokens of one user."""

    url: str
    identity: str
    access: str


def signed_in(emulator: Emulator) -> Signed:
    """Deploy the pool and the API, create a user and sign in."""
    outputs = emulator.deploy(
        "tokens-pool",
        {
            "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"UsernameAttributes": ["email"]}},
            "Client": {
                "Type": "AWS::Cognito::UserPoolClient",
                "Properties": {
                    "UserPoolId": {"Ref": "Pool"},
                    "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"],
                },
            },
        },
        {"Pool": {"Ref": "Pool"}, "Client": {"Ref": "Client"}, "Arn": {"Fn::GetAtt": ["Pool", "Arn"]}},
    )
    idp = emulator.client("cognito-idp")
    name = "person@example.org"
    idp.admin_create_user(
        UserPoolId=outputs["Pool"],
        Username=name,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": name}, {"Name": "email_verified", "Value": "true"}],
    )
    idp.admin_set_user_password(UserPoolId=outputs["Pool"], Username=name, Password=PASSWORD, Permanent=True)
    tokens = idp.initiate_auth(
        ClientId=outputs["Client"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    url = deploy_api(emulator, "tokens", emulator.machine("tokens-echo", ECHO), pool_arn=outputs["Arn"])
    return Signed(url, tokens["IdToken"], tokens["AccessToken"])


@pytest.fixture(scope="module")
def signed(emulator: Emulator) -> Signed:
    """A signed-in user of the completed emulator."""
    return signed_in(emulator)


def test_the_bare_emulator_accepts_an_access_token(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    signed = signed_in(bare)

    answer = post(bare, f"{signed.url}/signed", {"message": "hello"}, Authorization=signed.access)

    assert answer.status != 401


def test_an_id_token_passes_and_its_claims_reach_the_template(emulator: Emulator, signed: Signed) -> None:
    """The subject of the token is who the turn belongs to; a Bearer prefix is allowed."""
    for header in (signed.identity, f"Bearer {signed.identity}"):
        answer = post(emulator, f"{signed.url}/signed", {"message": "hello"}, Authorization=header)

        assert answer.status == 201
        assert len(answer.json()["sub"]) == 36


@pytest.mark.parametrize("kind", ["access token", "tampered", "missing"])
def test_other_tokens_are_refused_in_the_apis_own_words(
    emulator: Emulator, signed: Signed, kind: str
) -> None:
    """AWS refuses access tokens where a method has no scopes."""
    head, claims, signature = signed.identity.split(".")
    headers = {
        "access token": {"Authorization": signed.access},
        "tampered": {"Authorization": f"{head}.{claims}.{signature[::-1]}"},
        "missing": {},
    }[kind]

    answer = post(emulator, f"{signed.url}/signed", {"message": "hello"}, **headers)

    assert (answer.status, answer.json()["title"]) == (401, "UNAUTHORIZED")
