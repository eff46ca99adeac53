"""Bring events into the lake that were quarantined on their way."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import lake
from silent_infinity.settings import Settings
from silent_infinity.usecases.replay_events import ReplayEvents

logger = Logger(service="lake_replay")


@cache
def _replay_events() -> ReplayEvents:
    return lake.replay_events(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, replay_events: ReplayEvents | None = None
) -> dict[str, Any]:
    """Replay each message of the batch and name those that have to stay."""
    messages = [(message["messageId"], message["body"]) for message in event["Records"]]
    replayed = (replay_events or _replay_events())(messages)
    for each in replayed:
        logger.info("replay", extra={"message_id": each.message_id, "outcome": each.outcome})
    failures = [{"itemIdentifier": each.message_id} for each in replayed if each.stays]
    return {"batchItemFailures": failures}
