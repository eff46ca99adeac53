"""Show the page of an approval and take decisions: `GET` and `POST /v1/approvals/{approval_id}`."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.adapters.http.approvals import respond
from silent_infinity.bootstrap import approvals
from silent_infinity.settings import Settings
from silent_infinity.usecases.decide_promotion import DecidePromotion

logger = Logger(service="approvals")


@cache
def _page() -> DecidePromotion:
    return approvals.decide_promotion(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, page: DecidePromotion | None = None
) -> dict[str, Any]:
    """Return the page. Neither the link nor what was typed is logged."""
    response = respond(event, page or _page(), Settings.from_env().environment)
    logger.info("approval", extra={"method": event["httpMethod"], "status_code": response["statusCode"]})
    return response
