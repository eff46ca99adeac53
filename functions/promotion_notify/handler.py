"""Tell the people on call, and the team where it has a channel, how a promotion ended."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import promotion
from silent_infinity.settings import Settings
from silent_infinity.usecases.notify_promotion import NotifyPromotion, NotifyPromotionRequest

logger = Logger(service="promotion_notify")


@cache
def _notify_promotion() -> NotifyPromotion:
    return promotion.notify_promotion(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, notify_promotion: NotifyPromotion | None = None
) -> dict[str, Any]:
    """Return who was told. Fails if anybody is left whom it could not tell."""
    request = NotifyPromotionRequest.from_event(event)
    result = (notify_promotion or _notify_promotion())(request)
    logger.info(
        "told",
        extra={"promotion_id": request.promotion_id, "outcome": request.outcome, "told": list(result.told)},
    )
    return result.to_payload()
