"""A switch that keeps test runs from calling models beyond this machine."""

import ipaddress
import os
from urllib.parse import urlsplit

from silent_infinity.ports.llm import LiveModelForbiddenError

VARIABLE = "SILENT_INFINITY_FORBID_LIVE_MODELS"


def require_permission(url: str) -> None:
    """Refuse a call to `url` if the switch is on and the host is not the loopback interface.

    Raises:
        LiveModelForbiddenError: the call is forbidden. Names the variable, not the host.
    """
    if os.environ.get(VARIABLE) == "1" and not _is_loopback(urlsplit(url).hostname or ""):
        raise LiveModelForbiddenError(f"live-model-forbidden:{VARIABLE}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
