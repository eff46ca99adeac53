"""A quarantine in Amazon SQS."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import call

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsQuarantine:
    """A `Quarantine` over a queue: facts in the body, no attributes. The client is made when it is needed."""

    def __init__(self, client: "Callable[[], SQSClient]", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, facts: Mapping[str, str]) -> None:
        call(
            self._client().send_message,
            QueueUrl=self._queue_url,
            MessageBody=json.dumps(dict(facts), separators=(",", ":")),
        )
