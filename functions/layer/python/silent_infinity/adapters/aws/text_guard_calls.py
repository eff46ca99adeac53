"""Calls of AWS services that judge texts: quick or not at all, with errors that are codes."""

from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from silent_infinity.ports.text_guard import TextGuardError

CONNECT_SECONDS = 0.3
READ_SECONDS = 0.7
"""Together with the guard's own work well within the time of the function: an opinion may be missed."""


@cache
def client(service: str) -> Any:
    """Return the client of `service` for this process. It never retries: a late opinion is none."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
        tcp_keepalive=True,
    )
    return get_session().create_client(service, config=config)


def ask(operation: Callable[..., Any], **arguments: Any) -> Any:
    """Return the answer of `operation`.

    Raises:
        TextGuardError: there is none. Messages and causes of botocore could quote the text: both go.
    """
    try:
        return operation(**arguments)
    except ClientError as error:
        raise TextGuardError(str(error.response.get("Error", {}).get("Code", "Unknown"))) from None
    except BotoCoreError as error:
        raise TextGuardError(type(error).__name__) from None
