"""End a nightly rollup and delete what no partition points to."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import lake
from silent_infinity.settings import Settings
from silent_infinity.usecases.close_rollup import CloseRollup, CloseRollupRequest

logger = Logger(service="rollup_sweep")


@cache
def _close_rollup() -> CloseRollup:
    return lake.close_rollup(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, close_rollup: CloseRollup | None = None
) -> dict[str, Any]:
    """Let the lake go, and return how many objects were deleted."""
    request = CloseRollupRequest.from_event(event)
    result = (close_rollup or _close_rollup())(request)
    logger.info("closed", extra={"run": request.run, "outcome": request.outcome, **result})
    return result
