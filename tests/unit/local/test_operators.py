"""How operators sign in: one-time codes, and what is asked in which order."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.exceptions import ClientError

from local.operators import SignInRefusedError, enrolment_uri, sign_in, totp
from local.operators.totp import SecretError
from tests.support.vectors import description, load_vectors

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize("case", load_vectors("totp.json"), ids=description)
def test_codes_are_those_of_the_rfcs(case: dict[str, Any]) -> None:
    """An authenticator on somebody's telephone computes the same, or nobody can sign in."""
    assert totp(case["secret"], case["at"], digits=case["digits"]) == case["code"]


@pytest.mark.parametrize("secret", ["", "   ", "1889", "not base32!"])
def test_a_secret_that_is_none_is_refused_without_repeating_it(secret: str) -> None:
    """What was typed may be a password in the wrong place."""
    with pytest.raises(SecretError) as refused:
        totp(secret, 0)

    assert not secret.strip() or secret not in str(refused.value)


def test_an_authenticator_can_read_the_enrolment() -> None:
    """The label and the issuer are what the operator will look for in a list of a dozen."""
    uri = urlsplit(enrolment_uri(SECRET, "ada+ops@example.org"))

    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == "/Silent Infinity:ada+ops@example.org"
    assert parse_qs(uri.query) == {
        "secret": [SECRET],
        "issuer": ["Silent Infinity"],
        "digits": ["6"],
        "period": ["30"],
    }
    assert "+" not in uri.query


class ScriptedPool:
    """A pool that asks for given challenges in turn, and remembers what it was told."""

    def __init__(self, *challenges: str, refusal: str = "") -> None:
        self._challenges = list(challenges)
        self._refusal = refusal
        self._sessions = 0
        self.told: list[dict[str, Any]] = []

    def _next(self) -> dict[str, Any]:
        self._sessions += 1
        if not self._challenges:
            return {"AuthenticationResult": {"IdToken": "header.claims.signature"}}
        return {
            "ChallengeName": self._challenges.pop(0),
            "Session": f"session-{self._sessions}",
            "ChallengeParameters": {"USER_ID_FOR_SRP": "the-pools-name"},
        }

    def admin_initiate_auth(self, **told: Any) -> dict[str, Any]:
        self.told.append(told)
        if self._refusal:
            raise ClientError({"Error": {"Code": self._refusal, "Message": "No."}}, "AdminInitiateAuth")
        return self._next()

    def admin_respond_to_auth_challenge(self, **told: Any) -> dict[str, Any]:
        self.told.append(told)
        return self._next()

    def associate_software_token(self, **told: Any) -> dict[str, Any]:
        self.told.append(told)
        return {"SecretCode": SECRET, "Session": "session-of-secret"}

    def verify_software_token(self, **told: Any) -> dict[str, Any]:
        self.told.append(told)
        return {"Status": "SUCCESS", "Session": "session-of-code"}


def signed_in(pool: ScriptedPool) -> tuple[str, list[str]]:
    """Sign in; the token and what the person was asked for, in order."""
    asked: list[str] = []

    def code() -> str:
        asked.append("code")
        return "123456"

    def new_password() -> str:
        asked.append("new password")
        return "another"

    token = sign_in(
        pool,
        pool_id="pool",
        client_id="client",
        username="operator@example.org",
        password="first",
        code=code,
        new_password=new_password,
        show_secret=lambda secret: asked.append(f"secret {secret}"),
    )
    return token, asked


def test_the_usual_sign_in_asks_for_one_code() -> None:
    """Password and code: nothing else on an ordinary day."""
    pool = ScriptedPool("SOFTWARE_TOKEN_MFA")

    assert signed_in(pool) == ("header.claims.signature", ["code"])
    assert pool.told[-1]["ChallengeResponses"] == {
        "USERNAME": "the-pools-name",
        "SOFTWARE_TOKEN_MFA_CODE": "123456",
    }
    assert pool.told[-1]["Session"] == "session-1"


def test_the_first_sign_in_takes_a_password_and_enrols_before_it_asks_for_a_code() -> None:
    """The person cannot know a code before the secret was shown."""
    pool = ScriptedPool("NEW_PASSWORD_REQUIRED", "MFA_SETUP")

    assert signed_in(pool) == ("header.claims.signature", ["new password", f"secret {SECRET}", "code"])
    assert [told.get("Session") for told in pool.told] == [
        None,
        "session-1",
        "session-2",
        "session-of-secret",
        "session-of-code",
    ]


@pytest.mark.parametrize(
    ("pool", "code", "says"),
    [
        (ScriptedPool("SMS_MFA"), "SMS_MFA", "cannot answer"),
        (ScriptedPool(*["SOFTWARE_TOKEN_MFA"] * 9), "TooManyChallenges", "keeps asking"),
        (ScriptedPool(refusal="NotAuthorizedException"), "NotAuthorizedException", "Check address"),
        (ScriptedPool(refusal="SomethingNew"), "SomethingNew", "docs/operations.md"),
    ],
    ids=["another factor", "going round", "refused", "unknown"],
)
def test_what_cannot_go_on_says_why_and_what_to_do(pool: ScriptedPool, code: str, says: str) -> None:
    """A person reads this sentence; a program reads the code."""
    with pytest.raises(SignInRefusedError, match=says) as refused:
        signed_in(pool)

    assert refused.value.code == code
