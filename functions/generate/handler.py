"""Write a draft of the reply, by a model or without one."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity import bootstrap
from silent_infinity.settings import Settings
from silent_infinity.usecases.generate_reply import GenerateReply, GenerateRequest

logger = Logger(service="generate")


@cache
def _generate_reply() -> GenerateReply:
    return bootstrap.generate_reply(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, generate_reply: GenerateReply | None = None
) -> dict[str, Any]:
    """Return a draft; it is no reply before it is validated."""
    result = (generate_reply or _generate_reply())(GenerateRequest.from_event(event))
    logger.info(
        "drafted",
        extra={"turn_id": result.turn_id, "source": result.draft.source, "model_id": result.draft.model_id},
    )
    return result.to_payload()
