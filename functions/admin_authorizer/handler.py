"""Tell API Gateway who may use the operators' API: whoever is in the group `admin` of the operators' pool."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.adapters.http.authorizer import policy
from silent_infinity.bootstrap import operators
from silent_infinity.settings import Settings
from silent_infinity.usecases.authorize_operator import AuthorizeOperator

ROUTES = "admin/api/*"
logger = Logger(service="admin_authorizer")


@cache
def _authorize_operator() -> AuthorizeOperator:
    return operators.authorize_operator(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, authorize_operator: AuthorizeOperator | None = None
) -> dict[str, Any]:
    """Return a policy for the holder of the token, or raise what API Gateway answers with 401 or 500."""
    return policy(
        event,
        authorize_operator or _authorize_operator(),
        routes=ROUTES,
        refused=_tell,
    )


def _tell(reason: str) -> None:
    logger.info("refused", extra={"reason": reason})
