"""The salt of pseudonyms, kept in Secrets Manager."""

from threading import Lock
from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import call
from silent_infinity.ports.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretUserSalt:
    """A `UserSalt`: the secret's text, read once per process."""

    def __init__(self, client: "SecretsManagerClient", secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id
        self._lock = Lock()
        self._salt = ""

    def salt(self) -> str:
        with self._lock:
            if not self._salt:
                secret = call(self._client.get_secret_value, SecretId=self._secret_id)
                self._salt = secret.get("SecretString", "")
                if not self._salt:
                    # Hashing with an empty salt would make pseudonyms that anybody can recompute.
                    raise StoreUnavailableError("EmptySecret")
            return self._salt
