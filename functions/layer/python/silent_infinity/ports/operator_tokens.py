"""Tokens that operators show, as a port: whoever checks signatures is an adapter."""

from collections.abc import Mapping
from typing import Any, Protocol


class TokenRefusedError(Exception):
    """The token is not the pool's, or not valid now. The message is a code, never the token."""


class KeysUnavailableError(RuntimeError):
    """The keys that tokens are checked with could not be fetched; nothing can be said about any token."""


class OperatorTokens(Protocol):
    """Checks ID tokens of the operators' pool."""

    def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token whose signature, issuer, audience, use and times are right.

        Raises:
            TokenRefusedError: one of them is not.
            KeysUnavailableError: it cannot be told.
        """
        ...
