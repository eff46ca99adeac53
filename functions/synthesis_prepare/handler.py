"""Find who is due a weekly summary, one page of people at a time."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import background
from silent_infinity.settings import Settings
from silent_infinity.usecases.prepare_synthesis import PrepareRequest, PrepareSynthesis

logger = Logger(service="synthesis_prepare")


@cache
def _prepare_synthesis() -> PrepareSynthesis:
    return background.prepare_synthesis(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, prepare_synthesis: PrepareSynthesis | None = None
) -> dict[str, Any]:
    """Return how far the search has come: counts, and nobody's name."""
    result = (prepare_synthesis or _prepare_synthesis())(PrepareRequest.from_event(event))
    logger.info("prepared", extra={"week": result.week, "outcome": result.outcome, "records": result.records})
    return result.to_payload()
