"""The mailbox of the people on call: a queue that is subscribed to the operations topic."""

import json
from typing import Any

import boto3


class Mailbox:
    """Topic and queue in the simulated AWS of a test."""

    def __init__(self) -> None:
        """Make both."""
        sns, self._sqs = boto3.client("sns"), boto3.client("sqs")
        self.topic_arn = sns.create_topic(Name="operations")["TopicArn"]
        self._url = self._sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=arn)

    def told(self) -> list[dict[str, Any]]:
        """Take what the people on call were told, in one batch of at most ten."""
        found = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(json.loads(message["Body"])["Message"]) for message in found]
