"""ID tokens of one Cognito user pool and client, checked as Cognito's documentation asks for.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from collections.abc import Mapping
from typing import Any

import jwt

from silent_infinity.adapters.tokens.key_set import KeySet
from silent_infinity.ports.operator_tokens import TokenRefusedError

# The pool signs with nothing else. A token does not choose how it is checked: "none", and HS256 with the
# public key as the secret, are the oldest tricks there are (RFC 8725, section 3.1).
ALGORITHM = "RS256"
LEEWAY_SECONDS = 10
LONGEST_TOKEN = 8_192
KIND = "id"
_NEEDED = ("aud", "exp", "iat", "iss", "sub", "token_use")


class PoolTokens:
    """`OperatorTokens` of the pool that issues as `issuer`, for the client `client_id`."""

    def __init__(self, keys: KeySet, *, issuer: str, client_id: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._client_id = client_id

    def claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > LONGEST_TOKEN:
            raise TokenRefusedError("TooLong")
        try:
            claims = self._verified(token)
        except jwt.PyJWTError as error:
            # The class says what was wrong; its text may quote the token.
            raise TokenRefusedError(type(error).__name__) from None
        # Cognito writes one client, as a text. A list with ours in it is somebody else's token.
        if claims["aud"] != self._client_id or claims["token_use"] != KIND:
            raise TokenRefusedError("NotAnIdToken")
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        key_id = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(key_id, str):
            raise TokenRefusedError("Algorithm")
        key = self._keys.find(key_id)
        if key is None or key.get("kty") != "RSA" or key.get("alg") != ALGORITHM:
            raise TokenRefusedError("UnknownKey")
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(dict(key), algorithm=ALGORITHM),
            algorithms=[ALGORITHM],
            audience=self._client_id,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": list(_NEEDED)},
        )
        return claims


def issuer_of(pool_id: str) -> str:
    """Return what a pool's tokens name as their issuer, wherever the pool is asked for its keys."""
    region = pool_id.partition("_")[0]
    return f"https://cognito-idp.{region}.amazonaws.com/{pool_id}"
