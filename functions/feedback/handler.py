"""Record a turn: its reply, its event and the counters, exactly once."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity import bootstrap
from silent_infinity.settings import Settings
from silent_infinity.usecases.record_turn import RecordRequest, RecordTurn

logger = Logger(service="feedback")


@cache
def _record_turn() -> RecordTurn:
    return bootstrap.record_turn(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, record_turn: RecordTurn | None = None
) -> dict[str, Any]:
    """Record the turn and return the answer that counts."""
    result = (record_turn or _record_turn())(RecordRequest.from_event(event))
    logger.info("recorded", extra={"turn_id": result.answer.get("turn_id")})
    return result.to_payload()
