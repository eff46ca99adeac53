"""End a run over a week of summaries."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import background
from silent_infinity.settings import Settings
from silent_infinity.usecases.close_synthesis import CloseRequest, CloseSynthesis

logger = Logger(service="synthesis_close")


@cache
def _close_synthesis() -> CloseSynthesis:
    return background.close_synthesis(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, close_synthesis: CloseSynthesis | None = None
) -> dict[str, Any]:
    """Delete the run's files, let the week go, and return what was ended."""
    result = (close_synthesis or _close_synthesis())(CloseRequest.from_event(event))
    logger.info("closed", extra={"week": result.week, "outcome": result.outcome})
    return result.to_payload()
