"""Bring new turns and new feedback into the lake, as their streams tell of them."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import lake
from silent_infinity.settings import Settings

logger = Logger(service="lake_consumer")


@cache
def _feed_lake() -> lake.LakeConsumer:
    return lake.feed_lake(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, feed_lake: lake.LakeConsumer | None = None
) -> dict[str, Any]:
    """Deliver the batch and say from where the stream is to be read again."""
    fed = (feed_lake or _feed_lake())(event)
    for facts in fed.quarantined:
        logger.warning("quarantined", extra=dict(facts))
    logger.info("batch", extra={"delivered": fed.delivered, "again_from": fed.again_from})
    return fed.to_payload()
