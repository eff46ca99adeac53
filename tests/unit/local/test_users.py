"""People of the local stack: made once, signed in when needed, and again when the emulator forgot them."""

import base64
import json
import stat
import string
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.stack.users import USERS_FILE, UserPool, expiry, new_password
from local.tools.errors import LocalError


class ExistsError(Exception):
    """As Cognito's UsernameExistsException."""


class NotAuthorizedError(Exception):
    """As Cognito's NotAuthorizedException."""


class FakeCognito:
    """A user pool in memory that signs tokens of one hour."""

    exceptions = SimpleNamespace(
        UsernameExistsException=ExistsError,
        NotAuthorizedException=NotAuthorizedError,
        UserNotFoundException=NotAuthorizedError,
    )

    def __init__(self, flows: list[str]) -> None:
        """`flows` as the pool's client allows them."""
        self.flows = flows
        self.passwords: dict[str, str] = {}
        self.sign_ins = 0
        self.lifetime = 3600

    def admin_create_user(self, *, Username: str, **_: Any) -> None:  # noqa: N803 - boto3's spelling
        if Username in self.passwords:
            raise ExistsError
        self.passwords[Username] = ""

    def admin_set_user_password(self, *, Username: str, Password: str, **_: Any) -> None:  # noqa: N803
        self.passwords[Username] = Password

    def describe_user_pool_client(self, **_: Any) -> dict[str, Any]:
        return {"UserPoolClient": {"ExplicitAuthFlows": self.flows}}

    def admin_initiate_auth(self, *, AuthParameters: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803
        if self.passwords.get(AuthParameters["USERNAME"]) != AuthParameters["PASSWORD"]:
            raise NotAuthorizedError
        self.sign_ins += 1
        claims = json.dumps({"exp": time.time() + self.lifetime, "n": self.sign_ins}).encode()
        payload = base64.urlsafe_b64encode(claims).decode().rstrip("=")
        return {"AuthenticationResult": {"IdToken": f"header.{payload}.signature"}}

    initiate_auth = admin_initiate_auth


@pytest.fixture
def cognito() -> FakeCognito:
    """A pool that allows what the local environment allows."""
    return FakeCognito(["ALLOW_ADMIN_USER_PASSWORD_AUTH"])


def pool_of(cognito: FakeCognito, home: Path) -> UserPool:
    """The pool as a new command sees it."""
    return UserPool(home=home, cognito=cognito, pool_id="pool-1", client_id="client-1")


def test_a_token_is_kept_while_it_is_good(cognito: FakeCognito, tmp_path: Path) -> None:
    """Signing in for every turn would double its time."""
    first = pool_of(cognito, tmp_path).id_token("demo")
    second = pool_of(cognito, tmp_path).id_token("demo")

    assert first == second
    assert cognito.sign_ins == 1


def test_a_token_about_to_end_is_renewed(cognito: FakeCognito, tmp_path: Path) -> None:
    """A printed token should work for a while."""
    cognito.lifetime = 60
    first = pool_of(cognito, tmp_path).id_token("demo")

    assert pool_of(cognito, tmp_path).id_token("demo") != first


def test_each_user_is_a_person_of_their_own(cognito: FakeCognito, tmp_path: Path) -> None:
    """Tests of ownership need two."""
    pool = pool_of(cognito, tmp_path)

    assert pool.id_token("demo") != pool.id_token("other")
    assert set(cognito.passwords) == {"demo@example.com", "other@example.com"}


def test_passwords_and_tokens_are_in_a_private_file(cognito: FakeCognito, tmp_path: Path) -> None:
    """Other users of the machine have no business with them."""
    pool_of(cognito, tmp_path).id_token("demo")

    assert stat.S_IMODE((tmp_path / USERS_FILE).stat().st_mode) == 0o600


def test_a_user_whose_password_was_lost_gets_a_new_one(cognito: FakeCognito, tmp_path: Path) -> None:
    """The state folder may be cleaned while the emulated account stays."""
    pool_of(cognito, tmp_path).id_token("demo")
    (tmp_path / USERS_FILE).unlink()

    assert pool_of(cognito, tmp_path).id_token("demo")


def test_a_user_that_the_emulator_forgot_is_made_again(cognito: FakeCognito, tmp_path: Path) -> None:
    """An emulator that was killed comes back without its latest people."""
    cognito.lifetime = 60
    pool_of(cognito, tmp_path).id_token("demo")
    cognito.passwords.clear()

    assert pool_of(cognito, tmp_path).id_token("demo")


def test_a_pool_without_password_sign_in_says_what_to_change(tmp_path: Path) -> None:
    """The error comes long before anyone thinks of the stack's settings."""
    with pytest.raises(LocalError, match="ALLOW_USER_SRP_AUTH"):
        pool_of(FakeCognito(["ALLOW_USER_SRP_AUTH"]), tmp_path).id_token("demo")


def test_a_new_password_has_every_class_of_characters() -> None:
    """Cognito's strictest policy asks for all four."""
    for _ in range(50):
        password = new_password()

        assert len(password) == 24
        for wanted in (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.!"):
            assert set(password) & set(wanted)


def test_the_end_of_a_token_is_read_whatever_its_padding() -> None:
    """Base64 in a JWT has none, and Python insists on it."""
    for claims in ({"exp": 1700000000}, {"exp": 1700000000, "a": "x"}, {"exp": 1700000000, "a": "xy"}):
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

        assert expiry(f"h.{payload}.s") == 1700000000
