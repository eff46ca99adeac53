"""Record the turns that could not be recorded when they happened."""

import json
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity import bootstrap
from silent_infinity.settings import Settings
from silent_infinity.usecases.record_turn import RecordRequest, RecordTurn

logger = Logger(service="turn_redrive")


@cache
def _record_turn() -> RecordTurn:
    return bootstrap.record_turn(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, record_turn: RecordTurn | None = None
) -> None:
    """Record each turn of the batch (of one: a failure sends exactly that message back to the queue)."""
    for message in event["Records"]:
        request = RecordRequest.from_event({"record": json.loads(message["body"])})
        (record_turn or _record_turn())(request)
        logger.info("recorded late", extra={"turn_id": request.record.turn.turn_id})
