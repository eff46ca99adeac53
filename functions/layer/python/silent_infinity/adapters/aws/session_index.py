"""The index of sessions by person, over the index that holds nothing but keys."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import call
from silent_infinity.adapters.aws.conversation_items import USER_INDEX, session_id_of
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.ports.session_index import PeoplePage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoSessionIndex:
    """A `SessionIndex` over the conversations' table.

    Only sessions are in the index, and a person's lie side by side in it. The cursor is DynamoDB's own, as
    JSON; it names a session and a pseudonym.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def people_since(self, since: str, cursor: str, limit: int) -> PeoplePage:
        going_on: dict[str, Any] = {"ExclusiveStartKey": to_item(json.loads(cursor))} if cursor else {}
        page: Mapping[str, Any] = call(
            self._client.scan,
            TableName=self._table,
            IndexName=USER_INDEX,
            FilterExpression="updated_at >= :since",
            ExpressionAttributeValues=to_item({":since": since}),
            Limit=limit,
            **going_on,
        )
        people = dict.fromkeys(str(from_item(item)["user_id_hash"]) for item in page["Items"])
        last = page.get("LastEvaluatedKey")
        return PeoplePage(tuple(people), json.dumps(from_item(last)) if last else "")

    def sessions_since(self, user_id_hash: str, since: str) -> tuple[str, ...]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=USER_INDEX,
            KeyConditionExpression="user_id_hash = :user AND updated_at >= :since",
            ExpressionAttributeValues=to_item({":user": user_id_hash, ":since": since}),
        )
        return tuple(
            session_id_of(from_item(item)["pk"])
            for page in call(lambda: list(pages))
            for item in page["Items"]
        )
