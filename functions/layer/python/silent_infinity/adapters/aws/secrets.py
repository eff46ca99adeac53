"""Secrets in Secrets Manager."""

import math
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import call
from silent_infinity.ports.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretText:
    """A secret's text, read when it is first asked for and kept for the life of the process."""

    def __init__(
        self,
        client: "Callable[[], SecretsManagerClient]",
        secret_id: str,
        *,
        kept_seconds: float = math.inf,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take where the secret lies, and for how long it is kept: shorter, if it may be changed."""
        self._client = client
        self._secret_id = secret_id
        self._kept_seconds = kept_seconds
        self._elapsed = elapsed
        self._lock = Lock()
        self._text = ""
        self._read_at = 0.0

    def text(self) -> str:
        """Return the text.

        Raises:
            StoreUnavailableError: it could not be read, or it is empty.
        """
        with self._lock:
            if not self._text or self._elapsed() - self._read_at >= self._kept_seconds:
                secret = call(self._client().get_secret_value, SecretId=self._secret_id)
                self._text = secret.get("SecretString", "")
                self._read_at = self._elapsed()
                if not self._text:
                    # Hashing with an empty salt would make pseudonyms that anybody can recompute.
                    raise StoreUnavailableError("EmptySecret")
            return self._text


class SecretUserSalt:
    """A `UserSalt` that is kept as a secret."""

    def __init__(self, client: "Callable[[], SecretsManagerClient]", secret_id: str) -> None:
        self._secret = SecretText(client, secret_id)

    def salt(self) -> str:
        return self._secret.text()
