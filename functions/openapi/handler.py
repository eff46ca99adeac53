"""Serve the description of the API: `GET /v1/openapi.json`."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.adapters.http.description import respond
from silent_infinity.settings import Settings

logger = Logger(service="openapi")


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the OpenAPI document, or 304 to a caller that has it."""
    response = respond(event, cors_origin=Settings.from_env().optional("CORS_ORIGIN"))
    logger.info("description", extra={"status_code": response["statusCode"]})
    return response
