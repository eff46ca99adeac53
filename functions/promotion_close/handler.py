"""End a promotion: what was applied stays applied, and what is closed stays as it is."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import promotion
from silent_infinity.settings import Settings
from silent_infinity.usecases.close_promotion import ClosePromotion, ClosePromotionRequest

logger = Logger(service="promotion_close")


@cache
def _close_promotion() -> ClosePromotion:
    return promotion.close_promotion(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, close_promotion: ClosePromotion | None = None
) -> dict[str, Any]:
    """Return how the promotion has ended."""
    request = ClosePromotionRequest.from_event(event)
    result = (close_promotion or _close_promotion())(request)
    logger.info("closed", extra={"promotion_id": request.promotion_id, "outcome": result.outcome})
    return result.to_payload()
