"""Sessions and turns in DynamoDB."""

from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import ConditionFailedError, TransactionCancelledError, call
from silent_infinity.adapters.aws.contention import patiently
from silent_infinity.adapters.aws.conversation_items import (
    TURN_PREFIX,
    USER_INDEX,
    is_turn,
    partition,
    session_item,
    session_key,
    session_of,
    turn_item,
    turn_key,
    turn_of,
)
from silent_infinity.adapters.aws.items import Item, to_item
from silent_infinity.ports.conversations import Session, StoredTurn
from silent_infinity.ports.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BURIED = ("deleted", "updated_at", "expires_at", "state", "posture", "variants", "locale", "returning")
"""What a tombstone changes or lacks."""


class DynamoConversationStore:
    """A `ConversationStore` over the table of `conversation_items`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find_session(self, session_id: str) -> Session | None:
        found = call(
            self._client.get_item, TableName=self._table, Key=session_key(session_id), ConsistentRead=True
        )
        return session_of(found["Item"]) if "Item" in found else None

    def store_message(self, session: Session, turn: StoredTurn) -> None:
        opened = {
            name: attribute for name, attribute in session_item(session).items() if name not in ("pk", "sk")
        }

        def write() -> object:
            return call(
                self._client.transact_write_items,
                TransactItems=[
                    {
                        "Update": {
                            "TableName": self._table,
                            "Key": session_key(session.session_id),
                            "UpdateExpression": "SET "
                            + ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in opened),
                            "ConditionExpression": "attribute_not_exists(pk)"
                            " OR (#user_id_hash = :user_id_hash AND #deleted = :deleted)",
                            "ExpressionAttributeNames": {f"#{name}": name for name in opened},
                            "ExpressionAttributeValues": {
                                f":{name}": attribute for name, attribute in opened.items()
                            },
                        }
                    },
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": turn_item(turn),
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                ],
            )

        try:
            patiently(write)
        except TransactionCancelledError as cancelled:
            if cancelled.failed(0):
                raise ConflictError("session") from None
            # Only the turn's own condition failed: an earlier attempt stored both already.

    def has_session(self, user_id_hash: str) -> bool:
        found = call(
            self._client.query,
            TableName=self._table,
            IndexName=USER_INDEX,
            KeyConditionExpression="user_id_hash = :user",
            ExpressionAttributeValues=to_item({":user": user_id_hash}),
            Select="COUNT",
            Limit=1,
        )
        return bool(found["Count"])

    def find_turn(self, session_id: str, turn_id: str) -> StoredTurn | None:
        found = call(
            self._client.get_item,
            TableName=self._table,
            Key=turn_key(session_id, turn_id),
            ConsistentRead=True,
        )
        return turn_of(found["Item"]) if "Item" in found else None

    def recent_turns(self, session_id: str, limit: int) -> tuple[StoredTurn, ...]:
        return self._turns(session_id, limit)[::-1] if limit > 0 else ()

    def all_turns(self, session_id: str) -> tuple[StoredTurn, ...]:
        return self._turns(session_id, None)[::-1]

    def remove_turns(self, session_id: str) -> int:
        # Whatever shares the session's partition goes, so that a kind of item that is added later cannot be
        # forgotten here.
        keys = [key for key in self._keys(session_id) if key != session_key(session_id)]
        for key in keys:
            call(self._client.delete_item, TableName=self._table, Key=key)
        return sum(is_turn(key) for key in keys)

    def bury_session(self, session_id: str, deleted_at: str, expires_at: int) -> None:
        def write() -> object:
            return call(
                self._client.update_item,
                TableName=self._table,
                Key=session_key(session_id),
                UpdateExpression="SET #deleted = :true, #updated_at = :deleted_at, #expires_at = :expires_at"
                " REMOVE #state, #posture, #variants, #locale, #returning",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeNames={f"#{name}": name for name in _BURIED},
                ExpressionAttributeValues=to_item(
                    {":true": True, ":deleted_at": deleted_at, ":expires_at": expires_at}
                ),
            )

        try:
            patiently(write)
        except ConditionFailedError:
            return

    def _keys(self, session_id: str) -> list[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :session",
            ExpressionAttributeValues=to_item({":session": partition(session_id)}),
            ProjectionExpression="pk, sk",
            ConsistentRead=True,
        )
        return [dict(item) for page in call(lambda: list(pages)) for item in page["Items"]]

    def _turns(self, session_id: str, limit: int | None) -> tuple[StoredTurn, ...]:
        """Return the newest turns first."""
        found: list[StoredTurn] = []
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :session AND begins_with(sk, :turns)",
            ExpressionAttributeValues=to_item({":session": partition(session_id), ":turns": TURN_PREFIX}),
            ScanIndexForward=False,
            ConsistentRead=True,
            PaginationConfig={} if limit is None else {"MaxItems": limit, "PageSize": limit},
        )
        for page in call(lambda: list(pages)):
            found.extend(turn_of(item) for item in page["Items"])
        return tuple(found)
