"""Decide whether the holder of a token may use the operators' API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from silent_infinity.domain.registry.requests import ADMIN_GROUP
from silent_infinity.ports.operator_tokens import OperatorTokens


@dataclass(frozen=True, slots=True)
class Authorization:
    """Who is there, and whether they may. `facts` are what the API behind gets to see, texts only."""

    subject: str
    allowed: bool
    facts: Mapping[str, str]


class AuthorizeOperator:
    """Takes a token of the operators' pool; the group `admin` makes the difference."""

    def __init__(self, *, tokens: OperatorTokens) -> None:
        self._tokens = tokens

    def __call__(self, token: str) -> Authorization:
        """Return who the operator is and whether they may.

        Raises:
            TokenRefusedError: nobody is signed in with this token.
            KeysUnavailableError: it cannot be told.
        """
        claims = self._tokens.claims(token)
        groups = _groups(claims.get("cognito:groups"))
        facts = {
            "sub": str(claims["sub"]),
            "iss": str(claims["iss"]),
            "aud": str(claims["aud"]),
            "token_use": str(claims["token_use"]),
            "groups": json.dumps(groups),
        }
        return Authorization(facts["sub"], ADMIN_GROUP in groups, facts)


def _groups(claim: object) -> list[str]:
    # A text would pass a search for "admin" in "no-admin".
    return [str(group) for group in claim] if isinstance(claim, list | tuple) else []
