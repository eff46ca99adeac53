"""Hand a round of weekly summaries to the batch service."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import background
from silent_infinity.settings import Settings
from silent_infinity.usecases.batch_synthesis import BatchRequest, StartSynthesisBatch

logger = Logger(service="synthesis_batch_start")


@cache
def _start_synthesis_batch() -> StartSynthesisBatch:
    return background.start_synthesis_batch(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, start_synthesis_batch: StartSynthesisBatch | None = None
) -> dict[str, Any]:
    """Start the batch, or find the one that was started, and return its id."""
    result = (start_synthesis_batch or _start_synthesis_batch())(BatchRequest.from_event(event))
    logger.info("batch started", extra={"batch_id": result.batch_id})
    return result.to_payload()
