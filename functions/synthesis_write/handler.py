"""Write one part of the weekly summaries."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import background
from silent_infinity.settings import Settings
from silent_infinity.usecases.write_summaries import WriteRequest, WriteSummaries

logger = Logger(service="synthesis_write")


@cache
def _write_summaries() -> WriteSummaries:
    return background.write_summaries(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, write_summaries: WriteSummaries | None = None
) -> dict[str, Any]:
    """Write the part and return its counts. What was given up is logged by its code."""
    result = (write_summaries or _write_summaries())(WriteRequest.from_event(event))
    for skipped in result.reasons:
        logger.warning("skipped", extra={"record_id": skipped.record_id, "code": skipped.code})
    return result.to_payload()
