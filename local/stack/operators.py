"""Operators of the local stack: invited to the deployed pool, enrolled, and signed in as anywhere else."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.operators import SignInRefusedError, sign_in, totp
from local.stack.users import RENEW_SECONDS, address_of, expiry, load_users, new_password, save_users

ADMIN_GROUP = "admin"


@dataclass(frozen=True, kw_only=True)
class OperatorPool:
    """The operators' pool of a deployed stack, with what operators made here need to sign in."""

    home: Path
    cognito: Any
    pool_id: str
    client_id: str

    def id_token(self, name: str, *, group: bool = True) -> str:
        """An ID token of the operator, good for five minutes at least; the operator is made when missing.

        `group` says whether they are in the group `admin`; a change of it counts from this token on.
        """
        known = load_users(self.home).get(self.pool_id, {}).get(name, {})
        if known.get("admin") == group and known.get("expires_at", 0) >= time.time() + RENEW_SECONDS:
            kept: str = known["id_token"]
            return kept
        if known:
            try:
                self._set_group(name, group)
                return self._signed_in(name, known, group)
            except (SignInRefusedError, self.cognito.exceptions.UserNotFoundException):
                # The emulator was killed before it wrote its state: it forgot the operator, or the secret.
                pass
        made = {"password": self._invite(name)}
        self._set_group(name, group)
        return self._signed_in(name, made, group)

    def _invite(self, name: str) -> str:
        """Make the operator anew with a temporary password: an authenticator that is lost cannot be asked."""
        address = address_of(name)
        with suppress(self.cognito.exceptions.UserNotFoundException):
            self.cognito.admin_delete_user(UserPoolId=self.pool_id, Username=address)
        password = new_password()
        self.cognito.admin_create_user(
            UserPoolId=self.pool_id,
            Username=address,
            MessageAction="SUPPRESS",
            TemporaryPassword=password,
            UserAttributes=[{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": "true"}],
        )
        return password

    def _set_group(self, name: str, group: bool) -> None:
        change = self.cognito.admin_add_user_to_group if group else self.cognito.admin_remove_user_from_group
        change(UserPoolId=self.pool_id, Username=address_of(name), GroupName=ADMIN_GROUP)

    def _signed_in(self, name: str, operator: dict[str, Any], group: bool) -> str:
        changed = dict(operator)

        def choose_password() -> str:
            changed["password"] = new_password()
            return str(changed["password"])

        def keep_secret(secret: str) -> None:
            changed["totp_secret"] = secret

        token = sign_in(
            self.cognito,
            pool_id=self.pool_id,
            client_id=self.client_id,
            username=address_of(name),
            password=operator["password"],
            code=lambda: totp(changed["totp_secret"], time.time()),
            new_password=choose_password,
            show_secret=keep_secret,
        )
        # Read again: signing in takes a while, and another command may have added somebody.
        users = load_users(self.home)
        users.setdefault(self.pool_id, {})[name] = {
            **changed,
            "admin": group,
            "id_token": token,
            "expires_at": expiry(token),
        }
        save_users(self.home, users)
        return token
