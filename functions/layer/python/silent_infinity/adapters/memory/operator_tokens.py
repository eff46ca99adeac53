"""Tokens that mean what a test says."""

from collections.abc import Mapping
from typing import Any

from silent_infinity.ports.operator_tokens import TokenRefusedError


class MemoryOperatorTokens:
    """`OperatorTokens` that knows the given tokens and no others."""

    def __init__(self, known: Mapping[str, Mapping[str, Any]]) -> None:
        self._known = known

    def claims(self, token: str) -> Mapping[str, Any]:
        if token not in self._known:
            raise TokenRefusedError("Unknown")
        return self._known[token]
