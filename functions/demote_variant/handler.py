"""Take variants back that a measurement found wanting: asked by a workflow, or by an alarm of CloudWatch."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity import bootstrap
from silent_infinity.adapters.aws.demotion_events import demotions
from silent_infinity.settings import Settings
from silent_infinity.usecases.demote_variant import DemoteVariant

logger = Logger(service="demote_variant")


@cache
def _demote_variant() -> DemoteVariant:
    return bootstrap.demote_variant(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, demote_variant: DemoteVariant | None = None
) -> dict[str, Any]:
    """Return what became of each variant. An outage fails the run: asked again, it does what is missing."""
    results = [(demote_variant or _demote_variant())(demotion).to_payload() for demotion in demotions(event)]
    for result in results:
        logger.info("demotion", extra=result)
    return {"results": results}
