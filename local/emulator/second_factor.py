"""Operators cannot go round their second factor.

Gap: in a pool with MFA ON the emulator gives tokens to a user who has enrolled no second factor, and after a
new password without asking for a code; enrolling with the session of a challenge enrols nobody; and any
session answers a challenge.
Fix: MFA_SETUP where nothing is enrolled, the sessions of associate and verify belong to the sign-in that they
are part of, and a challenge is answered with the session that it was asked with, once:
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from local.emulator import seams

SUMMARY = "pools with MFA ON demand enrolment and a code, and sessions of challenges are checked"
FACTOR = "SOFTWARE_TOKEN_MFA"
CHECKED = frozenset({"NEW_PASSWORD_REQUIRED", "MFA_SETUP", FACTOR})
_OK = 200


@dataclass(frozen=True)
class _SignIn:
    """How far a sign-in has come: the challenge that is open, and whether the enrolment was verified."""

    pool_id: str
    user: str
    challenge: str
    verified: bool = False


def install() -> None:
    """Wrap the challenges and the enrolment of user pools."""
    cognito = seams.module("services.cognito")
    sign_ins = _SignIns(cognito)
    seams.replace(cognito, "_mfa_challenge_for_user", sign_ins.factor_challenge)
    for name, wrapper in (
        ("_password_auth_result", sign_ins.remembering),
        ("_admin_respond_to_auth_challenge", sign_ins.checking),
        ("_respond_to_auth_challenge", sign_ins.checking),
        ("_associate_software_token", sign_ins.associating),
        ("_verify_software_token", sign_ins.verifying),
    ):
        seams.replace(cognito, name, wrapper(seams.original(cognito, name)))


class _SignIns:
    """The sign-ins that have begun, by the session that goes on with them."""

    def __init__(self, cognito: Any) -> None:
        self._cognito = cognito
        self._open: dict[str, _SignIn] = {}

    def factor_challenge(
        self, pool: dict[str, Any], user: dict[str, Any], pool_id: str, username: str
    ) -> dict[str, Any] | None:
        """What the pool asks for after the password, if anything."""
        wanted = pool.get("MfaConfiguration", "OFF")
        if FACTOR in user.get("_mfa_enabled", []) and wanted != "OFF":
            return self._asked(pool_id, user, FACTOR, username, FRIENDLY_DEVICE_NAME="TOTP device")
        if wanted == "ON":
            return self._asked(pool_id, user, "MFA_SETUP", username, MFAS_CAN_SETUP=json.dumps([FACTOR]))
        return None

    def remembering(self, password_result: Callable[..., Any]) -> Callable[..., Any]:
        """The session of a NEW_PASSWORD_REQUIRED is kept: the emulator forgets it."""

        def after_password(pool: Any, pool_id: str, client: str, user: Any, *rest: Any, **named: Any) -> Any:
            answer = password_result(pool, pool_id, client, user, *rest, **named)
            asked = json.loads(answer[2])
            if asked.get("ChallengeName") == "NEW_PASSWORD_REQUIRED":
                self._open[asked["Session"]] = _SignIn(pool_id, user["Username"], asked["ChallengeName"])
            return answer

        return after_password

    def checking(self, respond: Callable[..., Any]) -> Callable[..., Any]:
        """A challenge is answered with its own session, and a new password is not the last one."""
        cognito = self._cognito

        def respond_once(data: dict[str, Any]) -> Any:
            name = data.get("ChallengeName")
            if name not in CHECKED:
                return respond(data)
            pool, pool_id = cognito._pool_for_client(data.get("ClientId"))
            username = data.get("ChallengeResponses", {}).get("USERNAME")
            user, _error = cognito._resolve_user(pool, username) if pool else (None, None)
            known = self._open.get(data.get("Session", ""))
            if user is None or known != _SignIn(pool_id, user["Username"], name, name == "MFA_SETUP"):
                return cognito.error_response_json(
                    "NotAuthorizedException", "Invalid session for the user.", 400
                )
            answer = respond(data)
            if answer[0] != _OK:
                return answer
            del self._open[data["Session"]]
            if name != "NEW_PASSWORD_REQUIRED":
                return answer
            following = self.factor_challenge(pool, user, pool_id, username)
            return cognito.json_response(following) if following else answer

        return respond_once

    def associating(self, associate: Callable[..., Any]) -> Callable[..., Any]:
        """The secret that is given out belongs to the sign-in whose session asked for it."""

        def associate_in_session(data: dict[str, Any]) -> Any:
            answer = associate(data)
            known = self._open.get(data.get("Session", ""))
            if known is not None and answer[0] == _OK:
                self._open[json.loads(answer[2])["Session"]] = known
            return answer

        return associate_in_session

    def verifying(self, verify: Callable[..., Any]) -> Callable[..., Any]:
        """A code that is right enrols the user of the sign-in."""
        cognito = self._cognito

        def verify_in_session(data: dict[str, Any]) -> Any:
            session = data.get("Session", "")
            known = self._open.get(session)
            secret = cognito._totp_session_secrets.get(session)
            answer = verify(data)
            if known is None or known.challenge != "MFA_SETUP" or secret is None or answer[0] != _OK:
                return answer
            pool, _error = cognito._resolve_pool(known.pool_id)
            user, _error = cognito._resolve_user(pool, known.user)
            user["_totp_secret"] = secret
            user["_mfa_enabled"] = sorted({*user.get("_mfa_enabled", []), FACTOR})
            user["_preferred_mfa"] = FACTOR
            self._open[json.loads(answer[2])["Session"]] = replace(known, verified=True)
            return answer

        return verify_in_session

    def _asked(
        self, pool_id: str, user: dict[str, Any], name: str, username: str, **parameters: str
    ) -> dict[str, Any]:
        session = base64.b64encode(secrets.token_bytes(32)).decode()
        self._open[session] = _SignIn(pool_id, user["Username"], name)
        return {
            "ChallengeName": name,
            "Session": session,
            "ChallengeParameters": {"USER_ID_FOR_SRP": username, **parameters},
        }
