"""Time-based one-time passwords as authenticators show them: RFC 6238 over RFC 4226, SHA-1, six digits."""

from __future__ import annotations

import base64
import binascii
import hmac

STEP_SECONDS = 30
DIGITS = 6
_LOW_BITS = 0x7FFFFFFF  # RFC 4226, section 5.3: the sign bit is masked


class SecretError(ValueError):
    """A secret that is not Base32. The text does not repeat it."""


def totp(secret: str, at: float, *, digits: int = DIGITS) -> str:
    """The code of `secret` at a time.

    Args:
        secret: Base32 as an authenticator takes it; spaces, lower case and missing padding are allowed.
        at: seconds since the epoch.
        digits: length of the code.

    Raises:
        SecretError: the secret is empty or not Base32.
    """
    counter = int(at // STEP_SECONDS).to_bytes(8, "big")
    digest = hmac.digest(_key(secret), counter, "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & _LOW_BITS
    return f"{number % 10**digits:0{digits}d}"


def _key(secret: str) -> bytes:
    compact = "".join(secret.split()).rstrip("=").upper()
    try:
        key = base64.b32decode(compact + "=" * (-len(compact) % 8))
    except binascii.Error:
        raise SecretError("The secret is not Base32.") from None
    if not key:
        raise SecretError("The secret is empty.")
    return key
