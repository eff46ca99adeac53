"""A channel of Slack, by an incoming webhook: https://api.slack.com/messaging/webhooks

The address is a secret, because whoever knows it can post. It is in no error.
"""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from silent_infinity.ports.errors import StoreUnavailableError

TIMEOUT_SECONDS: Final = 3.0
ATTEMPTS: Final = 3
PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 5.0
_ESCAPED: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
_BUSY: Final = 429
_SERVER: Final = 500


class SlackChat:
    """A `TeamChat`."""

    def __init__(
        self,
        address: Callable[[], str],
        *,
        allow_http: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take what reads the webhook's address. Without TLS only where `allow_http` says so: on a laptop."""
        self._address = address
        self._schemes = ("https", "http") if allow_http else ("https",)
        self._sleep = sleep

    def post(self, text: str) -> bool:
        address = self._address()
        try:
            parts = urlsplit(address)
        except ValueError:
            raise StoreUnavailableError("WebhookAddress") from None
        if parts.scheme not in self._schemes or not parts.hostname:
            raise StoreUnavailableError("WebhookAddress")
        body = json.dumps({"text": escaped(text)}).encode()
        for attempt in range(1, ATTEMPTS + 1):
            code, pause = _sent(address, body)
            if not code:
                return True
            if attempt == ATTEMPTS or pause is None:
                break
            self._sleep(max(pause, PAUSE_SECONDS * 2 ** (attempt - 1)))
        raise StoreUnavailableError(code)


def escaped(text: str) -> str:
    """Return a text in which Slack finds no link, mention or command."""
    for character, entity in _ESCAPED:
        text = text.replace(character, entity)
    return text


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook does not move: following would post to whoever answered."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


def _sent(address: str, body: bytes) -> tuple[str, float | None]:
    """Return an empty code if the message was taken; else a code and when to try again (seconds), or None."""
    request = urllib.request.Request(  # noqa: S310 -- the scheme was looked at
        address, body, {"Content-Type": "application/json; charset=utf-8"}, method="POST"
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS):
            return "", None
    except urllib.error.HTTPError as error:
        error.close()
        again = error.code == _BUSY or error.code >= _SERVER
        return f"Http{error.code}", _pause(error.headers.get("Retry-After", "")) if again else None
    except (OSError, http.client.HTTPException, ValueError) as error:
        return type(error).__name__, 0.0


def _pause(retry_after: str) -> float:
    return min(float(retry_after), LONGEST_PAUSE_SECONDS) if retry_after.isdecimal() else 0.0
