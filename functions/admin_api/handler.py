"""Let operators see and change variants: `/admin/api/...`."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.adapters.http.admin import OperatorRoutes, respond
from silent_infinity.bootstrap import operators
from silent_infinity.settings import Settings

logger = Logger(service="admin_api")


@cache
def _routes() -> OperatorRoutes:
    return operators.operator_routes(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, routes: OperatorRoutes | None = None
) -> dict[str, Any]:
    """Call the route for an operator and return its response, or a problem document."""
    settings = Settings.from_env()
    response = respond(
        event,
        lambda: routes or _routes(),
        pool_id=settings.text("OPERATOR_POOL_ID"),
        client_id=settings.text("OPERATOR_CLIENT_ID"),
        cors_origin=settings.optional("CORS_ORIGIN"),
    )
    logger.info("admin", extra={"route": event["resource"], "status_code": response["statusCode"]})
    return response
