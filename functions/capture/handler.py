"""Capture a message before anything else can fail."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity import bootstrap
from silent_infinity.settings import Settings
from silent_infinity.usecases.capture_message import CaptureMessage, CaptureRequest

logger = Logger(service="capture")


@cache
def _capture_message() -> CaptureMessage:
    return bootstrap.capture_message(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, capture_message: CaptureMessage | None = None
) -> dict[str, Any]:
    """Claim and store the message, and return what the turn needs to know."""
    result = (capture_message or _capture_message())(CaptureRequest.from_event(event))
    logger.info(
        "captured", extra={"outcome": result.outcome, "turn_id": result.turn.turn_id if result.turn else None}
    )
    return result.to_payload()
