"""Let no draft reach a person unread."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity import bootstrap
from silent_infinity.settings import Settings
from silent_infinity.usecases.validate_reply import ValidateReply, ValidateRequest

logger = Logger(service="validate")


@cache
def _validate_reply() -> ValidateReply:
    return bootstrap.validate_reply(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, validate_reply: ValidateReply | None = None
) -> dict[str, Any]:
    """Return whether the draft may be served, and the text as it may be."""
    result = (validate_reply or _validate_reply())(ValidateRequest.from_event(event))
    logger.info("validated", extra={"turn_id": result.turn_id, "acceptable": result.validation.acceptable})
    return result.to_payload()
