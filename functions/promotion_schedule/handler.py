"""Ask for the promotions that are due tonight, and go on with those that were left behind."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import promotion
from silent_infinity.settings import Settings
from silent_infinity.usecases.schedule_promotions import SchedulePromotions

logger = Logger(service="promotion_schedule")


@cache
def _schedule_promotions() -> SchedulePromotions:
    return promotion.schedule_promotions(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, schedule_promotions: SchedulePromotions | None = None
) -> dict[str, Any]:
    """Return what was opened, started and told. The event says nothing: what is due is read."""
    result = (schedule_promotions or _schedule_promotions())().to_payload()
    logger.info("scheduled", extra=result)
    return result
