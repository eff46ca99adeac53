"""Take variants back that a measurement found wanting: asked by a workflow, or by an alarm of CloudWatch."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import operators
from silent_infinity.settings import Settings

logger = Logger(service="demote_variant")


@cache
def _demotion_consumer() -> operators.DemotionConsumer:
    return operators.demote_variants(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, consumer: operators.DemotionConsumer | None = None
) -> dict[str, Any]:
    """Return what became of each variant. An outage fails the run: asked again, it does what is missing."""
    results = [demoted.to_payload() for demoted in (consumer or _demotion_consumer())(event)]
    for result in results:
        logger.info("demotion", extra=result)
    return {"results": results}
