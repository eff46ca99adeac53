"""Judge what the rollup computed: bounds that do not hold, arms that have to be taken back."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import lake
from silent_infinity.settings import Settings
from silent_infinity.usecases.evaluate_rollup import EvaluateRollup, EvaluationRequest

logger = Logger(service="rollup_evaluate")


@cache
def _evaluate_rollup() -> EvaluateRollup:
    return lake.evaluate_rollup(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, evaluate_rollup: EvaluateRollup | None = None
) -> dict[str, Any]:
    """Return the messages for the people on call, and the demotions that the machine is to ask for."""
    request = EvaluationRequest.from_event(event)
    result = (evaluate_rollup or _evaluate_rollup())(request)
    logger.info(
        "evaluated",
        extra={
            "date": request.date,
            "breaches": [breach.name for breach in result.breaches],
            "regressions": [f"{each.category}/{each.variant_id}" for each in result.regressions],
        },
    )
    return result.to_payload()
