"""Let people read and delete their own sessions: `GET` and `DELETE /v1/sessions/{session_id}`."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity import bootstrap
from silent_infinity.adapters.http.api_gateway import respond
from silent_infinity.settings import Settings

logger = Logger(service="sessions_api")


@cache
def _routes() -> bootstrap.SessionRoutes:
    return bootstrap.session_routes(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, routes: bootstrap.SessionRoutes | None = None
) -> dict[str, Any]:
    """Call the route of the method and return its response, or a problem document."""
    response = respond(
        event,
        lambda request: (routes or _routes())[request.method](request.subject, request.path["session_id"]),
        cors_origin=Settings.from_env().optional("CORS_ORIGIN"),
    )
    logger.info("session", extra={"method": event["httpMethod"], "status_code": response["statusCode"]})
    return response
