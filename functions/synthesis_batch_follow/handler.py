"""Look how far a batch of weekly summaries is."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import background
from silent_infinity.settings import Settings
from silent_infinity.usecases.batch_synthesis import BatchRequest, FollowSynthesisBatch

logger = Logger(service="synthesis_batch_follow")


@cache
def _follow_synthesis_batch() -> FollowSynthesisBatch:
    return background.follow_synthesis_batch(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, follow_synthesis_batch: FollowSynthesisBatch | None = None
) -> dict[str, Any]:
    """Return how the batch stands; when it is over, its answers lie beside their parts."""
    result = (follow_synthesis_batch or _follow_synthesis_batch())(BatchRequest.from_event(event))
    logger.info("batch", extra={"batch_id": result.batch_id, "state": result.state, "code": result.code})
    return result.to_payload()
