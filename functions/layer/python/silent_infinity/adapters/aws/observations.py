"""The sentinel's records in DynamoDB, in the table of the conversations."""

from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.calls import TransactionCancelledError, call
from silent_infinity.adapters.aws.contention import patiently
from silent_infinity.adapters.aws.conversation_items import observation_key, session_key
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.adapters.aws.live_misses import added
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.sentinel import Observation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoObservationStore:
    """An `ObservationStore` over the table of `conversation_items`; `live_misses` counts in another."""

    def __init__(self, client: "DynamoDBClient", table: str, *, counts_table: str) -> None:
        self._client = client
        self._table = table
        self._counts = counts_table

    def find(self, session_id: str, turn_id: str) -> Observation | None:
        found = call(
            self._client.get_item,
            TableName=self._table,
            Key=observation_key(session_id, turn_id),
            ConsistentRead=True,
        )
        return from_payload(Observation, from_item(found["Item"])) if "Item" in found else None

    def put(self, observation: Observation) -> bool:
        key = observation_key(observation.session_id, observation.turn_id)

        def write() -> object:
            # The session is checked in the same transaction: a deletion that began while the model was
            # thinking has left a tombstone, and nothing may appear behind its back.
            return call(
                self._client.transact_write_items,
                TransactItems=[
                    {
                        "ConditionCheck": {
                            "TableName": self._table,
                            "Key": session_key(observation.session_id),
                            "ConditionExpression": "#deleted = :false",
                            "ExpressionAttributeNames": {"#deleted": "deleted"},
                            "ExpressionAttributeValues": to_item({":false": False}),
                        }
                    },
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": {**key, **to_item(to_payload(observation))},
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                    # Counted with the item, so that a turn is counted once however often it is delivered.
                    added(
                        self._counts,
                        observation.turn_id,
                        observation.observed_at,
                        missed=observation.miss,
                    ),
                ],
            )

        try:
            patiently(write)
        except TransactionCancelledError:
            return False
        return True
