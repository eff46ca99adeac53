"""Ask those who may approve a promotion, and leave the workflow's token where their decision finds it."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import approvals
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.settings import Settings
from silent_infinity.usecases.ask_approvers import AskApprovers, AskRequest

logger = Logger(service="promotion_ask")


@cache
def _ask() -> AskApprovers:
    return approvals.ask_approvers(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, ask: AskApprovers | None = None
) -> dict[str, Any]:
    """Return how many were asked. Nothing reads it: the workflow goes on when somebody has decided."""
    request = from_payload(AskRequest, event)
    asked = (ask or _ask())(request)
    logger.info("asked", extra={"promotion_id": request.promotion_id, "asked": asked.asked})
    return dict(to_payload(asked))
