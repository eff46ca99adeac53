"""Start the workflow of each promotion that is asked for, and end the wait for people when one is closed."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import background, promotion
from silent_infinity.settings import Settings

logger = Logger(service="promotion_start")


@cache
def _promotion_consumer() -> background.StreamConsumer:
    return promotion.start_promotions(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, consumer: background.StreamConsumer | None = None
) -> dict[str, Any]:
    """Work through the batch and say from which records the stream is to be read again."""
    result = (consumer or _promotion_consumer())(event)
    for outcome in result.outcomes:
        logger.info("promotion", extra=outcome)
    return result.to_payload()
