"""The one transaction that makes a turn part of the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import TransactionCancelledError, call
from silent_infinity.adapters.aws.contention import patiently
from silent_infinity.adapters.aws.conversation_items import session_item, turn_item
from silent_infinity.adapters.aws.items import to_item
from silent_infinity.domain.limits import split_budget_key
from silent_infinity.ports.conversations import Session
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from silent_infinity.ports.turn_records import TurnRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


@dataclass(frozen=True, slots=True)
class _Write:
    """One operation. The record stands or falls with it, unless it is `optional`."""

    name: str
    operation: "TransactWriteItemTypeDef"
    optional: bool = False


class DynamoTurnRecorder:
    """A `TurnRecorder`: at most five operations in one TransactWriteItems.

    The claim and the budget may be gone by the time a record is replayed from the queue. An update would
    bring an empty item back, so theirs are conditional and left out when the item is not what it was.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        *,
        turn_events_table: str,
        conversations_table: str,
        claims_table: str,
        limits_table: str,
    ) -> None:
        self._client = client
        self._turn_events = turn_events_table
        self._conversations = conversations_table
        self._claims = claims_table
        self._limits = limits_table

    def record(self, record: TurnRecord) -> bool:
        writes = self._writes(record)
        while True:
            try:
                self._write(writes)
            except TransactionCancelledError as cancelled:
                failed = [write for place, write in enumerate(writes) if cancelled.failed(place)]
                if failed[0].name == "event":
                    return False
                if failed[0].name == "session":
                    raise ConflictError("session") from None
                if not all(write.optional for write in failed):
                    raise StoreUnavailableError("TransactionCanceled") from None
                writes = [write for write in writes if write not in failed]
            else:
                return True

    def _write(self, writes: Sequence[_Write]) -> None:
        def write() -> object:
            return call(
                self._client.transact_write_items, TransactItems=[write.operation for write in writes]
            )

        patiently(write)

    def _writes(self, record: TurnRecord) -> list[_Write]:
        writes = [
            _Write(
                "event",
                {
                    "Put": {
                        "TableName": self._turn_events,
                        "Item": to_item({**record.event, "expires_at": record.event_expires_at}),
                        "ConditionExpression": "attribute_not_exists(turn_id)",
                    }
                },
            )
        ]
        if record.session is not None:
            writes.append(self._session(record.session))
            if record.turn is not None:
                put_turn: TransactWriteItemTypeDef = {
                    "Put": {"TableName": self._conversations, "Item": turn_item(record.turn)}
                }
                writes.append(_Write("turn", put_turn))
        if record.claim_key:
            writes.append(self._claim(record.claim_key, record.event["turn_id"]))
        if record.settle_key and record.settle_tokens:
            writes.append(self._budget(record.settle_key, record.settle_tokens))
        return writes

    def _session(self, session: Session) -> _Write:
        as_read = "#posture.#version = :read AND #user = :user AND #deleted = :false"
        if session.posture.version == 1:
            # Nothing was read: the message could not be captured, so this record opens the session.
            as_read = f"attribute_not_exists(pk) OR ({as_read})"
        return _Write(
            "session",
            {
                "Put": {
                    "TableName": self._conversations,
                    "Item": session_item(session),
                    "ConditionExpression": as_read,
                    "ExpressionAttributeNames": {
                        "#posture": "posture",
                        "#version": "version",
                        "#user": "user_id_hash",
                        "#deleted": "deleted",
                    },
                    "ExpressionAttributeValues": to_item(
                        {
                            ":read": session.posture.version - 1,
                            ":user": session.user_id_hash,
                            ":false": False,
                        }
                    ),
                }
            },
        )

    def _claim(self, claim_key: str, turn_id: str) -> _Write:
        return _Write(
            "claim",
            {
                "Update": {
                    "TableName": self._claims,
                    "Key": to_item({"claim_key": claim_key}),
                    "UpdateExpression": "REMOVE #record",
                    "ConditionExpression": "turn_id = :turn",
                    "ExpressionAttributeNames": {"#record": "record"},
                    "ExpressionAttributeValues": to_item({":turn": turn_id}),
                }
            },
            optional=True,
        )

    def _budget(self, settle_key: str, tokens: int) -> _Write:
        user_id_hash, day = split_budget_key(settle_key)
        return _Write(
            "budget",
            {
                "Update": {
                    "TableName": self._limits,
                    "Key": to_item({"limit_key": user_id_hash}),
                    "UpdateExpression": "ADD used_tokens :difference",
                    "ConditionExpression": "budget_day = :day",
                    "ExpressionAttributeValues": to_item({":difference": tokens, ":day": day}),
                }
            },
            optional=True,
        )
