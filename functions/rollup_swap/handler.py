"""Let days of a table be what a statement has just written."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import lake
from silent_infinity.settings import Settings
from silent_infinity.usecases.swap_partitions import SwapPartitions, SwapRequest

logger = Logger(service="rollup_swap")


@cache
def _swap_partitions() -> SwapPartitions:
    return lake.swap_partitions(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, swap_partitions: SwapPartitions | None = None
) -> dict[str, Any]:
    """Return how many days were swapped."""
    request = SwapRequest.from_event(event)
    result = (swap_partitions or _swap_partitions())(request)
    logger.info("swapped", extra={"run": request.run, "place": request.location, **result})
    return result
