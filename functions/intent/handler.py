"""Find out what kind of turn a message asks for."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity import bootstrap
from silent_infinity.settings import Settings
from silent_infinity.usecases.detect_intent import DetectIntent, IntentRequest

logger = Logger(service="intent")


@cache
def _detect_intent() -> DetectIntent:
    return bootstrap.detect_intent(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, detect_intent: DetectIntent | None = None
) -> dict[str, Any]:
    """Return intent and turn class, and the ready reply if no model is needed."""
    result = (detect_intent or _detect_intent())(IntentRequest.from_event(event))
    logger.info(
        "understood",
        extra={
            "turn_id": result.turn_id,
            "intent": result.intent.intent,
            "turn_class": result.intent.turn_class,
        },
    )
    return result.to_payload()
