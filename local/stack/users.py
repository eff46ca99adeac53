"""People of the local stack: made in the deployed user pool, signed in for real ID tokens."""

from __future__ import annotations

import base64
import json
import secrets
import string
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.stack.state import write_atomically
from local.tools.errors import LocalError

USERS_FILE = "users.json"
RENEW_SECONDS = 300  # a token that ends sooner is renewed, so that a printed one is good for a while
PASSWORD_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.!")
PASSWORD_CHARACTERS = 24
Users = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class UserPool:
    """The people's pool of a deployed stack, with the passwords and tokens of users made here."""

    home: Path
    cognito: Any
    pool_id: str
    client_id: str

    def id_token(self, name: str) -> str:
        """An ID token of the user, good for five minutes at least; the user is made when missing."""
        users = load_users(self.home)
        user = users.get(self.pool_id, {}).get(name)
        if user is None:
            user = {"password": self._make(name)}
        if user.get("expires_at", 0) < time.time() + RENEW_SECONDS:
            token = self._sign_in_again(name, user)
            user = {**user, "id_token": token, "expires_at": expiry(token)}
            users.setdefault(self.pool_id, {})[name] = user
            save_users(self.home, users)
        found: str = user["id_token"]
        return found

    def _make(self, name: str) -> str:
        address = address_of(name)
        password = new_password()
        attributes = [{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": "true"}]
        # One that exists lost its password with the file: it gets a new one.
        with suppress(self.cognito.exceptions.UsernameExistsException):
            self.cognito.admin_create_user(
                UserPoolId=self.pool_id,
                Username=address,
                MessageAction="SUPPRESS",
                UserAttributes=attributes,
            )
        self.cognito.admin_set_user_password(
            UserPoolId=self.pool_id, Username=address, Password=password, Permanent=True
        )
        return password

    def _sign_in_again(self, name: str, user: dict[str, Any]) -> str:
        unknown = (
            self.cognito.exceptions.NotAuthorizedException,
            self.cognito.exceptions.UserNotFoundException,
        )
        try:
            return self._sign_in(name, user["password"])
        except unknown:
            # The emulator was killed before it wrote its state: it forgot the user, or the password.
            user["password"] = self._make(name)
            return self._sign_in(name, user["password"])

    def _sign_in(self, name: str, password: str) -> str:
        described = self.cognito.describe_user_pool_client(UserPoolId=self.pool_id, ClientId=self.client_id)
        flows = described["UserPoolClient"].get("ExplicitAuthFlows", [])
        parameters = {"USERNAME": address_of(name), "PASSWORD": password}
        if "ALLOW_ADMIN_USER_PASSWORD_AUTH" in flows:
            answer = self.cognito.admin_initiate_auth(
                UserPoolId=self.pool_id,
                ClientId=self.client_id,
                AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                AuthParameters=parameters,
            )
        elif "ALLOW_USER_PASSWORD_AUTH" in flows:
            answer = self.cognito.initiate_auth(
                ClientId=self.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters
            )
        else:
            raise LocalError(
                f"The user pool's client allows only {', '.join(flows) or 'no'} sign-in.",
                "Allow ADMIN_USER_PASSWORD_AUTH for the local environment in the API stack.",
            )
        token: str = answer["AuthenticationResult"]["IdToken"]
        return token


def load_users(home: Path) -> Users:
    """What is known of users that were made here: by pool, then by name."""
    try:
        users = json.loads((home / USERS_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # a damaged file costs new passwords, nothing else
        return {}
    return users if isinstance(users, dict) else {}


def save_users(home: Path, users: Users) -> None:
    """Keep them in a file that nobody else on the machine can read."""
    write_atomically(home / USERS_FILE, json.dumps(users, indent=2) + "\n", mode=0o600)


def address_of(name: str) -> str:
    """The e-mail address of a local user."""
    return name if "@" in name else f"{name}@example.com"


def new_password() -> str:
    """A random password with characters of every class that a pool may ask for."""
    required = [secrets.choice(characters) for characters in PASSWORD_CLASSES]
    alphabet = "".join(PASSWORD_CLASSES)
    rest = [secrets.choice(alphabet) for _ in range(PASSWORD_CHARACTERS - len(required))]
    mixed = required + rest
    secrets.SystemRandom().shuffle(mixed)
    return "".join(mixed)


def expiry(token: str) -> float:
    """When a JWT ends, in epoch seconds. Reads the claim only: the API checks the signature."""
    payload = token.split(".")[1]
    padded = payload + "=" * (-len(payload) % 4)
    return float(json.loads(base64.urlsafe_b64decode(padded))["exp"])
