"""Observe recorded turns, as the stream of turn events tells of them. Nobody waits for it."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import background
from silent_infinity.settings import Settings

logger = Logger(service="sentinel")


@cache
def _turn_event_consumer() -> background.StreamConsumer:
    return background.sentinel(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, consumer: background.StreamConsumer | None = None
) -> dict[str, Any]:
    """Observe each turn of the batch and say from which ones the stream is to be read again."""
    result = (consumer or _turn_event_consumer())(event)
    for outcome in result.outcomes:
        logger.info("turn event", extra=outcome)
    return result.to_payload()
