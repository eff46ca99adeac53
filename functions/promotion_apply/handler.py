"""Carry out a step of a promotion, once, after people have approved it."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import promotion
from silent_infinity.settings import Settings
from silent_infinity.usecases.apply_promotion import ApplyPromotion, ApplyPromotionRequest

logger = Logger(service="promotion_apply")


@cache
def _apply_promotion() -> ApplyPromotion:
    return promotion.apply_promotion(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, apply_promotion: ApplyPromotion | None = None
) -> dict[str, Any]:
    """Return what became of the step, and whether there is another."""
    request = ApplyPromotionRequest.from_event(event)
    result = (apply_promotion or _apply_promotion())(request)
    logger.info(
        "applied",
        extra={"promotion_id": request.promotion_id, "step": request.step, "outcome": result.outcome},
    )
    return result.to_payload()
