"""Take a promotion that was asked for, for one execution of its workflow."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import promotion
from silent_infinity.settings import Settings
from silent_infinity.usecases.open_promotion import OpenPromotion, OpenPromotionRequest

logger = Logger(service="promotion_open")


@cache
def _open_promotion() -> OpenPromotion:
    return promotion.open_promotion(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, open_promotion: OpenPromotion | None = None
) -> dict[str, Any]:
    """Return whether this execution has it, and what the workflow has to know of it."""
    request = OpenPromotionRequest.from_event(event)
    result = (open_promotion or _open_promotion())(request)
    logger.info("taken", extra={"promotion_id": request.promotion_id, "outcome": result.outcome})
    return result.to_payload()
