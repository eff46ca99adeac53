"""Tokens as a user pool signs them, and as an attacker would like them."""

import base64
import json
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

POOL_ID = "us-east-1_Operators"
CLIENT_ID = "operators-client"
ISSUER = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL_ID}"
KEY_ID = "key-1"


@cache
def private_key(name: str = KEY_ID) -> rsa.RSAPrivateKey:
    """Return a key, the same for the same name."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_key(name: str = KEY_ID) -> dict[str, Any]:
    """Return the JSON Web Key of `private_key(name)`, with the name as its id, as Cognito publishes it."""
    document: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(
        private_key(name).public_key(), as_dict=True
    )
    return {**document, "kid": name, "alg": "RS256", "use": "sig"}


def claims(**changed: Any) -> dict[str, Any]:
    """Return the claims of an operator's good ID token; a value of None leaves the claim out."""
    now = int(time.time())
    good = {
        "sub": "11111111-2222-3333-4444-555555555555",
        "iss": ISSUER,
        "aud": CLIENT_ID,
        "token_use": "id",
        "iat": now,
        "auth_time": now,
        "exp": now + 1800,
        "email": "operator@example.org",
        "cognito:username": "ada",
        "cognito:groups": ["admin"],
        **changed,
    }
    return {name: value for name, value in good.items() if value is not None}


def signed(document: dict[str, Any], *, key: str = KEY_ID, kid: str | None = None) -> str:
    """Return the claims as a token, signed RS256 with a key."""
    return jwt.encode(document, private_key(key), algorithm="RS256", headers={"kid": kid or key})


def part(document: dict[str, Any]) -> str:
    """Return one part of a token."""
    return encoded(json.dumps(document).encode())


def encoded(data: bytes) -> str:
    """Return bytes as a part of a token."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
