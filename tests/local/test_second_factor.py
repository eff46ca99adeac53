"""Operators' pools: MFA is ON, and nobody gets a token without a code."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from local.operators import SignInRefusedError, sign_in, totp
from local.stack.operators import OperatorPool
from local.stack.users import load_users
from tests.local.emulator_process import Emulator

TEMPORARY = "Temporary-password-1"
PERMANENT = "Permanent-password-1"
NAME = "operator@example.org"
MADE_UP = "a-session-that-nobody-was-given"


class Pool:
    """A fresh pool with MFA ON and one invited operator, and a client of it."""

    def __init__(self, emulator: Emulator, name: str) -> None:
        self.idp = emulator.client("cognito-idp")
        outputs = emulator.deploy(
            name,
            {
                "Pool": {
                    "Type": "AWS::Cognito::UserPool",
                    "Properties": {
                        "UsernameAttributes": ["email"],
                        "MfaConfiguration": "ON",
                        "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
                    },
                },
                "Admin": {
                    "Type": "AWS::Cognito::UserPoolGroup",
                    "Properties": {"UserPoolId": {"Ref": "Pool"}, "GroupName": "admin"},
                },
                "Client": {
                    "Type": "AWS::Cognito::UserPoolClient",
                    "Properties": {
                        "UserPoolId": {"Ref": "Pool"},
                        "ExplicitAuthFlows": ["ALLOW_ADMIN_USER_PASSWORD_AUTH"],
                    },
                },
            },
            {"Pool": {"Ref": "Pool"}, "Client": {"Ref": "Client"}},
        )
        self.pool_id, self.client_id = outputs["Pool"], outputs["Client"]
        self.ids = {"UserPoolId": self.pool_id, "ClientId": self.client_id}
        self.idp.admin_create_user(
            UserPoolId=self.pool_id,
            Username=NAME,
            MessageAction="SUPPRESS",
            TemporaryPassword=TEMPORARY,
            UserAttributes=[{"Name": "email", "Value": NAME}],
        )

    def begin(self, password: str) -> dict[str, Any]:
        """The first step of a sign-in."""
        answer: dict[str, Any] = self.idp.admin_initiate_auth(
            **self.ids,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": NAME, "PASSWORD": password},
        )
        return answer

    def respond(self, challenge: str, session: str, **responses: str) -> dict[str, Any]:
        """Answer a challenge."""
        answer: dict[str, Any] = self.idp.admin_respond_to_auth_challenge(
            **self.ids,
            ChallengeName=challenge,
            Session=session,
            ChallengeResponses={"USERNAME": NAME, **responses},
        )
        return answer

    def new_password(self) -> dict[str, Any]:
        """The operator takes a password of their own; what is asked next."""
        session = self.begin(TEMPORARY)["Session"]
        return self.respond("NEW_PASSWORD_REQUIRED", session, NEW_PASSWORD=PERMANENT)


@pytest.fixture
def pool(emulator: Emulator, request: pytest.FixtureRequest) -> Pool:
    """A pool of the completed emulator for one test."""
    return Pool(emulator, f"{request.node.name.replace('_', '-')}")


def test_the_bare_emulator_gives_tokens_without_a_second_factor(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    answer = Pool(bare, "operators-bare").new_password()

    assert "AuthenticationResult" in answer


def test_a_new_operator_has_to_enrol_before_any_token(pool: Pool) -> None:
    """MFA ON means that a password alone, even a new one, opens nothing."""
    first = pool.new_password()
    again = pool.begin(PERMANENT)

    assert first["ChallengeName"] == again["ChallengeName"] == "MFA_SETUP"
    assert "AuthenticationResult" not in first
    assert "AuthenticationResult" not in again


def test_the_whole_first_sign_in_and_the_next_one(pool: Pool) -> None:
    """The module that operators use in every environment works through every challenge."""
    secrets: list[str] = []
    steps = {"pool_id": pool.pool_id, "client_id": pool.client_id, "username": NAME}

    first = sign_in(
        pool.idp,
        **steps,
        password=TEMPORARY,
        code=lambda: totp(secrets[-1], time.time()),
        new_password=lambda: PERMANENT,
        show_secret=secrets.append,
    )
    second = sign_in(
        pool.idp,
        **steps,
        password=PERMANENT,
        code=lambda: totp(secrets[-1], time.time()),
        new_password=lambda: pytest.fail("asked for a new password again"),
        show_secret=lambda _secret: pytest.fail("enrolled again"),
    )

    assert len(secrets) == 1
    assert first.count(".") == second.count(".") == 2


def test_a_setup_that_was_not_verified_opens_nothing(pool: Pool) -> None:
    """Answering MFA_SETUP without ever showing a code would make the factor optional."""
    challenge = pool.new_password()
    associated = pool.idp.associate_software_token(Session=challenge["Session"])

    for session in (challenge["Session"], associated["Session"], MADE_UP):
        with pytest.raises(pool.idp.exceptions.NotAuthorizedException):
            pool.respond("MFA_SETUP", session)


def test_a_code_needs_the_session_of_a_password_that_was_right(pool: Pool) -> None:
    """Otherwise the one-time code alone would be the sign-in."""
    secrets: list[str] = []
    sign_in(
        pool.idp,
        pool_id=pool.pool_id,
        client_id=pool.client_id,
        username=NAME,
        password=TEMPORARY,
        code=lambda: totp(secrets[-1], time.time()),
        new_password=lambda: PERMANENT,
        show_secret=secrets.append,
    )
    session = pool.begin(PERMANENT)["Session"]
    code = totp(secrets[-1], time.time())

    with pytest.raises(pool.idp.exceptions.NotAuthorizedException):
        pool.respond("SOFTWARE_TOKEN_MFA", MADE_UP, SOFTWARE_TOKEN_MFA_CODE=code)
    with pytest.raises(pool.idp.exceptions.CodeMismatchException):
        pool.respond("SOFTWARE_TOKEN_MFA", session, SOFTWARE_TOKEN_MFA_CODE="000000")
    assert "AuthenticationResult" in pool.respond("SOFTWARE_TOKEN_MFA", session, SOFTWARE_TOKEN_MFA_CODE=code)
    with pytest.raises(pool.idp.exceptions.NotAuthorizedException):  # once
        pool.respond("SOFTWARE_TOKEN_MFA", session, SOFTWARE_TOKEN_MFA_CODE=code)


def test_a_wrong_password_is_refused_with_what_to_do(pool: Pool) -> None:
    """The command line shows this sentence to a person."""
    with pytest.raises(SignInRefusedError, match="Check address and password") as refused:
        sign_in(
            pool.idp,
            pool_id=pool.pool_id,
            client_id=pool.client_id,
            username=NAME,
            password="Wrong-password-12345",
            code=lambda: "000000",
            new_password=lambda: PERMANENT,
            show_secret=lambda _secret: None,
        )

    assert refused.value.code == "NotAuthorizedException"


def test_local_operators_are_enrolled_kept_and_moved_in_and_out_of_the_group(
    pool: Pool, tmp_path: Path
) -> None:
    """Tests and the command line get tokens of real operators, without a shortcut around the factor."""
    operators = OperatorPool(home=tmp_path, cognito=pool.idp, pool_id=pool.pool_id, client_id=pool.client_id)

    inside = operators.id_token("ada")
    kept = operators.id_token("ada")
    outside = operators.id_token("ada", group=False)
    users = load_users(tmp_path)
    users[pool.pool_id]["ada"] |= {"expires_at": 0, "totp_secret": "GEZDGNBVGY3TQOJQ"}
    (tmp_path / "users.json").write_text(json.dumps(users), encoding="utf-8")
    made_again = operators.id_token("ada", group=False)

    assert inside == kept
    assert outside != inside
    assert made_again not in (inside, outside)
    assert load_users(tmp_path)[pool.pool_id]["ada"]["totp_secret"]
