"""Publish what the rollup computed of variants."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import lake
from silent_infinity.settings import Settings
from silent_infinity.usecases.publish_metrics import PublishMetrics, PublishRequest

logger = Logger(service="rollup_metrics")


@cache
def _publish_metrics() -> PublishMetrics:
    return lake.publish_metrics(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, publish_metrics: PublishMetrics | None = None
) -> dict[str, Any]:
    """Replace the figures of some days, and return how many days of variants were written."""
    request = PublishRequest.from_event(event)
    result = (publish_metrics or _publish_metrics())(request).to_payload()
    logger.info("published", extra={"first": request.first, "last": request.last, **result})
    return result
