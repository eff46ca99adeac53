"""Judge a promotion by its gates, and keep what was found as evidence."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import promotion
from silent_infinity.settings import Settings
from silent_infinity.usecases.evaluate_gates import EvaluateGates, EvaluateRequest

logger = Logger(service="promotion_evaluate")


@cache
def _evaluate_gates() -> EvaluateGates:
    return promotion.evaluate_gates(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, evaluate_gates: EvaluateGates | None = None
) -> dict[str, Any]:
    """Return the verdict, the hash of its evidence, and when to look again if there is not enough data."""
    request = EvaluateRequest.from_event(event)
    result = (evaluate_gates or _evaluate_gates())(request)
    logger.info(
        "evaluated",
        extra={
            "promotion_id": request.promotion_id,
            "phase": request.phase,
            "verdict": result.verdict,
            "regression": result.regression,
            "evidence_hash": result.evidence_hash,
        },
    )
    return result.to_payload()
