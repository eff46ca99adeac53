"""Say which days of which tables a nightly rollup computes."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import lake
from silent_infinity.settings import Settings
from silent_infinity.usecases.plan_rollup import PlanRequest, PlanRollup

logger = Logger(service="rollup_plan")


@cache
def _plan_rollup() -> PlanRollup:
    return lake.plan_rollup(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, plan_rollup: PlanRollup | None = None
) -> dict[str, Any]:
    """Return the days, or every statement of the run in its order."""
    request = PlanRequest.from_event(event)
    result = (plan_rollup or _plan_rollup())(request)
    logger.info("planned", extra={"run": request.run, "step": request.step})
    return result
