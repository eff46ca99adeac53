"""Take explicit feedback: `POST /v1/feedback`."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity import bootstrap
from silent_infinity.adapters.http.api_gateway import respond
from silent_infinity.settings import Settings
from silent_infinity.usecases.give_feedback import GiveFeedback

logger = Logger(service="feedback_api")


@cache
def _give_feedback() -> GiveFeedback:
    return bootstrap.give_feedback(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, give_feedback: GiveFeedback | None = None
) -> dict[str, Any]:
    """Store the feedback and return 201, or a problem document."""
    response = respond(
        event,
        lambda request: (give_feedback or _give_feedback())(request.subject, request.body),
        cors_origin=Settings.from_env().optional("CORS_ORIGIN"),
    )
    logger.info("feedback", extra={"status_code": response["statusCode"]})
    return response
