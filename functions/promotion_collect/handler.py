"""Collect what a promotion is judged by: figures of the lake, golden results, live misses."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import promotion
from silent_infinity.settings import Settings
from silent_infinity.usecases.collect_figures import CollectFigures, CollectRequest

logger = Logger(service="promotion_collect")


@cache
def _collect_figures() -> CollectFigures:
    return promotion.collect_figures(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, collect_figures: CollectFigures | None = None
) -> dict[str, Any]:
    """Return the figures as of the lake's last day, or that there is nothing to look at any more."""
    request = CollectRequest.from_event(event)
    result = (collect_figures or _collect_figures())(request)
    logger.info(
        "collected",
        extra={"promotion_id": request.promotion_id, "phase": request.phase, "outcome": result.outcome},
    )
    return result.to_payload()
