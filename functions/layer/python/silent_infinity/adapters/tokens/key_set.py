"""The public keys of a user pool: fetched when needed, kept, and fetched anew for a key that is not known."""

import http.client
import json
import math
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from silent_infinity.ports.operator_tokens import KeysUnavailableError

TIMEOUT_SECONDS = 2.0
REFRESH_SECONDS = 3_600.0
"""A key that the pool gave up is forgotten after this time."""
UNKNOWN_KEY_PAUSE_SECONDS = 30.0
"""Anyone can make up key ids: they must not have the pool asked for each."""
_MOST_BYTES = 65_536


class KeySet:
    """Keys of the document at `address`, by their ids."""

    def __init__(
        self,
        address: str,
        *,
        fetch: Callable[[str], bytes] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._fetch = fetch or fetch_document
        self._monotonic = monotonic
        self._keys: Mapping[str, Mapping[str, Any]] = {}
        self._fetched_at = self._asked_at = -math.inf

    def find(self, key_id: str) -> Mapping[str, Any] | None:
        """Return the JSON Web Key with the id, or None if the pool has none.

        Raises:
            KeysUnavailableError: no keys, or only old ones, are at hand, and new ones could not be fetched.
        """
        now = self._monotonic()
        old = now - self._fetched_at > REFRESH_SECONDS
        if old or (key_id not in self._keys and now - self._asked_at > UNKNOWN_KEY_PAUSE_SECONDS):
            self._refresh(now)
        return self._keys.get(key_id)

    def _refresh(self, now: float) -> None:
        self._asked_at = now
        try:
            document = json.loads(self._fetch(self._address))
            keys = {key["kid"]: key for key in document["keys"]}
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
            raise KeysUnavailableError(type(error).__name__) from None
        self._keys, self._fetched_at = keys, now


def fetch_document(address: str) -> bytes:
    """Return what is at the address, which the deployment chose.

    Raises:
        OSError: it is not there, or not in time.
        ValueError: it is longer than any key document.
    """
    with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 -- as above
        body: bytes = answer.read(_MOST_BYTES + 1)
    if len(body) > _MOST_BYTES:
        raise ValueError("too long")
    return body
