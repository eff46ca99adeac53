"""Functions are told of an API under the address at which the emulator serves it.

Gap: a variable that holds an API's address (``https://ID.execute-api.REGION.amazonaws.com/STAGE``) leads to
AWS, where there is no such API: a link that a function writes into a message opens for nobody.
Fix: such an address in a function's variables is handed over as the emulator's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from local.emulator import seams

SUMMARY = "addresses of APIs in functions' variables are those of the emulator"

_ADDRESS = re.compile(
    r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/([A-Za-z0-9_$-]+)"
)
_VARIABLES = 'self.config.get("Environment", {}).get("Variables", {}).items()'


def install() -> None:
    """Patch what a Python worker is started with."""
    runtime = seams.module("core.lambda_runtime")
    runtime._with_local_addresses = with_local_addresses
    handed_over = f"_with_local_addresses({_VARIABLES.removesuffix('.items()')}).items()"
    seams.recompile(runtime.Worker, "_spawn", _VARIABLES, handed_over)


def with_local_addresses(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, with this emulator in the place of API Gateway."""
    port = os.environ.get("GATEWAY_PORT", "4566")
    here = rf"http://127.0.0.1:{port}/restapis/\1/\2/_user_request_"
    return {name: _ADDRESS.sub(here, value) for name, value in variables.items()}
