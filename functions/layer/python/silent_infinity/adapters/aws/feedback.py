"""Explicit feedback in DynamoDB."""

from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import ConditionFailedError, call
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.ports.feedback import Feedback

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoFeedbackStore:
    """A `FeedbackStore` over the table whose key is `feedback_id`, with the indexes by session and by day."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def put(self, feedback: Feedback) -> None:
        given = {name: value for name, value in to_payload(feedback).items() if value is not None}
        try:
            call(
                self._client.put_item,
                TableName=self._table,
                Item=to_item({**given, "feedback_date": feedback.created_at[:10]}),
                ConditionExpression="attribute_not_exists(feedback_id)",
            )
        except ConditionFailedError:
            return

    def of_session(self, session_id: str) -> tuple[Feedback, ...]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="session-index",
            KeyConditionExpression="session_id = :session",
            ExpressionAttributeValues=to_item({":session": session_id}),
        )
        return tuple(
            from_payload(Feedback, from_item(item))
            for page in call(lambda: list(pages))
            for item in page["Items"]
        )

    def forget_session(self, session_id: str) -> int:
        found = self.of_session(session_id)
        for feedback in found:
            call(
                self._client.delete_item,
                TableName=self._table,
                Key=to_item({"feedback_id": feedback.feedback_id}),
            )
        return len(found)
