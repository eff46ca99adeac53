"""Screen a message for crisis. No store: what decides, this function carries. It may ask a model besides."""

from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity import bootstrap
from silent_infinity.settings import Settings
from silent_infinity.usecases.screen_for_crisis import ScreenForCrisis, ScreenRequest

logger = Logger(service="crisis_screen")


@cache
def _screen_for_crisis() -> ScreenForCrisis:
    return bootstrap.screen_for_crisis(Settings.from_env(), Path(__file__).parent)


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, screen_for_crisis: ScreenForCrisis | None = None
) -> dict[str, Any]:
    """Return the crisis level of the message and, if there is one, a reply that is safe to serve."""
    result = (screen_for_crisis or _screen_for_crisis())(ScreenRequest.from_event(event))
    logger.info(
        "screened",
        extra={
            "turn_id": result.turn_id,
            "crisis_level": result.screen.level,
            "path": result.screen.path,
            "degraded": result.screen.degraded,
        },
    )
    return result.to_payload()
