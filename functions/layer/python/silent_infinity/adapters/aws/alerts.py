"""Alerts by Amazon SNS."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import call

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsAlerts:
    """An `Alerts` over the operations topic. The client is made with the first alert: most runs send none."""

    def __init__(self, client: "Callable[[], SNSClient]", topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def send(self, subject: str, facts: Mapping[str, str | int]) -> None:
        self.tell(subject, json.dumps(dict(facts), indent=1))

    def tell(self, subject: str, text: str) -> None:
        call(self._client().publish, TopicArn=self._topic_arn, Subject=subject, Message=text)
